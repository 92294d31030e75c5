//! The built-in faults, each a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

use super::rules::{Packet, Rule, Verdict};

/// Bytes that may wait for a way with a bandwidth; what comes on top is lost. What a switch keeps for a port.
const QUEUE: u64 = 256 * 1024;

/// Ways (from, to) on which nothing passes. What is under way on them is lost.
#[derive(Clone, Default)]
pub(super) struct Partition(pub(super) BTreeSet<(SocketAddr, SocketAddr)>);

impl Partition {
    pub(super) fn blocks(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.0.contains(&(from, to))
    }
}

impl Rule for Partition {
    fn leaves(&mut self, packet: &Packet, _: &mut StdRng) -> Verdict {
        match self.blocks(packet.from, packet.to) {
            true => Verdict::Drop,
            false => Verdict::Pass,
        }
    }

    fn arrives(&mut self, packet: &Packet) -> bool {
        !self.blocks(packet.from, packet.to)
    }
}

/// How long each packet takes.
pub(super) struct Latency(pub(super) RangeInclusive<Duration>);

impl Rule for Latency {
    fn leaves(&mut self, _: &Packet, chance: &mut StdRng) -> Verdict {
        let Latency(range) = self;
        // Draws only if it matters, so that a world without faults needs no chance.
        Verdict::Delay(match range.start() == range.end() {
            true => *range.start(),
            false => chance.random_range(range.clone()),
        })
    }
}

/// The probability of being lost.
pub(super) struct Loss(pub(super) f64);

impl Rule for Loss {
    fn leaves(&mut self, _: &Packet, chance: &mut StdRng) -> Verdict {
        match chance.random_bool(self.0) {
            true => Verdict::Drop,
            false => Verdict::Pass,
        }
    }
}

/// The probability of arriving twice.
pub(super) struct Duplicate(pub(super) f64);

impl Rule for Duplicate {
    fn leaves(&mut self, _: &Packet, chance: &mut StdRng) -> Verdict {
        match chance.random_bool(self.0) {
            true => Verdict::Duplicate,
            false => Verdict::Pass,
        }
    }
}

/// The probability of being held up, for up to so long, while others overtake.
pub(super) struct Reorder(pub(super) f64, pub(super) Duration);

impl Rule for Reorder {
    fn leaves(&mut self, _: &Packet, chance: &mut StdRng) -> Verdict {
        let Reorder(probability, longest) = self;
        match chance.random_bool(*probability) {
            true => Verdict::Delay(chance.random_range(Duration::ZERO..=*longest)),
            false => Verdict::Pass,
        }
    }
}

/// Bytes a second, by way (from, to). Packets wait for those before them.
#[derive(Clone, Default)]
pub(super) struct Bandwidth(BTreeMap<(SocketAddr, SocketAddr), Way>);

#[derive(Clone)]
struct Way {
    bytes_per_second: u64,
    /// When all that was sent so far has passed.
    free_at: Duration,
}

impl Bandwidth {
    pub(super) fn set(&mut self, from: SocketAddr, to: SocketAddr, bytes_per_second: u64) {
        if bytes_per_second == u64::MAX {
            self.0.remove(&(from, to));
            return;
        }
        let way = Way {
            bytes_per_second: bytes_per_second.max(1),
            free_at: Duration::ZERO,
        };
        self.0.insert((from, to), way);
    }
}

impl Rule for Bandwidth {
    fn leaves(&mut self, packet: &Packet, _: &mut StdRng) -> Verdict {
        let Some(way) = self.0.get_mut(&(packet.from, packet.to)) else {
            return Verdict::Pass;
        };
        let lasts =
            |bytes: u64| Duration::from_secs_f64(bytes as f64 / way.bytes_per_second as f64);
        let begins = way.free_at.max(packet.at);
        if begins - packet.at > lasts(QUEUE) {
            return Verdict::Drop;
        }
        way.free_at = begins + lasts(packet.size as u64);
        Verdict::Delay(way.free_at - packet.at)
    }
}
