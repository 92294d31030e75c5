//! Many simulated clusters, each with misfortunes of its own. More of them: `cargo run -p tests --bin soak`.

use mesos_tests::sim::{Scenario, search};

/// A minute or two.
const SEEDS: u64 = 200;

#[test]
fn whatever_happens_nothing_is_lost_or_done_twice() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if let Some(failure) = search(Scenario::default(), 0..SEEDS, threads, |_| {}) {
        panic!("{failure}");
    }
}
