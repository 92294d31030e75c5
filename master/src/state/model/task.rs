//! A task as the master knows it.

use mesos::resources::Resources;
use mesos::v1;

use super::counts::{holds_nothing, is_terminal};

/// The most statuses kept of one task. A task goes through a handful of states; an executor that
/// goes back and forth between two would otherwise fill the memory.
const MAX_STATUSES: usize = 64;

/// A task the master has launched or heard of from an agent.
#[derive(Clone, Debug)]
pub struct Task {
    /// The public record. `state` is the latest state the agent told, `status_update_state` the
    /// latest one forwarded to the framework: resources follow the first, the life of the record
    /// the second (Mesos' `docs/task-state-reasons.md`).
    pub record: v1::Task,
    /// `record.resources` as a set; carries the allocation role.
    pub resources: Resources,
}

impl Task {
    /// Wraps a record whose resources already passed validation.
    pub fn new(record: v1::Task, resources: Resources) -> Task {
        Task { record, resources }
    }

    /// The latest state told by the agent.
    pub fn state(&self) -> v1::TaskState {
        self.record.state()
    }

    /// The latest state that was forwarded to the framework.
    pub fn forwarded_state(&self) -> v1::TaskState {
        match self.record.status_update_state {
            Some(_) => self.record.status_update_state(),
            None => self.record.state(),
        }
    }

    /// Whether its latest state is terminal.
    pub fn is_terminal(&self) -> bool {
        is_terminal(self.state())
    }

    /// Whether its resources have gone back to the allocator.
    pub fn holds_nothing(&self) -> bool {
        holds_nothing(self.state())
    }

    /// Adds a status to the history. A status of the same state as the last one replaces it, and
    /// `data` is not kept: a framework may attach megabytes to each update.
    pub(crate) fn remember(&mut self, mut status: v1::TaskStatus) {
        status.data = None;
        if self.record.statuses.last().map(|last| last.state) == Some(status.state) {
            self.record.statuses.pop();
        }
        if self.record.statuses.len() >= MAX_STATUSES {
            self.record.statuses.remove(0);
        }
        self.record.statuses.push(status);
    }
}
