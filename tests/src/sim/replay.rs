//! Runs that say how to repeat them.

use std::future::Future;
use std::ops::Range;

use libprocess::sim::{self, Net, SEED_VARIABLE};

/// Runs a scenario with one seed, in a world of its own.
pub fn run<F: Future>(seed: u64, scenario: impl FnOnce(Net) -> F) -> F::Output {
    sim::run(seed, |net| {
        let replay = Replay::of(&net);
        let scenario = scenario(net);
        async move {
            let result = scenario.await;
            drop(replay);
            result
        }
    })
}

/// Runs a scenario with each seed; with one only if `LIBPROCESS_SEED` says which.
pub fn explore<F: Future<Output = ()>>(seeds: Range<u64>, scenario: impl Fn(Net) -> F) {
    sim::explore(seeds, |net| {
        let replay = Replay::of(&net);
        let scenario = scenario(net);
        async move {
            scenario.await;
            drop(replay);
        }
    });
}

/// Prints the command that repeats this run, if it ends in a panic.
struct Replay {
    seed: u64,
}

impl Replay {
    fn of(net: &Net) -> Replay {
        Replay { seed: net.seed() }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.seed;
            let thread = std::thread::current();
            // Test harnesses name the thread after the test.
            let test = thread.name().unwrap_or_default();
            eprintln!(
                "to repeat it: {SEED_VARIABLE}={seed} cargo test -p mesos-tests --test simulated -- --exact {test}"
            );
        }
    }
}
