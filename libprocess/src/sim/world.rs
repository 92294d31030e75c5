//! What all nodes of a simulated world share: its clock, chance, rules, machines and trace.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::disk::Disk;
use super::envelope::{Envelope, Envelopes};
use super::fuse::Fuse;
use super::gate::Gate;
use super::rules::{Copies, Packet, Rules, built_in};
use super::taps::Taps;
use super::trace::{Fate, Trace, TraceEvent};
use super::weather::{Bandwidth, Latency, Partition};
use crate::tls::PeerIdentity;

/// What the clocks on the walls show when a run begins, in seconds since 1970: a fixed date, the same in every run.
const EPOCH_SECONDS: u64 = 1_767_225_600;

/// How long a packet takes unless the scenario says otherwise.
const LATENCY: Duration = Duration::from_millis(1);

pub(super) struct World {
    start: Instant,
    state: Mutex<State>,
    taps: Mutex<Taps>,
    envelopes: Mutex<Envelopes>,
    /// Why the run has failed, if it has.
    failure: Mutex<Option<String>>,
    failed: Notify,
}

struct State {
    random: StdRng,
    rules: Rules,
    /// What the rules of these two are made of.
    partition: Partition,
    bandwidth: Bandwidth,
    machines: BTreeMap<SocketAddr, Machine>,
    trace: Trace,
}

/// What an address is from one life of its node to the next.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) disk: Disk,
    clock: Arc<AtomicI64>,
    pub(super) fuse: Fuse,
    /// Of the present life.
    gate: Gate,
    /// Who it is, if the world started it.
    pub(super) identity: Option<(String, String)>,
}

/// A point in time, read once for all that happens at it: asking the clock is slow.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    /// Since the start of the run.
    pub(super) at: Duration,
}

/// A node's part in the world; see [`Seat`](crate::seat::Seat).
pub(crate) struct Simulated {
    world: Arc<World>,
    gate: Gate,
    fuse: Fuse,
    start: Instant,
    /// By how many nanoseconds the clock on the wall is wrong.
    clock: Arc<AtomicI64>,
}

impl Moment {
    pub(super) fn packet(&self, from: SocketAddr, to: SocketAddr, size: usize) -> Packet {
        let at = self.at;
        Packet { at, from, to, size }
    }
}

impl Simulated {
    pub(super) fn world(&self) -> &Arc<World> {
        &self.world
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Whether a message that is about to be handled is not to be, as the power goes or has gone.
    pub(super) fn loses_power(&self) -> bool {
        if self.fuse.blows() {
            self.gate.close();
        }
        // Actors handle several messages in a turn: one of them, or what an earlier one wrote, may have been the last.
        self.gate.is_closed()
    }

    pub(crate) fn wall_time(&self) -> SystemTime {
        let right =
            SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH_SECONDS) + self.start.elapsed();
        let wrong = self.clock.load(Ordering::Relaxed);
        let by = Duration::from_nanos(wrong.unsigned_abs());
        match wrong < 0 {
            true => right.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH),
            false => right + by,
        }
    }
}

impl World {
    /// Needs a tokio runtime around it, whose clock it uses.
    pub(super) fn new(seed: u64) -> Self {
        let mut rules = Rules::default();
        rules.set(built_in::LATENCY, Latency(LATENCY..=LATENCY));
        World {
            start: Instant::now(),
            state: Mutex::new(State {
                random: StdRng::seed_from_u64(seed),
                rules,
                partition: Partition::default(),
                bandwidth: Bandwidth::default(),
                machines: BTreeMap::new(),
                trace: Trace::new(),
            }),
            taps: Mutex::default(),
            envelopes: Mutex::default(),
            failure: Mutex::default(),
            failed: Notify::new(),
        }
    }

    pub(super) fn taps<R>(&self, with: impl FnOnce(&mut Taps) -> R) -> R {
        with(&mut lock(&self.taps))
    }

    pub(super) fn envelopes<R>(&self, with: impl FnOnce(&mut Envelopes) -> R) -> R {
        with(&mut lock(&self.envelopes))
    }

    /// Adds an envelope to the trace and its hash.
    pub(super) fn record(&self, envelope: Envelope) {
        self.state().trace.mix_envelope(&envelope);
        self.envelopes(|envelopes| envelopes.record(envelope));
    }

    /// The last envelopes, oldest first.
    pub(super) fn last_lines(&self, count: usize) -> Vec<String> {
        self.envelopes(|envelopes| {
            let last = envelopes.last().rev().take(count);
            let mut lines: Vec<_> = last.map(ToString::to_string).collect();
            lines.reverse();
            lines
        })
    }

    /// The run fails, whatever the scenario is waiting for.
    pub(super) fn fail(&self, why: String) {
        lock(&self.failure).get_or_insert(why);
        self.failed.notify_one();
    }

    /// Waits until the run has failed; gives why.
    pub(super) async fn failed(&self) -> String {
        loop {
            if let Some(why) = lock(&self.failure).clone() {
                return why;
            }
            self.failed.notified().await;
        }
    }

