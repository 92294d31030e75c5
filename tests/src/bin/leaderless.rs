//! How long a cluster of real processes is without a leader:
//!
//! ```text
//! cargo build --release -p mesos-cli && cargo run --release -p tests --bin leaderless
//! ```
//!
//! Three masters that meet in ZooKeeper, an agent, and a framework whose task runs. The leader is killed, and later ended
//! in order, so many times. Measured is the time until the framework has an offer of the next leader; it may see one
//! disconnection each time, and its task is to run on.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mesos_tests::{Onlooker, Replicated, pause};

/// As often as is enough for a figure, and bearable to wait for.
const ROUNDS: usize = 20;

/// As [`Replicated`] sets it.
const SESSION: Duration = Duration::from_secs(2);

/// Whoever was killed is missed when its session is over; all else is to take no more than this.
const AFTER_SESSION: Duration = Duration::from_secs(1);

/// Whoever ends in order says so.
const IN_ORDER: Duration = Duration::from_millis(300);

/// From one end to the next: whoever comes back has begun to stand by, and the others have noticed that it was away.
const BETWEEN: Duration = Duration::from_secs(2);

/// On a loaded machine, and when all goes wrong.
const AT_LAST: Duration = Duration::from_secs(60);

/// What became of one leader's end.
struct Round {
    took: Duration,
    disconnections: usize,
}

fn main() -> ExitCode {
    let mut cluster = Replicated::start(3);
    cluster.leader();
    cluster.wait_for_agents(1);
    let onlooker = cluster.look_on();
    onlooker.wait_for_task(AT_LAST);
    println!("Sessions with ZooKeeper last {SESSION:?}; {ROUNDS} rounds each; milliseconds.\n");
    println!(
        "| until the next leader offers | median | 99 % | max | disconnections, at most | wanted | reached |"
    );
    println!(
        "|:-----------------------------|-------:|-----:|----:|------------------------:|-------:|--------:|"
    );
    let kill = |cluster: &mut Replicated, leader| cluster.kill_9(leader);
    let killed = (0..ROUNDS).map(|_| round(&mut cluster, &onlooker, kill));
    let killed = row(
        "the leader is killed",
        SESSION + AFTER_SESSION,
        killed.collect(),
    );
    let ask = |cluster: &mut Replicated, leader| cluster.ask_to_end(leader);
    let ended = (0..ROUNDS).map(|_| round(&mut cluster, &onlooker, ask));
    let ended = row("the leader ends in order", IN_ORDER, ended.collect());
    let disturbances = onlooker.seen().disturbances;
    let undisturbed = disturbances.is_empty() && onlooker.starts() == 1;
    match undisturbed {
        true => println!("\nThe task of the framework ran on, undisturbed."),
        false => println!("\nThe task of the framework was disturbed: {disturbances:?}"),
    }
    match killed && ended && undisturbed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn round(
    cluster: &mut Replicated,
    onlooker: &Onlooker,
    end: impl FnOnce(&mut Replicated, usize),
) -> Round {
    pause(BETWEEN);
    let leader = cluster.leader();
    let before = onlooker.seen();
    let began = Instant::now();
    end(cluster, leader);
    let (offered, after) = onlooker.wait_for_offer(&before, AT_LAST);
    cluster.wait_for_end(leader);
    cluster.restart(leader);
    cluster.wait_for_master(leader);
    cluster.wait_for_agents(1);
    Round {
        took: offered - began,
        disconnections: after.disconnections - before.disconnections,
    }
}

/// Prints a row; whether all that is wanted was reached.
fn row(what: &str, wanted: Duration, rounds: Vec<Round>) -> bool {
    let most = rounds.iter().map(|round| round.disconnections).max();
    let most = most.unwrap_or_default();
    let mut times: Vec<Duration> = rounds.iter().map(|round| round.took).collect();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).ceil() as usize];
    let reached = at(0.99) <= wanted && most <= 1;
    println!(
        "| {what:<28} | {:>6} | {:>4} | {:>3} | {most:>23} | ≤ {:>4} | {:>7} |",
        at(0.5).as_millis(),
        at(0.99).as_millis(),
        at(1.0).as_millis(),
        wanted.as_millis(),
        if reached { "yes" } else { "no" },
    );
    reached
}
