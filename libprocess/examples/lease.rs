//! A lease service with a bug that no test on a quiet network finds, the seed that finds it, and the fix.
//!
//! `cargo run -p libprocess --example lease`

use libprocess::sim;

include!("shared/lease.rs");

fn main() {
    let found = sim::search(0..100, |net| lease_scenario(net, Counts::FromTheAnswer));
    let found = found.expect("no seed finds the bug");
    let last = &found.last_lines[found.last_lines.len() - 4..];
    println!("seed {} of the first hundred: {}", found.seed, found.why);
    println!("what happened before:\n{}", last.join("\n"));

    let found = sim::search(0..30, |net| lease_scenario(net, Counts::FromTheQuestion));
    assert_eq!(found, None);
    println!("with the fix, nothing was found with thirty seeds");
}
