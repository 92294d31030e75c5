//! Tasks on one agent, beside processes that are simply started.

mod bare;
mod cluster;

use crate::measure::{Contest, Contestant};
use crate::table::Unit;

/// Tasks of one round: all are offered their place at once, so that the machine is what limits them.
const TASKS: usize = 100;

pub(crate) fn contests() -> Vec<Contest> {
    let contest = Contest::new("launch", "tasks that run `true`", Unit::PerSecond)
        .with(Contestant::timed(
            "mesos, launch to TASK_FINISHED",
            TASKS,
            cluster::tasks,
        ))
        .with(Contestant::timed(
            "true, spawned and waited for",
            TASKS,
            bare::programs,
        ))
        .with(Contestant::timed(
            "mesos --version, likewise",
            TASKS,
            bare::executors,
        ));
    vec![contest]
}
