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

/// Whatever started is known to its framework: alive, or told to have ended.
///
/// Agents repeat ends until they are acknowledged, also to a service that has lost its memory. But nobody is told the end
/// of what a framework had when it was ended; and what was on an agent that has gone, masters tell once, and to those only
/// who ask for it or are there. Of these it is enough that they do not run.
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
    let running = running(cluster);
    let agents = cluster.registry().agents;
    let runs = cluster.ledger.runs();
    let mut gone = runs.iter().filter(|(task, _)| !known.contains(*task));
    let missing = gone.find(|(task, runs)| {
        let agent_is_there = runs.iter().all(|run| agents.contains_key(&run.agent));
        running.contains(*task) || !may_be_forgotten(cluster, task, agent_is_there)
    });
    match missing {
        Some((task, _)) => Err(format!("{task} ran, and nobody was told its end")),
        None => Ok(()),
    }
}

/// Whether a task is one that its service may never hear of.
fn may_be_forgotten(cluster: &SimCluster, task: &TaskId, agent_is_there: bool) -> bool {
    let mut services = cluster.services.iter();
    let inherited = services.find_map(|service| service.inherited().get(task));
    inherited.is_some_and(|framework| {
        let of = framework.as_ref();
        !agent_is_there || of.is_none_or(|framework| cluster.was_ended(framework))
    })
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
