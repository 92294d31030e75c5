//! No task starts twice, and none that started is silently gone.

use std::collections::BTreeSet;

use mesos::task_state::is_terminal;
use mesos::v1::TaskId;

use crate::sim::SimCluster;

/// The services here never use an id twice, so a second start is a second run.
///
/// # Errors
///
/// The task that ran twice.
pub fn check(cluster: &SimCluster) -> Result<(), String> {
    for (task, runs) in cluster.ledger.runs() {
        if runs.len() > 1 {
            return Err(format!("{task} was started {} times: {runs:?}", runs.len()));
        }
    }
    Ok(())
}

/// Whatever started is known to its framework: alive, or told to have ended.
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
    let gone = cluster.ledger.runs().into_keys();
    match gone.into_iter().find(|task| !known.contains(task)) {
        Some(task) => Err(format!("{task} ran, and nobody was told its end")),
        None => Ok(()),
    }
}
