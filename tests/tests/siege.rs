//! A minute of disasters in a small data centre of real processes. Longer: `cargo run -p tests --bin siege`.

use std::time::Duration;

use mesos_tests::siege::siege;

#[test]
fn whatever_is_killed_paused_cut_off_or_full_tasks_go_on_and_jobs_are_done_once() {
    // Another order in every run would make a failure hard to see again; the long run takes others.
    siege(Duration::from_secs(60), 0, |line| println!("{line}"));
}
