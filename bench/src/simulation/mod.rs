//! Simulated worlds: how much faster than real time they run.

mod crowd;
mod traffic;

use crate::child::Role;
use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

/// Nothing but memory: an hour in less than two seconds, whatever the number of nodes.
const IDLE: f64 = 2000.0;

pub(crate) fn contests() -> Vec<Contest> {
    let title = "3 nodes, each sends 1,000 messages a second, full QUIC";
    let libprocess_quic = Contestant::direct("libprocess", || Ok(traffic::times_real(false)));
    let quic = Contest::new("sim-quic", title, Unit::TimesReal);
    let title = "3 nodes, each sends 1,000 messages a second, message link";
    let libprocess_messages = Contestant::direct("libprocess", || Ok(traffic::times_real(true)));
    let messages = Contest::new("sim-messages", title, Unit::TimesReal);
    let title =
        "100,000 nodes with an actor each that tell their neighbours every second that they live";
    let crowd_runs = Contestant::direct("libprocess", || Ok(crowd::times_real()));
    let crowd = Contest::new("sim-crowd", title, Unit::TimesReal).at_most_rounds(1);
    let title = "the same nodes, linked, that have nothing to say";
    let idle_runs = Contestant::direct("libprocess", || Ok(crowd::idle_times_real()));
    let idle = Contest::new("sim-idle", title, Unit::TimesReal).at_most_rounds(1);
    let title = "those that tell their neighbours: memory a node, with its actor and two links";
    let crowd_needs = Contestant::direct("libprocess", || Ok(crowd::bytes()));
    let memory = Contest::new("sim-crowd-memory", title, Unit::Bytes).at_most_rounds(1);
    vec![
        quic.with(libprocess_quic.wanted(Wanted::Least(5.0))),
        messages.with(libprocess_messages.wanted(Wanted::Least(300.0))),
        crowd.with(crowd_runs),
        idle.with(idle_runs.wanted(Wanted::Least(IDLE))),
        memory.with(crowd_needs),
    ]
}

/// The processes that these benchmarks start.
pub(crate) fn roles() -> Vec<Role> {
    vec![crowd::ROLE]
}
