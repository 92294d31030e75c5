//! A service that is there is told soon that a task of its is unreachable: it does not wait for ever for what is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use master::state::Id;
use mesos::v1::{TaskId, TaskState};
use tokio::time::Instant;

use super::{Invariant, Sight};

/// Longer than the way of a message through all that goes wrong while both sides believe in their link: links end after
/// half a minute of silence, and a scheduler that subscribes again asks for itself.
const SOON: Duration = Duration::from_secs(3 * 60);

/// Tasks that the leader takes for unreachable, of services that are subscribed with it, and since when it is so.
#[derive(Default)]
pub struct LossesAreTold {
    waiting: BTreeMap<TaskId, Instant>,
    known: BTreeMap<usize, usize>,
    told: BTreeMap<TaskId, TaskState>,
}

impl Invariant for LossesAreTold {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        for (number, service) in sight.cluster.services.iter().enumerate() {
            let known = self.known.entry(number).or_insert(0);
            for told in service.heard.after(*known) {
                *known += 1;
                let (task, state) = (told.status.task_id.clone(), told.status.state());
                self.told.insert(task, state);
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        let Some(view) = sight.view.as_ref().filter(|view| view.leads()) else {
            return Ok(());
        };
        for service in sight.cluster.services.iter().filter(|s| s.is_up()) {
            let framework = service.framework();
            let framework = framework.and_then(|id| view.cluster.frameworks.get(&id));
            let Some(framework) = framework.filter(|framework| framework.connected()) else {
                continue;
            };
            for task in framework.unreachable_tasks.keys().map(Id::to_v1) {
                let runs = self.told.get(&task) == Some(&TaskState::TaskRunning);
                if !runs || service.inherited().contains_key(&task) {
                    continue;
                }
                let since = *waiting.get(&task).unwrap_or(&sight.now);
                if sight.now - since > SOON {
                    return Err(format!(
                        "{task} is unreachable for {SOON:?}, and its service was not told"
                    ));
                }
                self.waiting.insert(task, since);
            }
        }
        Ok(())
    }
}
