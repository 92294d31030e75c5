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
mod faults;
mod gate;
mod net;
mod rules;
mod trace;
mod weather;
mod world;

#[cfg(test)]
mod tests;

use std::env;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

pub use disk::Disk;
pub use net::{Net, Place};
pub use rules::{Packet, Rule, RuleGuard, Verdict};
pub use trace::{Fate, TraceEvent};
pub(crate) use world::Simulated;

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
    let run = || {
        local.block_on(&runtime, async {
            let net = Net::new(seed);
            timeout(LONGEST_RUN, scenario(net)).await
        })
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(output)) => output,
        Ok(Err(_)) => {
            explain(seed);
            panic!("the scenario has not ended after {LONGEST_RUN:?} of virtual time");
        }
        Err(panic) => {
            explain(seed);
            resume_unwind(panic)
        }
    }
}

fn explain(seed: u64) {
    eprintln!("the simulated run with seed {seed} failed; to repeat it: {SEED_VARIABLE}={seed}");
}

#[track_caller]
fn replayed_seed() -> Option<u64> {
    let text = env::var(SEED_VARIABLE).ok()?;
    let seed = text.parse();
    Some(seed.unwrap_or_else(|_| panic!("{SEED_VARIABLE}={text} is not a seed: 0 to 2^64 - 1")))
}
