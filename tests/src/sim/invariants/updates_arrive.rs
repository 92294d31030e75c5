//! Updates of a task reach its framework in the order in which the agent stored them, the end included.

use std::collections::BTreeMap;

use mesos::task_state::is_terminal;
use mesos::v1::{TaskId, TaskState};

use crate::sim::SimCluster;

/// An update is repeated until it is acknowledged, and the next one is sent after that: a framework never hears of an
/// older one again, and nothing that an agent stored comes after a task's end.
///
/// # Errors
///
/// The task whose updates are out of order.
pub fn in_order(cluster: &SimCluster) -> Result<(), String> {
    for service in &cluster.services {
        let mut streams: BTreeMap<TaskId, Vec<(Vec<u8>, TaskState)>> = BTreeMap::new();
        for told in service.heard.updates() {
            let (status, state) = (&told.status, told.status.state());
            // Answers to questions, and what a master makes up, have no uuid.
            let Some(uuid) = &status.uuid else {
                continue;
            };
            let stream = streams.entry(status.task_id.clone()).or_default();
            match stream.iter().position(|(known, _)| known == uuid) {
                Some(at) if at + 1 == stream.len() => {}
                None if !stream.last().is_some_and(|(_, last)| is_terminal(*last)) => {
                    stream.push((uuid.clone(), state));
                }
                _ => {
                    let states: Vec<TaskState> = stream.iter().map(|(_, state)| *state).collect();
                    let task = &status.task_id;
                    return Err(format!("{task} went through {states:?}, then {state:?}"));
                }
            }
        }
    }
    Ok(())
}

/// Every end that an agent knows was told to the framework as that, and no agent waits for an acknowledgement.
///
/// # Errors
///
/// The task of which it does not hold (yet).
pub fn all_acknowledged(cluster: &SimCluster) -> Result<(), String> {
    let mut told: BTreeMap<TaskId, TaskState> = BTreeMap::new();
    for service in &cluster.services {
        let updates = service.heard.updates().into_iter().map(|told| told.status);
        for status in updates.filter(|status| status.uuid.is_some()) {
            told.insert(status.task_id.clone(), status.state());
        }
    }
    for (_, agent) in cluster.agent_views() {
        for framework in agent.frameworks() {
            let past = framework.completed_executors.iter().map(AsRef::as_ref);
            for executor in past.chain(framework.executors.values()) {
                if let Some(task) = executor.terminated_tasks.keys().next() {
                    return Err(format!("the end of {task} is not acknowledged"));
                }
                for task in &executor.completed_tasks {
                    let (id, state) = (&task.task_id, task.state());
                    if told.get(id) != Some(&state) {
                        let told = told.get(id);
                        return Err(format!("{id} ended as {state:?}, but {told:?} was told"));
                    }
                }
            }
        }
    }
    Ok(())
}
