//! The master under the load of a large cluster: production code with its allocator and registrar, in one process with
//! simulated agents and frameworks.

mod admissions;
mod agent;
mod course;
mod ensemble;
mod failover;
mod launch;
mod remote;
mod scheduler;
mod state;
mod tally;
mod world;

use std::cell::OnceCell;
use std::rc::Rc;

use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

/// One of them takes seconds, and they differ little.
const ROUNDS: usize = 3;

pub(crate) use remote::LEADER;
pub(crate) use state::READERS;

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = failovers();
    contests.extend(histories());
    contests.extend(returns());
    contests.push(launches());
    contests.extend(reads());
    contests.push(admissions());
    contests
}

fn failovers() -> Vec<Contest> {
    let failover = |id, title, agents, wanted: Option<f64>| {
        let run = Contestant::direct("mesos-rs", move || Ok(failover::of(agents)));
        let run = match wanted {
            Some(most) => run.wanted(Wanted::Most(most)),
            None => run,
        };
        Contest::new(id, title, Unit::Milliseconds)
            .with(run)
            .at_most_rounds(ROUNDS)
    };
    let exponent = Contestant::direct("mesos-rs", || Ok(failover::exponent(2_000, 40_000)));
    vec![
        failover(
            "failover-2k",
            "2,000 agents with 20,000 tasks, and 100 frameworks, come back to a new leader",
            2_000,
            None,
        ),
        failover(
            "failover-10k",
            "10,000 agents with 100,000 tasks",
            10_000,
            None,
        ),
        failover(
            "failover-20k",
            "20,000 agents with 200,000 tasks",
            20_000,
            None,
        ),
        failover(
            "failover-40k",
            "40,000 agents with 400,000 tasks",
            40_000,
            Some(1_500.0),
        ),
        Contest::new(
            "failover-exponent",
            "by which power of the number of agents it grows, from 2,000 to 40,000",
            Unit::Exponent,
        )
        .with(exponent)
        .at_most_rounds(1),
    ]
}

fn histories() -> [Contest; 2] {
    let of = |id, title, agents, wanted: Option<f64>| {
        let run = Contestant::direct("mesos-rs", move || Ok(failover::with_history(agents)));
        let run = match wanted {
            Some(most) => run.wanted(Wanted::Most(most)),
            None => run,
        };
        // Millions of records are made for each.
        Contest::new(id, title, Unit::Milliseconds)
            .with(run)
            .at_most_rounds(1)
    };
    [
        of(
            "failover-history-10k",
            "10,000 agents, each with 100 tasks that have ended besides",
            10_000,
            None,
        ),
        of(
            "failover-history-40k",
            "40,000 agents, each with 100 tasks that have ended besides (needs 16 GB)",
            40_000,
            Some(6_000.0),
        ),
    ]
}

/// One run, two figures.
fn returns() -> [Contest; 2] {
    let run = Rc::new(OnceCell::new());
    let again = run.clone();
    let took = Contestant::direct("mesos-rs", move || {
        Ok(run.get_or_init(remote::all_return).took)
    });
    let memory = Contestant::direct("mesos-rs", move || {
        Ok(again.get_or_init(remote::all_return).memory)
    });
    [
        Contest::new(
            "failover-remote",
            "10,000 agents with 100,000 tasks come back over QUIC, from one process to another",
            Unit::Milliseconds,
        )
        .with(took.wanted(Wanted::Most(6_000.0)))
        .at_most_rounds(1),
        Contest::new(
            "failover-remote-memory",
            "what the master has more for them then",
            Unit::Bytes,
        )
        .with(memory)
        .at_most_rounds(1),
    ]
}

fn launches() -> Contest {
    Contest::new(
        "master-launch",
        "tasks launched, running and acknowledged on 10,000 agents",
        Unit::PerSecond,
    )
    .with(
        Contestant::direct("beside a million others", || Ok(launch::into_full()))
            .wanted(Wanted::Least(60_000.0)),
    )
    .with(
        Contestant::direct("beside none", || Ok(launch::into_empty()))
            // Runs differ by so much.
            .wanted(Wanted::Least(0.95)),
    )
    .at_most_rounds(ROUNDS)
}

fn reads() -> [Contest; 2] {
    let one = Contestant::direct("one reader", || Ok(state::one_reader()));
    let beside = Contestant::direct("beside 20 who read /state in a loop", || {
        Ok(state::updates_beside_readers())
    });
    let alone = Contestant::direct("beside none", || Ok(state::updates_alone()));
    [
        Contest::new(
            "state",
            "GET /state of 20,000 agents with 200,000 tasks",
            Unit::Milliseconds,
        )
        .with(one.wanted(Wanted::Most(400.0)))
        .at_most_rounds(1),
        Contest::new(
            "state-polled",
            "slowest hundredth of the status updates of that cluster, from agent to framework",
            Unit::Microseconds,
        )
        .with(beside)
        .with(alone.wanted(Wanted::Most(2.0)))
        .at_most_rounds(ROUNDS),
    ]
}

fn admissions() -> Contest {
    let on_disk = Contestant::direct("on the local disk", || Ok(admissions::on_disk()));
    Contest::new(
        "admissions",
        "50,000 agents admitted into the registry",
        Unit::Milliseconds,
    )
    .with(on_disk.wanted(Wanted::Most(2_000.0)))
    .with(Contestant::direct("on ZooKeeper", admissions::on_zookeeper))
    .at_most_rounds(ROUNDS)
}
