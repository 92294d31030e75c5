//! What happened on a simulated network, in short enough a form to keep and to compare.

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::envelope::Envelope;
use super::rules::Packet;

/// The fate of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Under way to the receiver.
    Sent,
    /// Handed to the receiver.
    Delivered,
    /// Under way once more.
    Duplicated,
    /// Lost by chance.
    Lost,
    /// Stopped by a partition.
    Blocked,
    /// Nobody has the address.
    NobodyThere,
}

/// One event on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// Virtual time since the start of the run.
    pub at: Duration,
    /// The datagram's sender.
    pub from: SocketAddr,
    /// The datagram's destination.
    pub to: SocketAddr,
    /// The datagram's length in bytes. Its content is encrypted under keys that differ in each run.
    pub size: usize,
    /// What happened to it.
    pub fate: Fate,
}

impl TraceEvent {
    pub(super) fn of(packet: &Packet, fate: Fate) -> Self {
        let Packet { at, from, to, size } = *packet;
        TraceEvent {
            at,
            from,
            to,
            size,
            fate,
        }
    }
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceEvent {
            at,
            from,
            to,
            size,
            fate,
        } = self;
        let seconds = at.as_secs_f64();
        write!(
            f,
            "{seconds:>12.6} s  {from} -> {to}  {size:>5} B  {fate:?}"
        )
    }
}

/// How many events are kept to be looked at. All of them are in the hash.
const KEPT: usize = 10_000;

/// The last events, and a hash of all.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    last: VecDeque<TraceEvent>,
}

impl Trace {
    pub(super) fn new() -> Self {
        Trace {
            hash: FNV_OFFSET,
            last: VecDeque::new(),
        }
    }

    pub(super) fn record(&mut self, event: TraceEvent) {
        let TraceEvent {
            at,
            from,
            to,
            size,
            fate,
        } = &event;
        self.mix_word(at.as_nanos() as u64);
        for address in [from, to] {
            match address.ip() {
                IpAddr::V4(ip) => self.mix_word(u64::from(ip.to_bits())),
                IpAddr::V6(ip) => self.mix(&ip.octets()),
            }
            self.mix_word(u64::from(address.port()));
        }
        self.mix_word(*size as u64);
        self.mix_word(*fate as u64);
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    /// Adds an envelope to the hash.
    pub(super) fn mix_envelope(&mut self, envelope: &Envelope) {
        self.mix_word(envelope.at.as_nanos() as u64);
        self.mix_word(envelope.kind as u64);
        self.mix_word(envelope.passage as u64);
        self.mix_word(envelope.trace);
        self.mix(envelope.message.as_bytes());
        for actor in [&envelope.from, &envelope.to].into_iter().flatten() {
            self.mix_word(actor.incarnation());
            self.mix_word(u64::from(actor.address().port()));
            self.mix(actor.name().as_bytes());
        }
    }

    fn mix_word(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(FNV_PRIME).rotate_left(29);
    }

    /// Adds something that is not about datagrams to the hash.
    pub(super) fn mix(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix_word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix_word(u64::from_le_bytes(last));
        self.mix_word(bytes.len() as u64);
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn last(&self) -> impl Iterator<Item = &TraceEvent> {
        self.last.iter()
    }
}

// After FNV-1a, by words: the same on every machine and with every compiler, unlike the standard library's hashes.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
