//! The updates of one task, in the order in which they must reach its framework.

use std::collections::VecDeque;
use std::sync::Arc;

use mesos::v1::{FrameworkId, TaskId, TaskStatus};
use uuid::Uuid;

/// Updates of one task that may wait for their acknowledgement. A framework that is gone for long
/// must not fill the disk; the terminal update is always accepted.
pub const MAX_PENDING: usize = 1024;

/// Acknowledged updates of one task whose ids are remembered to recognise a repetition. An executor
/// repeats what the agent has not acknowledged to it, which is far less.
pub const MAX_REMEMBERED: usize = 1024;

/// One status update on its way to its framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Whose task it is.
    pub framework_id: FrameworkId,
    /// The status; carries the task's id, the executor's and the agent's.
    pub status: TaskStatus,
    /// The same as `status.uuid`.
    pub uuid: Uuid,
    /// Whether no update may follow.
    pub terminal: bool,
}

/// Which task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Whose task it is.
    pub framework: FrameworkId,
    /// Its id.
    pub task: TaskId,
}

impl Update {
    /// The task this is about.
    pub fn key(&self) -> Key {
        Key {
            framework: self.framework_id.clone(),
            task: self.status.task_id.clone(),
        }
    }
}

/// What to do with an update that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write it down, then [`Stream::push`] it.
    New,
    /// It is written down already: confirm it again, do nothing else.
    Repeated,
    /// The task has ended: confirm it, drop it. The first terminal update wins.
    TooLate,
    /// Too many wait already: do not confirm it.
    Overflow,
}

/// The updates of one task. Exactly one is in flight: the first.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pending: VecDeque<Arc<Update>>,
    acknowledged: VecDeque<Uuid>,
    has_ended: bool,
}

impl Stream {
    /// What to do with `update`.
    pub fn judge(&self, update: &Update) -> Verdict {
        if self.knows(&update.uuid) {
            Verdict::Repeated
        } else if self.has_ended {
            Verdict::TooLate
        } else if self.pending.len() >= MAX_PENDING && !update.terminal {
            Verdict::Overflow
        } else {
            Verdict::New
        }
    }

    /// Queues a new update; it is in flight if it is the only one.
    pub fn push(&mut self, update: Arc<Update>) {
        self.has_ended |= update.terminal;
        self.pending.push_back(update);
    }

    /// The update that is in flight.
    pub fn in_flight(&self) -> Option<&Arc<Update>> {
        self.pending.front()
    }

    /// Whether `uuid` acknowledges the update in flight. Any other is a repetition or a mistake.
    pub fn expects(&self, uuid: &Uuid) -> bool {
        self.in_flight().is_some_and(|u| u.uuid == *uuid)
    }

    /// Takes the acknowledged update off; the next one is in flight.
    pub fn pop(&mut self) -> Option<Arc<Update>> {
        let update = self.pending.pop_front()?;
        if self.acknowledged.len() == MAX_REMEMBERED {
            self.acknowledged.pop_front();
        }
        self.acknowledged.push_back(update.uuid);
        Some(update)
    }

    fn knows(&self, uuid: &Uuid) -> bool {
        self.pending.iter().any(|u| u.uuid == *uuid) || self.acknowledged.contains(uuid)
    }
}
