//! Tasks on one agent, beside processes that are simply started.

mod bare;
mod cluster;

use crate::measure::{Contestant, compete};
use crate::table::Table;

/// Tasks of one round: all are offered their place at once, so that the machine is what limits them.
const TASKS: usize = 100;

pub(crate) fn run(rounds: usize) -> Vec<Table> {
    let contestants = [
        contestant("mesos, launch to TASK_FINISHED", cluster::tasks),
        contestant("true, spawned and waited for", bare::programs),
        contestant("mesos --version, likewise", bare::executors),
    ];
    vec![Table {
        own: "mesos",
        ..compete("tasks that run `true`", rounds, &contestants)
    }]
}

fn contestant(name: &'static str, run: fn(usize) -> std::time::Duration) -> Contestant {
    Contestant {
        name,
        run,
        count: TASKS,
    }
}
