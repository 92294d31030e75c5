//! What runs on an agent that the leader counts on, the leader knows: it is not started again beside itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent::state::State;
use mesos::v1::{FrameworkId, TaskId};
use tokio::time::Instant;

use super::{Invariant, Sight};

/// Longer than a link is believed in that carries nothing, with all that comes back after its end, and an executor's
/// grace when it is told to end what nobody wants any more; shorter than many a task.
const SOON: Duration = Duration::from_secs(90);

/// Tasks of which the leader does not know, on agents that it counts on, and since when it is so.
#[derive(Default)]
pub struct TasksAreKnown {
    leader: String,
    waiting: BTreeMap<(FrameworkId, TaskId), Instant>,
}

impl Invariant for TasksAreKnown {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let before = std::mem::take(&mut self.waiting);
        let Some(view) = sight.cluster.leader() else {
            return Ok(());
        };
        if self.leader != view.master.id {
            self.leader.clone_from(&view.master.id);
            return Ok(());
        }
        for (number, state) in sight.cluster.agent_views() {
            let stands_still = sight
                .cluster
                .stands_still(sight.cluster.agent_address(number));
            let id = state.agent_id().and_then(|id| view.cluster.agent(id));
            let Some(agent) = id.filter(|agent| agent.connected && agent.active) else {
                continue;
            };
            let master = state.registered_master().map(|master| master.address());
            if stands_still || master != Some(sight.cluster.master_address()) {
                continue;
            }
            let known: BTreeSet<TaskId> = view
                .cluster
                .tasks_on(&agent.id)
                .iter()
                .map(|task| task.id().to_v1())
                .collect();
            for (framework, task) in running(&state) {
                if known.contains(&task) {
                    continue;
                }
                let key = (framework, task);
                let since = *before.get(&key).unwrap_or(&sight.now);
                if sight.now - since > SOON {
                    let task = key.1;
                    return Err(format!(
                        "{task} runs on agent {number}, and the leader does not know it"
                    ));
                }
                self.waiting.insert(key, since);
            }
        }
        Ok(())
    }
}

fn running(state: &State) -> Vec<(FrameworkId, TaskId)> {
    let mut running = Vec::new();
    for framework in state.frameworks() {
        let executors = framework.executors.values();
        let tasks = executors.flat_map(|executor| executor.launched_tasks.keys());
        running.extend(tasks.map(|task| (framework.id(), task.clone())));
    }
    running
}
