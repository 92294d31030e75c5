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
//! not iterate over hash maps, starts no threads, writes `biased` in `select!`, and lets no two tasks wait on one
//! `tokio::sync::watch`, which wakes its receivers in an order of its own chance (`Notify` does so in that of their coming).

mod datagrams;
mod disk;
mod door;
mod envelope;
mod faults;
mod fuse;
mod gate;
mod messages;
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

use std::any::Any;
use std::cell::OnceCell;
use std::env;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

pub use disk::Disk;
pub(crate) use door::{Judgement, Message};
pub use envelope::{Envelope, Kind, Passage};
pub use messages::Messages;
pub(crate) use messages::{Attachment, WireEnd};
pub use net::{Net, Place};
pub use party::{ANY, Party};
pub use rules::{Packet, Rule, RuleGuard, Verdict};
pub use tap::{Expect, Never, PATIENCE};
pub use trace::{Fate, TraceEvent};
pub(crate) use world::{Moment, Simulated};

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

/// As [`run`], on the message network (see [`Net::messages`]).
///
/// # Panics
/// As [`run`] does.
#[track_caller]
pub fn run_messages<S, F>(seed: u64, scenario: S) -> F::Output
where
    S: FnOnce(Net) -> F,
    F: Future,
{
    run(seed, |net| {
        net.messages();
        scenario(net)
    })
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

/// What [`search`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The seed of the run that failed.
    pub seed: u64,
    /// What it failed with.
    pub why: String,
    /// The last messages of the run, oldest first.
    pub last_lines: Vec<String>,
}

/// Runs `scenario` with one seed after the other until it fails, and gives what was found. For programs that look for
/// bugs; tests use [`explore`].
pub fn search<S, F>(seeds: Range<u64>, scenario: S) -> Option<Found>
where
    S: Fn(Net) -> F,
    F: Future<Output = ()>,
{
    seeds.into_iter().find_map(|seed| {
        let failed = attempt(seed, &scenario).err()?;
        Some(Found {
            seed,
            why: failed.text(),
            last_lines: failed.last_lines,
        })
    })
}

#[track_caller]
fn world<S, F>(seed: u64, scenario: S) -> F::Output
where
    S: FnOnce(Net) -> F,
    F: Future,
{
    let failed = match attempt(seed, scenario) {
        Ok(output) => return output,
        Err(failed) => failed,
    };
    if !failed.last_lines.is_empty() {
        eprintln!("the last {} messages of the run:", failed.last_lines.len());
    }
    failed
        .last_lines
        .iter()
        .for_each(|line| eprintln!("{line}"));
    eprintln!("the simulated run with seed {seed} failed; to repeat it:");
    eprintln!("{}", replay(seed));
    match failed.why {
        Why::Panic(panic) => resume_unwind(panic),
        Why::World(why) => panic!("{why}"),
    }
}

/// A run that failed.
struct Failed {
    why: Why,
    last_lines: Vec<String>,
}

enum Why {
    /// Of the scenario.
    Panic(Box<dyn Any + Send>),
    World(String),
}

impl Failed {
    fn text(&self) -> String {
        match &self.why {
            Why::World(why) => why.clone(),
            Why::Panic(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref()) {
                (Some(text), _) => (*text).to_owned(),
                (None, Some(text)) => String::clone(text),
                (None, None) => "a panic with something that is not text".to_owned(),
            },
        }
    }
}

/// How many of the last envelopes are shown when a run fails.
const LAST_LINES: usize = 40;

fn attempt<S, F>(seed: u64, scenario: S) -> Result<F::Output, Failed>
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
    let kept: OnceCell<Kept> = OnceCell::new();
    let run = || {
        local.block_on(&runtime, async {
            let net = Net::new(seed);
            let (world, _) = kept.get_or_init(|| (net.world.clone(), net.messages.clone()));
            let carrier = net.carrier();
            // What arrives at a time is delivered before actors run, so that they get it together with what else they
            // do at that time.
            tokio::select! {
                biased;
                () = carrier => Err("the network is gone".to_owned()),
                why = world.failed() => Err(why),
                ended = timeout(LONGEST_RUN, scenario(net)) => ended.map_err(|_| {
                    format!("the scenario has not ended after {LONGEST_RUN:?} of virtual time")
                }),
            }
        })
    };
    let why = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(output)) => {
            kept.get().inspect(|kept| end(kept));
            return Ok(output);
        }
        Ok(Err(why)) => Why::World(why),
        Err(panic) => Why::Panic(panic),
    };
    let last_lines = kept.get().map(|kept| {
        let lines = kept.0.last_lines(LAST_LINES);
        end(kept);
        lines
    });
    Err(Failed {
        why,
        last_lines: last_lines.unwrap_or_default(),
    })
}

/// What is left of a world when its scenario is over.
type Kept = (Arc<World>, Messages);

/// Lets go of all that would hold one another.
fn end((world, messages): &Kept) {
    messages.shared().end();
    world.end();
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
