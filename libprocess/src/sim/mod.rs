//! Simulated worlds: many nodes in one thread, in virtual time, with faults, repeatable.
//!
//! ```text
//!   sim::run(seed, |net| async move {
//!       net.node("10.0.0.1:5050").await ─► Node ─► actors ─► links ─► quinn ─┐   production code
//!       net.partition(..); net.heal();                                       ▼
//!   })                                                              simulated datagrams
//! ```
//!
//! Everything runs in a single-threaded tokio runtime whose clock stands still while anything can
//! happen, and jumps to the next timer when nothing can. Idle nodes cost next to nothing, a minute
//! of waiting takes no time. Nodes are the production's, down to the real QUIC and TLS; only the
//! datagrams are ours. The same seed gives the same run: the same datagrams at the same times with
//! the same sizes, which [`Net::trace_hash`] sums up.
//!
//! That holds as long as simulated code takes time from tokio and chance from its context, does
//! not iterate over hash maps, starts no threads, and writes `biased` in `select!`.

mod datagrams;
mod disk;
mod door;
mod envelope;
mod faults;
mod gate;
mod net;
mod party;
mod rules;
mod tap;
mod taps;
mod trace;
mod weather;
mod world;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::env;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

pub use disk::Disk;
pub(crate) use door::{Judgement, Message};
pub use envelope::{Envelope, Kind, Passage};
pub use net::{Net, Place};
pub use party::{ANY, Party};
pub use rules::{Packet, Rule, RuleGuard, Verdict};
pub use tap::{Expect, Never, PATIENCE};
pub use trace::{Fate, TraceEvent};
pub(crate) use world::Simulated;

use world::World;

use tokio::task::LocalSet;
use tokio::time::timeout;

/// The environment variable that makes [`run`] and [`explore`] use its seed instead of theirs.
pub const SEED_VARIABLE: &str = "LIBPROCESS_SEED";

/// A scenario that has not ended by then, in virtual time, waits for what will never happen.
pub const LONGEST_RUN: Duration = Duration::from_secs(24 * 3600);

/// Runs `scenario` in a simulated world of its own, and returns what it returns.
///
/// If [`SEED_VARIABLE`] is set, its seed is used instead.
///
/// # Panics
/// If the scenario panics, after printing the seed and how to repeat the run; or if it has not
/// ended after [`LONGEST_RUN`].
#[track_caller]
pub fn run<S, F>(seed: u64, scenario: S) -> F::Output
where
    S: FnOnce(Net) -> F,
    F: Future,
{
    world(replayed_seed().unwrap_or(seed), scenario)
}

/// Runs `scenario` once for each seed; for one seed only if [`SEED_VARIABLE`] is set.
///
/// # Panics
/// As [`run`] does, at the first seed that fails.
#[track_caller]
pub fn explore<S, F>(seeds: Range<u64>, scenario: S)
where
    S: Fn(Net) -> F,
    F: Future<Output = ()>,
{
    match replayed_seed() {
        Some(seed) => world(seed, &scenario),
        None => seeds.for_each(|seed| world(seed, &scenario)),
    }
}

#[track_caller]
fn world<S, F>(seed: u64, scenario: S) -> F::Output
where
    S: FnOnce(Net) -> F,
    F: Future,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    let local = LocalSet::new();
    let last = RefCell::new(LastLines::default());
    let run = || {
        local.block_on(&runtime, async {
            let net = Net::new(seed);
            last.borrow_mut().watch(&net);
            let world = net.world.clone();
            tokio::select! {
                biased;
                why = world.failed() => Err(why),
                ended = timeout(LONGEST_RUN, scenario(net)) => ended.map_err(|_| {
                    format!("the scenario has not ended after {LONGEST_RUN:?} of virtual time")
                }),
            }
        })
    };
    let ended = catch_unwind(AssertUnwindSafe(run));
    if !matches!(ended, Ok(Ok(_))) {
        last.borrow().print();
        eprintln!("the simulated run with seed {seed} failed; to repeat it:");
        eprintln!("{}", replay(seed));
    }
    last.borrow_mut().end();
    match ended {
        Ok(Ok(output)) => output,
        Ok(Err(why)) => panic!("{why}"),
        Err(panic) => resume_unwind(panic),
    }
}

/// How many of the last envelopes are printed when a run fails.
const LAST_LINES: usize = 40;

/// The world of a run, for what is to be done with it when the run is over.
#[derive(Default)]
struct LastLines(Option<Arc<World>>);

impl LastLines {
    fn watch(&mut self, net: &Net) {
        self.0 = Some(net.world.clone());
    }

    fn print(&self) {
        let Some(world) = &self.0 else { return };
        let lines = world.envelopes(|envelopes| {
            let last = envelopes.last().rev().take(LAST_LINES);
            last.map(ToString::to_string).collect::<Vec<_>>()
        });
        if !lines.is_empty() {
            eprintln!("the last {} messages of the run:", lines.len());
        }
        lines.iter().rev().for_each(|line| eprintln!("{line}"));
    }

    fn end(&mut self) {
        if let Some(world) = self.0.take() {
            world.end();
        }
    }
}

/// The command that repeats a run. Test harnesses name the thread after the test.
fn replay(seed: u64) -> String {
    let thread = std::thread::current();
    let command = match thread.name() {
        Some("main") | None => env::args().collect::<Vec<_>>().join(" "),
        Some(test) => {
            let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
            let package = match package.as_str() {
                "" => String::new(),
                name => format!("-p {name} "),
            };
            format!("cargo test {package}-- --exact {test}")
        }
    };
    format!("{SEED_VARIABLE}={seed} {command}")
}

#[track_caller]
fn replayed_seed() -> Option<u64> {
    let text = env::var(SEED_VARIABLE).ok()?;
    let seed = text.parse();
    Some(seed.unwrap_or_else(|_| panic!("{SEED_VARIABLE}={text} is not a seed: 0 to 2^64 - 1")))
}
