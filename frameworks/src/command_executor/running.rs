//! One task of an executor, from its launch to its end.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use mesos::v1;
use mesos::v1::task_status::Reason;
use tokio::time::Instant;

use super::process::TaskProcess;
use crate::ending::Ending;

/// A task that runs.
pub(crate) struct Running {
    pub(crate) info: v1::TaskInfo,
    process: TaskProcess,
    /// Why it is to end, once it is.
    ending: Option<Why>,
    /// When it is killed, once it was asked to end.
    deadline: Option<Instant>,
}

/// Why a task is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Killed,
    TooLong,
}

impl Running {
    pub(crate) fn new(info: v1::TaskInfo, process: TaskProcess) -> Running {
        Running {
            info,
            process,
            ending: None,
            deadline: None,
        }
    }

    /// How long it may run, if that is bounded.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let limit = self.info.max_completion_time.as_ref()?;
        Some(Duration::from_nanos(
            u64::try_from(limit.nanoseconds).unwrap_or(0),
        ))
    }

    /// Whether it was asked to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Asks the task to end, and kills it if there is no time for that. Asking again may only shorten the time.
    /// Answers when [`kill_if_due`](Self::kill_if_due) is to be called, if it is.
    pub(crate) fn end(&mut self, why: Why, grace: Duration, now: Instant) -> Option<Instant> {
        let deadline = now + grace;
        if self.deadline.is_some_and(|earlier| earlier <= deadline) {
            return None;
        }
        self.deadline = Some(deadline);
        if self.ending.is_none() {
            self.ending = Some(why);
            if !grace.is_zero() {
                self.process.terminate();
            }
        }
        if grace.is_zero() {
            self.process.kill();
            return None;
        }
        Some(deadline)
    }

    /// Kills the task if this is its time, and not one that was shortened since.
    pub(crate) fn kill_if_due(&self, deadline: Instant) {
        if self.deadline == Some(deadline) {
            self.process.kill();
        }
    }

    /// The task ended: its last status.
    pub(crate) fn ended(self, status: io::Result<ExitStatus>) -> v1::TaskStatus {
        let ending = match status {
            Ok(status) => Ending::from(status),
            Err(error) => {
                let message = format!("Failed to get exit status for Command: {error}");
                return last(&self.info.task_id, v1::TaskState::TaskFailed, message);
            }
        };
        // What the command left running goes with it.
        self.process.kill();
        let (state, reason) = match self.ending {
            Some(Why::TooLong) => (
                v1::TaskState::TaskFailed,
                Some(Reason::MaxCompletionTimeReached),
            ),
            Some(Why::Killed) => (v1::TaskState::TaskKilled, None),
            None if ending.is_success() => (v1::TaskState::TaskFinished, None),
            None => (v1::TaskState::TaskFailed, None),
        };
        v1::TaskStatus {
            reason: reason.map(Into::into),
            ..last(&self.info.task_id, state, ending.to_string())
        }
    }
}

/// The last status of a task.
pub(crate) fn last(
    id: &v1::TaskId,
    state: v1::TaskState,
    message: impl Into<String>,
) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: id.clone(),
        state: state.into(),
        message: Some(message.into()),
        ..Default::default()
    }
}
