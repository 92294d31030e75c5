//! No task starts twice, and none that started is silently gone.

use std::collections::BTreeSet;

use mesos::task_state::is_terminal;
use mesos::v1::TaskId;

use super::Sight;
use crate::sim::SimCluster;

/// The services here never use an id twice, so a second start is a second run.
///
/// # Errors
///
/// The task that ran twice.
pub fn check(sight: &Sight<'_>) -> Result<(), String> {
    for (task, runs) in sight.cluster.ledger.runs() {
        if runs.len() > 1 {
            return Err(format!("{task} was started {} times: {runs:?}", runs.len()));
        }
    }
    Ok(())
}

/// Whatever started is known to its framework: alive, or told to have ended. Of what a service that lost its memory, or
/// whose framework was ended, had started, it is enough that it does not run.
///
/// # Errors
///
/// The task that is gone.
pub fn none_is_gone(cluster: &SimCluster) -> Result<(), String> {
    let mut known: BTreeSet<TaskId> = BTreeSet::new();
    for service in &cluster.services {
        known.extend(service.alive());
        let updates = service.heard.updates().into_iter();
        let ends = updates.filter(|told| is_terminal(told.status.state()));
        known.extend(ends.map(|told| told.status.task_id));
    }
    let inherited = |task: &TaskId| {
        let mut services = cluster.services.iter();
        services.any(|service| service.inherited().contains(task))
    };
    let running = running(cluster);
    let gone = cluster.ledger.runs().into_keys();
    let mut gone = gone.filter(|task| !known.contains(task));
    match gone.find(|task| running.contains(task) || !inherited(task)) {
        Some(task) => Err(format!("{task} ran, and nobody was told its end")),
        None => Ok(()),
    }
}

/// What agents believe to run.
fn running(cluster: &SimCluster) -> BTreeSet<TaskId> {
    let mut running = BTreeSet::new();
    for (_, agent) in cluster.agent_views() {
        let tasks = agent
            .executors()
            .flat_map(|executor| executor.launched_tasks.keys());
        running.extend(tasks.cloned());
    }
    running
}
