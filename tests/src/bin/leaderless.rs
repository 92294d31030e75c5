//! How long a cluster of real processes is without a leader: `cargo run --release -p tests --bin leaderless`.
//!
//! Three masters with an agent; the leader is killed, and later ended in order, so many times. Measured is the time until
//! another master leads and the agent is registered with it: then it offers what the agent has.

use std::time::{Duration, Instant};

use mesos_tests::Replicated;

/// As often as is enough for a figure, and bearable to wait for.
const ROUNDS: usize = 20;

fn main() {
    let mut cluster = Replicated::start(3);
    cluster.leader();
    cluster.wait_for_agents(1);
    println!("sessions with ZooKeeper last 2 s; {ROUNDS} rounds each; milliseconds\n");
    println!(
        "{:<16} {:>6} {:>6} {:>6}",
        "the leader", "median", "99 %", "max"
    );
    let killed = (0..ROUNDS).map(|_| round(&mut cluster, Replicated::kill_9));
    row("is killed", killed.collect());
    let ended = (0..ROUNDS).map(|_| {
        round(&mut cluster, |cluster, leader| {
            cluster.ask_to_end(leader);
        })
    });
    row("ends in order", ended.collect());
}

fn round(cluster: &mut Replicated, end: impl FnOnce(&mut Replicated, usize)) -> Duration {
    let leader = cluster.leader();
    let began = Instant::now();
    end(cluster, leader);
    cluster.leader_but(leader);
    cluster.wait_for_agents(1);
    let took = began.elapsed();
    cluster.wait_for_end(leader);
    cluster.restart(leader);
    cluster.wait_for_master(leader);
    took
}

fn row(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| {
        let index = ((times.len() - 1) as f64 * share).ceil() as usize;
        times[index].as_millis()
    };
    println!("{what:<16} {:>6} {:>6} {:>6}", at(0.5), at(0.99), at(1.0));
}
