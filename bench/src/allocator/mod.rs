//! The allocator: what one of its runs costs, by the number of agents and frameworks.

mod cluster;
mod memory;

use std::time::Duration;

use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};
use cluster::{Cluster, HUGE, Size};

pub(crate) use memory::ROLE;

/// Cycles measured, of which the median counts.
const CYCLES: usize = 5;

const SMALL: Size = Size::new(1_000, 200);
const MEDIUM: Size = Size::new(10_000, 1_000);
const LARGE: Size = Size::new(20_000, 2_000);

pub(crate) fn contests() -> Vec<Contest> {
    let full = |id, title, size, most| {
        let run = Contestant::direct("mesos-rs", move || Ok(full_cycle(size, plain)));
        Contest::new(id, title, Unit::Milliseconds).with(run.wanted(Wanted::Most(most)))
    };
    let one = |id, title, unit, most, run: fn() -> f64| {
        let run = Contestant::direct("mesos-rs", move || Ok(run()));
        Contest::new(id, title, unit).with(run.wanted(Wanted::Most(most)))
    };
    let flat = Size { roles: 1, ..MEDIUM };
    let wide = Size {
        roles: MEDIUM.frameworks,
        ..MEDIUM
    };
    let quota = Contest::new(
        "allocator-quota",
        "full cycle, 10,000 agents, 1,000 frameworks, all roles with guarantees and limits",
        Unit::Milliseconds,
    )
    .with(Contestant::direct("with quota", || {
        Ok(full_cycle(MEDIUM, Cluster::set_quotas))
    }))
    .with(
        Contestant::direct("without quota", || Ok(full_cycle(MEDIUM, plain)))
            .wanted(Wanted::Most(1.3)),
    );
    let constraints = Contest::new(
        "allocator-constraints",
        "full cycle, 10,000 agents, 1,000 frameworks, each of which wants every other rack, by an expression",
        Unit::Milliseconds,
    )
    .with(
        Contestant::direct("with constraints", || {
            Ok(full_cycle(MEDIUM, Cluster::constrain))
        })
        .wanted(Wanted::Most(25.0)),
    )
    .with(Contestant::direct("without constraints", || {
        Ok(full_cycle(MEDIUM, plain))
    }));
    vec![
        one(
            "allocator-memory",
            "memory an agent on which tasks run, in the allocator",
            Unit::Bytes,
            2_048.0,
            memory::in_allocator,
        )
        .at_most_rounds(1),
        one(
            "agent-memory",
            "memory an agent without tasks, in master and allocator",
            Unit::Bytes,
            2_048.0,
            memory::of_agent,
        )
        .at_most_rounds(1),
        one(
            "task-memory",
            "memory a running task, in master and allocator",
            Unit::Bytes,
            600.0,
            memory::of_task,
        )
        .at_most_rounds(1),
        full("allocator-1k", "full cycle, 1,000 agents, 200 frameworks", SMALL, 1.5),
        full("allocator-10k", "full cycle, 10,000 agents, 1,000 frameworks", MEDIUM, 25.0),
        full("allocator-20k", "full cycle, 20,000 agents, 2,000 frameworks", LARGE, 80.0),
        full("allocator-50k", "full cycle, 50,000 agents, 6,000 frameworks", HUGE, 500.0)
            .at_most_rounds(3),
        full("allocator-flat", "full cycle, 10,000 agents, 1,000 frameworks in one role", flat, 25.0),
        full("allocator-wide", "full cycle, 10,000 agents, 1,000 frameworks, a role each", wide, 25.0),
        one(
            "allocator-exponent",
            "by which power of agents × frameworks a full cycle grows, from the smallest to the largest",
            Unit::Exponent,
            1.0,
            exponent,
        )
        .at_most_rounds(1),
        quota,
        constraints,
        one(
            "allocator-declined",
            "cycle after everybody declined everything, 1,000 agents, 50 frameworks",
            Unit::Milliseconds,
            5.0,
            || declined(false),
        ),
        one(
            "allocator-asked-again",
            "the same after an event that makes everybody be asked again",
            Unit::Milliseconds,
            5.0,
            || declined(true),
        ),
        one(
            "allocator-incremental",
            "run after tasks ended on 1 % of 20,000 agents, 2,000 frameworks",
            Unit::Milliseconds,
            5.0,
            incremental,
        ),
        one(
            "allocator-add",
            "adding 50,000 agents on which tasks run",
            Unit::Milliseconds,
            1_000.0,
            add_agents,
        )
        .at_most_rounds(3),
    ]
}

/// Neither quota nor constraints.
fn plain(_: &mut Cluster) {}

fn full_cycle(size: Size, with: fn(&mut Cluster)) -> f64 {
    let mut cluster = Cluster::new(size);
    with(&mut cluster);
    let mut times: Vec<f64> = (0..CYCLES)
        .map(|_| {
            let (took, given) = cluster.cycle();
            assert_eq!(
                given.len(),
                size.agents as usize,
                "every agent is given away"
            );
            cluster.decline(given);
            milliseconds(took)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[CYCLES / 2]
}

fn exponent() -> f64 {
    let pairs = |size: Size| f64::from(size.agents) * f64::from(size.frameworks);
    let times = full_cycle(HUGE, plain) / full_cycle(SMALL, plain);
    times.ln() / (pairs(HUGE) / pairs(SMALL)).ln()
}

fn declined(asked_again: bool) -> f64 {
    let mut cluster = Cluster::new(Size::new(1_000, 50));
    loop {
        let (_, given) = cluster.cycle();
        if given.is_empty() {
            break;
        }
        cluster.decline(given);
    }
    if asked_again {
        cluster.disturb();
    }
    let (took, given) = cluster.cycle();
    assert!(given.is_empty());
    milliseconds(took)
}

fn incremental() -> f64 {
    let mut cluster = Cluster::new(LARGE);
    let (_, given) = cluster.cycle();
    let changed = LARGE.agents as usize / 100;
    cluster.free(given.iter().take(changed));
    let (took, given) = cluster.incremental();
    assert_eq!(given.len(), changed);
    milliseconds(took)
}

fn add_agents() -> f64 {
    let mut cluster = Cluster::without_agents(HUGE);
    let start = std::time::Instant::now();
    cluster.add_agents();
    milliseconds(start.elapsed())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
