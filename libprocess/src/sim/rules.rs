//! Faults are rules: each sees every packet and says what becomes of it.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rand::rngs::StdRng;

use super::trace::Fate;
use super::world::World;

/// What a rule sees of what passes the network: a datagram, or what the message link carries at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Virtual time since the start of the run.
    pub at: Duration,
    /// Where it comes from.
    pub from: SocketAddr,
    /// Where it goes to.
    pub to: SocketAddr,
    /// Its length in bytes.
    pub size: usize,
}

/// What a rule does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Pass,
    /// It is lost. No later rule is asked.
    Drop,
    /// It takes longer, in addition to what other rules say.
    Delay(Duration),
    /// It arrives twice; later rules are asked about each of the two. Without effect on the message link,
    /// which knows what it has seen.
    Duplicate,
}

/// A fault. A closure from packets to verdicts is one.
///
/// Rules are asked in the order in which they were set, after those of [`Net`](super::Net)'s own faults. They
/// must not use the `Net` that they belong to.
pub trait Rule: Send + 'static {
    /// Asked about each packet when it leaves. Chance comes from the run's seed.
    fn leaves(&mut self, packet: &Packet, chance: &mut StdRng) -> Verdict;

    /// Asked about each packet when it is to arrive: false loses it.
    fn arrives(&mut self, _packet: &Packet) -> bool {
        true
    }
}

impl<F: FnMut(&Packet) -> Verdict + Send + 'static> Rule for F {
    fn leaves(&mut self, packet: &Packet, _: &mut StdRng) -> Verdict {
        self(packet)
    }
}

/// A rule that is in force until this is dropped.
#[must_use = "a rule whose guard is dropped is over at once"]
pub struct RuleGuard {
    world: Weak<World>,
    number: u64,
}

impl RuleGuard {
    pub(super) fn new(world: &Arc<World>, number: u64) -> Self {
        RuleGuard {
            world: Arc::downgrade(world),
            number,
        }
    }

    /// Leaves the rule in force until the end of the run.
    pub fn keep(mut self) {
        self.world = Weak::new();
    }
}

impl Drop for RuleGuard {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.rules(|rules| rules.remove(self.number));
        }
    }
}

/// The rules in force, by number, which is the order in which they are asked.
#[derive(Default)]
pub(super) struct Rules {
    rules: Vec<(u64, Box<dyn Rule>)>,
    added: u64,
}

/// After which times the copies of a packet arrive. Nearly always there is one.
#[derive(Debug, Default)]
pub(super) struct Copies {
    pub(super) first: Duration,
    pub(super) more: Vec<Duration>,
}

impl Copies {
    /// What a rule leaves of them, asked about each.
    fn pass(&self, rule: &mut Box<dyn Rule>, packet: &Packet, chance: &mut StdRng) -> Option<Self> {
        let mut left = Vec::new();
        for delay in self.iter() {
            match rule.leaves(packet, chance) {
                Verdict::Pass => left.push(delay),
                Verdict::Drop => {}
                Verdict::Delay(longer) => left.push(delay + longer),
                Verdict::Duplicate => left.extend([delay, delay]),
            }
        }
        let first = *left.first()?;
        let more = left.split_off(1);
        Some(Copies { first, more })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Duration> {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }
}

/// The numbers of built-in faults, each of which there is once. What stops a packet comes first.
pub(super) mod built_in {
    pub(in crate::sim) const PARTITION: u64 = 0;
    pub(in crate::sim) const LOSS: u64 = 1;
    pub(in crate::sim) const DUPLICATE: u64 = 2;
    pub(in crate::sim) const LATENCY: u64 = 3;
    pub(in crate::sim) const REORDER: u64 = 4;
    pub(in crate::sim) const BANDWIDTH: u64 = 5;
    /// Those of the scenario.
    pub(super) const FIRST_OWN: u64 = 16;
}

impl Rules {
    /// Adds a rule of the scenario's own; gives its number.
    pub(super) fn add(&mut self, rule: impl Rule) -> u64 {
        let number = built_in::FIRST_OWN + self.added;
        self.added += 1;
        self.set(number, rule);
        number
    }

    /// Sets a built-in one.
    pub(super) fn set(&mut self, number: u64, rule: impl Rule) {
        let rule = (number, Box::new(rule) as Box<dyn Rule>);
        match self.find(number) {
            Ok(at) => self.rules[at] = rule,
            Err(at) => self.rules.insert(at, rule),
        }
    }

    pub(super) fn remove(&mut self, number: u64) {
        if let Ok(at) = self.find(number) {
            self.rules.remove(at);
        }
    }

    fn find(&self, number: u64) -> Result<usize, usize> {
        self.rules.binary_search_by_key(&number, |(it, _)| *it)
    }

    /// Whether there is one besides partitions that may stop packets.
    pub(super) fn may_stop(&self) -> bool {
        let may = |number| number == built_in::LOSS || number >= built_in::FIRST_OWN;
        self.rules.iter().any(|(number, _)| may(*number))
    }

    /// What becomes of a packet: after which times its copies arrive, or why it does not.
    pub(super) fn leaves(&mut self, packet: &Packet, chance: &mut StdRng) -> Result<Copies, Fate> {
        let mut copies = Copies::default();
        for (number, rule) in &mut self.rules {
            let Copies { first, more } = &mut copies;
            if !more.is_empty() {
                copies = copies.pass(rule, packet, chance).ok_or(fate(*number))?;
                continue;
            }
            match rule.leaves(packet, chance) {
                Verdict::Pass => {}
                Verdict::Drop => return Err(fate(*number)),
                Verdict::Delay(longer) => *first += longer,
                Verdict::Duplicate => more.push(*first),
            }
        }
        Ok(copies)
    }

    pub(super) fn arrives(&mut self, packet: &Packet) -> Result<(), Fate> {
        for (number, rule) in &mut self.rules {
            if !rule.arrives(packet) {
                return Err(fate(*number));
            }
        }
        Ok(())
    }
}

/// Of what the rule with this number stops.
fn fate(number: u64) -> Fate {
    match number {
        built_in::PARTITION => Fate::Blocked,
        _ => Fate::Lost,
    }
}
