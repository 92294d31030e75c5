//! Updates of a task reach its framework in the order in which the agent stored them, the end included.

use std::collections::{BTreeMap, BTreeSet};

use mesos::task_state::is_terminal;
use mesos::v1::{FrameworkId, TaskId, TaskState, TaskStatus};

use super::{Invariant, Sight};
use crate::sim::SimCluster;

/// An update is repeated until it is acknowledged, and the next one is sent after that: a framework never hears of an
/// older one again, and nothing that an agent stored comes after a task's end.
#[derive(Default)]
pub struct InOrder(Vec<Service>);

/// What one service was told.
#[derive(Default)]
struct Service {
    updates: usize,
    streams: BTreeMap<TaskId, Stream>,
}

/// The updates of a task that an agent stored: uuid and state.
type Stream = Vec<(Vec<u8>, TaskState)>;

impl Invariant for InOrder {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let services = &sight.cluster.services;
        self.0.resize_with(services.len(), Service::default);
        for (service, known) in services.iter().zip(&mut self.0) {
            for told in service.heard.after(known.updates) {
                known.updates += 1;
                known.hear(&told.status)?;
            }
        }
        Ok(())
    }
}

impl Service {
    fn hear(&mut self, status: &TaskStatus) -> Result<(), String> {
        // Answers to questions, and what a master makes up, have no uuid.
        let Some(uuid) = &status.uuid else {
            return Ok(());
        };
        let (task, state) = (&status.task_id, status.state());
        let stream = self.streams.entry(task.clone()).or_default();
        match stream.iter().position(|(known, _)| known == uuid) {
            Some(at) if at + 1 == stream.len() => Ok(()),
            None if !stream.last().is_some_and(|(_, last)| is_terminal(*last)) => {
                stream.push((uuid.clone(), state));
                Ok(())
            }
            _ => {
                let states: Vec<TaskState> = stream.iter().map(|(_, state)| *state).collect();
                Err(format!("{task} went through {states:?}, then {state:?}"))
            }
        }
    }
}

/// Every end that an agent knows was told to the framework as that, and no agent waits for an acknowledgement.
///
/// An agent that ends a framework drops its executors with what was not acknowledged. If the framework comes back under
/// its id, to a master that has not heard of its end, it is told of those by that: so they need to be told only.
///
/// # Errors
///
/// The task of which it does not hold (yet).
pub fn all_acknowledged(cluster: &SimCluster) -> Result<(), String> {
    let mut told: BTreeMap<TaskId, TaskState> = BTreeMap::new();
    let mut over: BTreeSet<TaskId> = BTreeSet::new();
    for service in &cluster.services {
        for status in service.heard.updates().into_iter().map(|told| told.status) {
            if is_terminal(status.state()) {
                over.insert(status.task_id.clone());
            }
            if status.uuid.is_some() {
                told.insert(status.task_id.clone(), status.state());
            }
        }
    }
    let ended = |id: &FrameworkId| {
        let view = cluster.view();
        !view.is_some_and(|view| view.cluster.frameworks.contains_key(id))
    };
    for (_, agent) in cluster.agent_views() {
        // Nobody is left to be told of what belongs to a framework that has ended.
        for framework in agent.frameworks().filter(|f| !ended(&f.id())) {
            let past = framework.completed_executors.iter().map(AsRef::as_ref);
            let was_ended = cluster.was_ended(&framework.id());
            let mut unheard = past.clone().flat_map(|past| past.terminated_tasks.keys());
            if let Some(task) = unheard.find(|task| !was_ended || !over.contains(*task)) {
                return Err(format!("of the end of {task} nothing was told"));
            }
            let mut live = framework.executors.values();
            if let Some(task) = live.find_map(|live| live.terminated_tasks.keys().next()) {
                return Err(format!("the end of {task} is not acknowledged"));
            }
            for executor in past.chain(framework.executors.values()) {
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
