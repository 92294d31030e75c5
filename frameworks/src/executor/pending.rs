//! What the agent may not have stored yet.

use std::collections::BTreeMap;

use mesos::v1;
use mesos::v1::executor::call::{Subscribe, Update};

/// Tasks and updates to be shown to the next life of the agent, so that it can rebuild what it had not written down.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Launched, and none of their updates acknowledged. Bounded by the tasks the agent launches.
    tasks: BTreeMap<v1::TaskId, v1::TaskInfo>,
    /// In the order in which they were made. Bounded by what the executor reports; the agent answers each at once.
    updates: Vec<v1::TaskStatus>,
}

impl Pending {
    /// Notes a launch; `false` if that task is known, which an agent that was restarted may send again.
    pub(super) fn launched(&mut self, task: &v1::TaskInfo) -> bool {
        self.tasks
            .insert(task.task_id.clone(), task.clone())
            .is_none()
    }

    pub(super) fn updated(&mut self, status: v1::TaskStatus) {
        self.updates.push(status);
    }

    pub(super) fn acknowledged(&mut self, task_id: &v1::TaskId, uuid: &[u8]) {
        self.updates.retain(|status| status.uuid() != uuid);
        self.tasks.remove(task_id);
    }

    pub(super) fn has_updates(&self) -> bool {
        !self.updates.is_empty()
    }

    pub(super) fn subscribe(&self) -> Subscribe {
        Subscribe {
            unacknowledged_tasks: self.tasks.values().cloned().collect(),
            unacknowledged_updates: self
                .updates
                .iter()
                .cloned()
                .map(|status| Update { status })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str) -> v1::TaskInfo {
        v1::TaskInfo {
            task_id: v1::TaskId {
                value: id.to_owned(),
            },
            ..Default::default()
        }
    }

    fn status(id: &str, uuid: u8) -> v1::TaskStatus {
        v1::TaskStatus {
            task_id: v1::TaskId {
                value: id.to_owned(),
            },
            uuid: Some(vec![uuid].into()),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_acknowledged_is_not_shown_again() {
        let mut pending = Pending::default();
        assert!(pending.launched(&task("one")) && pending.launched(&task("two")));
        assert!(!pending.launched(&task("one")), "launched twice");
        pending.updated(status("one", 1));
        pending.updated(status("one", 2));
        pending.acknowledged(&task("one").task_id, &[1]);

        let subscribe = pending.subscribe();
        let ids: Vec<_> = subscribe
            .unacknowledged_tasks
            .iter()
            .map(|task| &*task.task_id.value)
            .collect();
        assert_eq!(ids, ["two"]);
        assert_eq!(
            subscribe.unacknowledged_updates,
            [Update {
                status: status("one", 2)
            }]
        );
        pending.acknowledged(&task("one").task_id, &[2]);
        assert!(!pending.has_updates());
    }
}
