//! A network of datagrams in virtual time, with faults.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::trace::{Fate, Trace, TraceEvent};
use crate::transport::DatagramNetwork;

/// Carries the datagrams of one simulated world.
pub(super) struct Datagrams {
    state: Mutex<State>,
    /// Something new is under way: the carrier may have to get up earlier.
    sent: Notify,
}

struct State {
    start: Instant,
    random: StdRng,
    faults: Faults,
    attached: BTreeMap<SocketAddr, Attachment>,
    /// How many attachments there ever were.
    attachments: u64,
    /// By time of arrival, then by order of sending.
    under_way: BTreeMap<(Instant, u64), Datagram>,
    /// How many datagrams were ever under way.
    sent: u64,
    trace: Trace,
}

/// What goes wrong. Nothing, at first.
pub(super) struct Faults {
    pub(super) latency: RangeInclusive<Duration>,
    /// Probability.
    pub(super) loss: f64,
    /// Probability.
    pub(super) duplicate: f64,
    /// From, to.
    pub(super) blocked: BTreeSet<(SocketAddr, SocketAddr)>,
}

struct Attachment {
    number: u64,
    inbox: VecDeque<Datagram>,
    receiver: Option<Waker>,
}

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// Datagrams that wait for a node to read them; what comes on top is lost, as by a full socket.
/// Several times what one connection may have under way.
const INBOX: usize = 65_536;

/// The first port that is given to those who ask for any.
const FIRST_FREE_PORT: u16 = 49_152;

const LATENCY: Duration = Duration::from_millis(1);

impl Datagrams {
    /// Needs a tokio runtime around it, whose clock it uses.
    pub(super) fn new(seed: u64) -> Self {
        let faults = Faults {
            latency: LATENCY..=LATENCY,
            loss: 0.0,
            duplicate: 0.0,
            blocked: BTreeSet::new(),
        };
        Datagrams {
            state: Mutex::new(State {
                start: Instant::now(),
                random: StdRng::seed_from_u64(seed),
                faults,
                attached: BTreeMap::new(),
                attachments: 0,
                under_way: BTreeMap::new(),
                sent: 0,
                trace: Trace::new(),
            }),
            sent: Notify::new(),
        }
    }

    /// Delivers datagrams when they are due, for ever.
    pub(super) async fn carry(&self) {
        loop {
            let due = self.state().deliver(Instant::now());
            match due {
                None => self.sent.notified().await,
                Some(due) => tokio::select! {
                    biased;
                    () = self.sent.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    pub(super) fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    /// Detaches a node without its knowledge.
    pub(super) fn unplug(&self, address: SocketAddr) {
        self.state().attached.remove(&address);
    }

    pub(super) fn note(&self, text: &str) {
        let mut state = self.state();
        let at = state.start.elapsed();
        state.trace.mix(format!("{at:?} {text}").as_bytes());
    }

    pub(super) fn trace_hash(&self) -> u64 {
        self.state().trace.hash()
    }

    pub(super) fn trace(&self) -> Vec<TraceEvent> {
        self.state().trace.last().cloned().collect()
    }

    /// A panic elsewhere leaves the state whole: nothing in here panics half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DatagramNetwork for Datagrams {
    fn attach(&self, address: SocketAddr) -> io::Result<(SocketAddr, u64)> {
        let mut state = self.state();
        let address = match address.port() {
            0 => state.free_port(address).ok_or(io::ErrorKind::AddrInUse)?,
            _ => address,
        };
        if state.attached.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.attachments += 1;
        let number = state.attachments;
        let attachment = Attachment {
            number,
            inbox: VecDeque::new(),
            receiver: None,
        };
        state.attached.insert(address, attachment);
        Ok((address, number))
    }

    fn detach(&self, address: SocketAddr, attachment: u64) {
        let mut state = self.state();
        if state.attachment(address, attachment).is_some() {
            state.attached.remove(&address);
        }
    }

    fn send(&self, from: SocketAddr, attachment: u64, to: SocketAddr, datagram: &[u8]) {
        let mut state = self.state();
        if state.attachment(from, attachment).is_none() {
            return;
        }
        state.send(Datagram {
            from,
            to,
            bytes: datagram.to_vec(),
        });
        self.sent.notify_one();
    }

    fn poll_receive(
        &self,
        address: SocketAddr,
        attachment: u64,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<u8>, SocketAddr)> {
        let mut state = self.state();
        let Some(attachment) = state.attachment(address, attachment) else {
            // Unplugged: silence.
            return Poll::Pending;
        };
        match attachment.inbox.pop_front() {
            Some(datagram) => Poll::Ready((datagram.bytes, datagram.from)),
            None => {
                attachment.receiver = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl State {
    fn attachment(&mut self, address: SocketAddr, number: u64) -> Option<&mut Attachment> {
        self.attached
            .get_mut(&address)
            .filter(|attachment| attachment.number == number)
    }

    fn free_port(&self, address: SocketAddr) -> Option<SocketAddr> {
        (FIRST_FREE_PORT..=u16::MAX)
            .map(|port| SocketAddr::new(address.ip(), port))
            .find(|address| !self.attached.contains_key(address))
    }

    fn send(&mut self, datagram: Datagram) {
        if self.is_blocked(&datagram) {
            return self.record(&datagram, Fate::Blocked);
        }
        if self.happens(self.faults.loss) {
            return self.record(&datagram, Fate::Lost);
        }
        if self.happens(self.faults.duplicate) {
            self.record(&datagram, Fate::Duplicated);
            let copy = Datagram {
                bytes: datagram.bytes.clone(),
                ..datagram
            };
            self.put_under_way(copy);
        }
        self.record(&datagram, Fate::Sent);
        self.put_under_way(datagram);
    }

    fn put_under_way(&mut self, datagram: Datagram) {
        let latency = self.random.random_range(self.faults.latency.clone());
        self.sent += 1;
        let arrival = (Instant::now() + latency, self.sent);
        self.under_way.insert(arrival, datagram);
    }

    /// Delivers all that is due, and says when the next will be.
    fn deliver(&mut self, now: Instant) -> Option<Instant> {
        while let Some(next) = self.under_way.first_entry() {
            let (due, _) = *next.key();
            if due > now {
                return Some(due);
            }
            let datagram = next.remove();
            let fate = self.arrive(&datagram);
            self.record(&datagram, fate);
            if fate == Fate::Delivered
                && let Some(attachment) = self.attached.get_mut(&datagram.to)
            {
                attachment.inbox.push_back(datagram);
                if let Some(receiver) = attachment.receiver.take() {
                    receiver.wake();
                }
            }
        }
        None
    }

    fn arrive(&self, datagram: &Datagram) -> Fate {
        match self.attached.get(&datagram.to) {
            _ if self.is_blocked(datagram) => Fate::Blocked,
            None => Fate::NobodyThere,
            Some(attachment) if attachment.inbox.len() >= INBOX => Fate::Lost,
            Some(_) => Fate::Delivered,
        }
    }

    fn is_blocked(&self, datagram: &Datagram) -> bool {
        let way = (datagram.from, datagram.to);
        self.faults.blocked.contains(&way)
    }

    /// Draws only if it matters, so that a world without faults needs no chance.
    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.random.random_bool(probability)
    }

    fn record(&mut self, datagram: &Datagram, fate: Fate) {
        self.trace.record(TraceEvent {
            at: self.start.elapsed(),
            from: datagram.from,
            to: datagram.to,
            size: datagram.bytes.len(),
            fate,
        });
    }
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams").finish_non_exhaustive()
    }
}
