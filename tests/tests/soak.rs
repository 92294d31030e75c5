//! Many simulated clusters, each with misfortunes of its own. More of them: `cargo run -p tests --bin soak`.

use std::ops::Range;
use std::sync::Mutex;

use mesos_tests::sim::{Scenario, search};

/// Clusters of one master and one service: half a second each.
const SMALL: Range<u64> = 0..160;

/// Clusters of one or three masters, with several services, an operator, and a reserving framework: some seconds each.
const LARGE: Range<u64> = 0..40;

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

/// With whoever leads, and who hears of it first.
#[test]
fn a_seed_is_the_same_history_each_time() {
    let scenario = Scenario {
        masters: Some(3),
        ..Scenario::default()
    };
    // Of full QUIC and of messages, with several followers of the group each.
    for seed in [1, 3] {
        let [first, again] = [(), ()].map(|()| scenario.trace_hash(seed));
        assert_eq!(first, again, "seed {seed}");
    }
}
