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
    updates: Vec<Unacknowledged>,
}

#[derive(Debug)]
struct Unacknowledged {
    status: v1::TaskStatus,
    /// The attempt to subscribe, or the subscription, in which it was last sent.
    sent_in: Option<u64>,
}

impl Pending {
    /// Notes a launch; `false` if that task is known, which an agent that was restarted may send again.
    pub(super) fn launched(&mut self, task: &v1::TaskInfo) -> bool {
        self.tasks
            .insert(task.task_id.clone(), task.clone())
            .is_none()
    }

    /// Notes an update that was sent in this subscription, or could not be sent.
    pub(super) fn updated(&mut self, status: v1::TaskStatus, sent_in: Option<u64>) {
        self.updates.push(Unacknowledged { status, sent_in });
    }

    pub(super) fn acknowledged(&mut self, task_id: &v1::TaskId, uuid: &[u8]) {
        self.updates.retain(|update| update.status.uuid() != uuid);
        self.tasks.remove(task_id);
    }

    pub(super) fn has_updates(&self) -> bool {
        !self.updates.is_empty()
    }

    /// What this attempt to subscribe carries: everything.
    pub(super) fn subscribe(&mut self, attempt: u64) -> Subscribe {
        Subscribe {
            unacknowledged_tasks: self.tasks.values().cloned().collect(),
            unacknowledged_updates: self
                .send_in(attempt)
                .map(|status| Update { status })
                .collect(),
        }
    }

    /// Updates that this subscription did not carry, because they were made while it was under way.
    pub(super) fn made_since(&mut self, attempt: u64) -> Vec<v1::TaskStatus> {
        self.send_in(attempt).collect()
    }

    fn send_in(&mut self, attempt: u64) -> impl Iterator<Item = v1::TaskStatus> + use<'_> {
        let unsent = self.updates.iter_mut();
        unsent
            .filter(move |update| update.sent_in != Some(attempt))
            .map(move |update| {
                update.sent_in = Some(attempt);
                update.status.clone()
            })
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
            uuid: Some(vec![uuid]),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_acknowledged_is_not_shown_again() {
        let mut pending = Pending::default();
        assert!(pending.launched(&task("one")) && pending.launched(&task("two")));
        assert!(!pending.launched(&task("one")), "launched twice");
        pending.updated(status("one", 1), Some(1));
        pending.updated(status("one", 2), None);
        pending.acknowledged(&task("one").task_id, &[1]);

        let subscribe = pending.subscribe(2);
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

    #[test]
    fn what_a_subscription_did_not_carry_is_sent_after_it() {
        let mut pending = Pending::default();
        pending.updated(status("one", 1), None);
        assert_eq!(pending.subscribe(1).unacknowledged_updates.len(), 1);
        pending.updated(status("one", 2), None);
        assert_eq!(pending.made_since(1), [status("one", 2)]);
        assert_eq!(pending.made_since(1), []);
        assert_eq!(
            pending.subscribe(2).unacknowledged_updates.len(),
            2,
            "all over again"
        );
    }
}
