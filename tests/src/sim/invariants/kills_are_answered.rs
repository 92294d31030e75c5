//! Whoever kills a task that nobody knows is told that it is no more.

use mesos::task_state::is_terminal;
use mesos::v1::TaskId;

use crate::sim::SimCluster;

/// Kills that have not been answered, by service. What a service kills that goes for good, nobody wants to know.
pub fn unanswered(cluster: &SimCluster) -> Vec<(usize, TaskId)> {
    let services = cluster.services.iter().enumerate();
    let there = services.filter(|(_, service)| !service.has_left());
    let mut open = Vec::new();
    for (number, service) in there {
        let updates = service.heard.updates();
        let ended = |task: &TaskId| {
            let mut told = updates.iter().map(|told| &told.status);
            told.any(|status| status.task_id == *task && is_terminal(status.state()))
        };
        let strays = service.strays().iter().filter(|task| !ended(task));
        open.extend(strays.map(|task| (number, task.clone())));
    }
    open
}

/// After faults.
///
/// # Errors
///
/// The first that was not answered.
pub fn check(cluster: &SimCluster) -> Result<(), String> {
    match unanswered(cluster).first() {
        None => Ok(()),
        Some((service, task)) => Err(format!(
            "service {service} killed {task}, which nobody knows, and was not answered"
        )),
    }
}
