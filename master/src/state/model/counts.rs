//! Numbers of tasks by state, kept up to date so that reading them costs nothing.

use mesos::v1;

/// One more than the highest `TaskState` number.
const STATES: usize = 14;

/// Tasks by state. Active states are gauges (tasks that are in that state now); terminal states
/// are counters (tasks that ever ended that way), so old history may be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts([u64; STATES]);

impl TaskCounts {
    /// The number of tasks in `state`.
    pub fn get(&self, state: v1::TaskState) -> u64 {
        self.0.get(state as usize).copied().unwrap_or(0)
    }

    /// Tasks that are known and not terminal.
    pub fn active(&self) -> u64 {
        use v1::TaskState::{TaskKilling, TaskRunning, TaskStaging, TaskStarting};
        [TaskStaging, TaskStarting, TaskRunning, TaskKilling]
            .into_iter()
            .map(|state| self.get(state))
            .sum()
    }

    pub(crate) fn enter(&mut self, state: v1::TaskState) {
        if let Some(count) = self.0.get_mut(state as usize) {
            *count += 1;
        }
    }

    /// Terminal states are never left: their numbers only grow.
    pub(crate) fn leave(&mut self, state: v1::TaskState) {
        if is_terminal(state) {
            return;
        }
        if let Some(count) = self.0.get_mut(state as usize) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Whether a task in `state` will never run again, as Mesos' code has it: LOST counts as terminal
/// although a partitioned task may come back from it; UNREACHABLE and UNKNOWN do not.
pub fn is_terminal(state: v1::TaskState) -> bool {
    use v1::TaskState as S;
    matches!(
        state,
        S::TaskFinished
            | S::TaskFailed
            | S::TaskKilled
            | S::TaskError
            | S::TaskLost
            | S::TaskDropped
            | S::TaskGone
            | S::TaskGoneByOperator
    )
}

/// Whether a task in `state` holds no resources any more.
pub fn holds_nothing(state: v1::TaskState) -> bool {
    is_terminal(state) || state == v1::TaskState::TaskUnreachable
}
