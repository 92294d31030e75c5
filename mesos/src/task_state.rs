//! What the states of tasks mean.
//!
//! ```text
//!  STAGING ─▶ STARTING ─▶ RUNNING ─▶ KILLING          not terminal
//!     │           │          │  ▲       │
//!     ▼           ▼          ▼  │       ▼
//!  FINISHED  FAILED  KILLED  ERROR  LOST  DROPPED  GONE  GONE_BY_OPERATOR    terminal
//!                               │
//!            UNREACHABLE ◀──────┘  its agent is silent; may be RUNNING again
//!            UNKNOWN               only as an answer to a question
//! ```
//!
//! LOST counts as terminal although schedulers that are not partition aware hear it for agents
//! that may come back. Semantics: `docs/task-state-reasons.md` and `isTerminalState` of Mesos.

use crate::v1::TaskState;

/// Whether nothing follows this state.
pub fn is_terminal(state: TaskState) -> bool {
    match state {
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskLost
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => false,
    }
}

/// Whether a task in this state uses its resources no more, as far as the master can know.
pub fn frees_resources(state: TaskState) -> bool {
    is_terminal(state) || state == TaskState::TaskUnreachable
}

/// The state as it is told to a framework: those without the capability PARTITION_AWARE know only
/// TASK_LOST for everything between dead and alive.
pub fn visible_to(state: TaskState, partition_aware: bool) -> TaskState {
    let newer = matches!(
        state,
        TaskState::TaskDropped
            | TaskState::TaskUnreachable
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown
    );
    if newer && !partition_aware {
        TaskState::TaskLost
    } else {
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreachable_and_unknown_tasks_may_come_back() {
        for state in [
            TaskState::TaskUnreachable,
            TaskState::TaskUnknown,
            TaskState::TaskKilling,
        ] {
            assert!(!is_terminal(state), "{state:?}");
        }
        assert!(is_terminal(TaskState::TaskLost) && is_terminal(TaskState::TaskGone));
        assert!(frees_resources(TaskState::TaskUnreachable));
        assert!(!frees_resources(TaskState::TaskKilling));
    }

    #[test]
    fn older_frameworks_hear_of_lost_tasks() {
        let numbers = 0..=13;
        for state in numbers.map(|number| TaskState::try_from(number).unwrap()) {
            assert_eq!(visible_to(state, true), state);
            let masked = visible_to(state, false);
            let unchanged = state as i32 <= TaskState::TaskKilling as i32;
            assert_eq!(
                masked,
                if unchanged {
                    state
                } else {
                    TaskState::TaskLost
                },
                "{state:?}"
            );
        }
    }
}