    /// Lets go of all that the scenario has given to it, which may hold nodes, which hold this.
    pub(super) fn end(&self) {
        let rules = self.rules(std::mem::take);
        let taps = self.taps(std::mem::take);
        let envelopes = self.envelopes(std::mem::take);
        drop((rules, taps, envelopes));
    }

    /// Where the node is that presents this identity, if the world started it.
    pub(super) fn address_of(&self, peer: &PeerIdentity) -> Option<SocketAddr> {
        let state = self.state();
        let mut machines = state.machines.iter();
        let of = |machine: &Machine| {
            let identity = machine.identity.as_ref();
            identity.is_some_and(|(role, name)| *role == peer.role && *name == peer.name)
        };
        machines.find(|(_, machine)| of(machine)).map(|(at, _)| *at)
    }

    /// Since the start of the run.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// What the time is.
    pub(super) fn moment(&self) -> Moment {
        let now = Instant::now();
        let at = now - self.start;
        Moment { now, at }
    }

    pub(super) fn packet(&self, from: SocketAddr, to: SocketAddr, size: usize) -> Packet {
        let at = self.elapsed();
        Packet { at, from, to, size }
    }

    /// After which times the copies of a packet arrive that leaves now; none if it is stopped.
    pub(super) fn leaves(&self, packet: &Packet) -> Option<Copies> {
        let state = &mut *self.state();
        match state.rules.leaves(packet, &mut state.random) {
            Ok(copies) => {
                state.trace.record(TraceEvent::of(packet, Fate::Sent));
                for _ in &copies.more {
                    state.trace.record(TraceEvent::of(packet, Fate::Duplicated));
                }
                Some(copies)
            }
            Err(fate) => {
                state.trace.record(TraceEvent::of(packet, fate));
                None
            }
        }
    }

    /// Whether a packet arrives for which there is room (`fate` is then [`Fate::Delivered`]).
    pub(super) fn arrives(&self, packet: &Packet, fate: Fate) -> bool {
        let state = &mut *self.state();
        let fate = state.rules.arrives(packet).err().unwrap_or(fate);
        state.trace.record(TraceEvent::of(packet, fate));
        fate == Fate::Delivered
    }

    /// Whether a packet would pass if it were sent now and took no time. It leaves no trace.
    pub(super) fn would_pass(&self, packet: &Packet) -> bool {
        let state = &mut *self.state();
        let leaves = state.rules.leaves(packet, &mut state.random);
        leaves.is_ok() && state.rules.arrives(packet).is_ok()
    }

    /// Whether a rule may stop packets at the moment.
    pub(super) fn may_stop_packets(&self) -> bool {
        let state = self.state();
        !state.partition.0.is_empty() || state.rules.may_stop()
    }

    pub(super) fn rules<R>(&self, change: impl FnOnce(&mut Rules) -> R) -> R {
        change(&mut self.state().rules)
    }

    pub(super) fn partition(&self, change: impl FnOnce(&mut Partition)) {
        let state = &mut *self.state();
        change(&mut state.partition);
        state
            .rules
            .set(built_in::PARTITION, state.partition.clone());
    }

    pub(super) fn bandwidth(&self, change: impl FnOnce(&mut Bandwidth)) {
        let state = &mut *self.state();
        change(&mut state.bandwidth);
        state
            .rules
            .set(built_in::BANDWIDTH, state.bandwidth.clone());
    }

    /// The machine at `address`; there is one at every address that is asked for.
    pub(super) fn machine<R>(
        &self,
        address: SocketAddr,
        with: impl FnOnce(&mut Machine) -> R,
    ) -> R {
        let machines = &mut self.state().machines;
        with(machines.entry(address).or_insert_with(Machine::new))
    }

    /// A new life begins at `address`.
    pub(super) fn seat(self: &Arc<Self>, address: SocketAddr) -> Simulated {
        self.machine(address, |machine| {
            machine.gate = Gate::default();
            Simulated {
                world: self.clone(),
                gate: machine.gate.clone(),
                fuse: machine.fuse.clone(),
                start: self.start,
                clock: machine.clock.clone(),
            }
        })
    }

    /// The machine at `address` loses its power.
    pub(super) fn power_failure(&self, address: SocketAddr) {
        let state = &mut *self.state();
        if let Some(machine) = state.machines.get(&address) {
            machine.disk.crash(&mut state.random);
        }
    }

    pub(super) fn note(&self, text: &str) {
        let at = self.elapsed();
        self.state().trace.mix(format!("{at:?} {text}").as_bytes());
    }

    pub(super) fn trace_hash(&self) -> u64 {
        self.state().trace.hash()
    }

    pub(super) fn trace(&self) -> Vec<TraceEvent> {
        self.state().trace.last().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// What panics in here is a scenario's rule or predicate, and leaves things whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated").finish_non_exhaustive()
    }
}

impl Machine {
    fn new() -> Self {
        Machine {
            disk: Disk::new(),
            clock: Arc::default(),
            fuse: Fuse::default(),
            gate: Gate::default(),
            identity: None,
        }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Moves its clock on the wall.
    pub(super) fn move_clock(&self, by: i64) {
        self.clock.fetch_add(by, Ordering::Relaxed);
    }
}
