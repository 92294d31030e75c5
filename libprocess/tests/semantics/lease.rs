//! The worked example of the README: its bug is found by a seed, its fix holds for all.

use libprocess::sim;

include!("../../examples/shared/lease.rs");

#[test]
fn a_seed_finds_the_bug_and_its_last_messages_show_it() {
    let found = sim::search(0..100, |net| lease_scenario(net, Counts::FromTheAnswer));
    let found = found.expect("no seed finds the bug");
    assert!(found.why.contains("both believe"), "{}", found.why);
    // The same seed finds it again, after the same messages.
    let again = sim::search(found.seed..found.seed + 1, |net| {
        lease_scenario(net, Counts::FromTheAnswer)
    });
    assert_eq!(again, Some(found.clone()));
    let line = "server@10.0.0.1:5050  ask Acquire";
    assert!(found.last_lines.iter().any(|it| it.contains(line)));
}

#[test]
fn the_fix_holds_for_all_seeds() {
    let found = sim::search(0..50, |net| lease_scenario(net, Counts::FromTheQuestion));
    assert_eq!(found, None);
}
