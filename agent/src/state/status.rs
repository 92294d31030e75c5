//! Small facts about tasks and their statuses.

use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{ExecutorId, FrameworkId, Task, TaskId, TaskInfo, TaskState, TaskStatus};

use super::Moment;

/// Statuses of one task that are kept; a state that repeats replaces itself, so more than a few
/// come only from executors that alternate.
const MAX_STATUSES: usize = 32;

/// Whether nothing may follow the state.
pub fn is_terminal(state: i32) -> bool {
    matches!(
        TaskState::try_from(state),
        Ok(TaskState::TaskFinished
            | TaskState::TaskFailed
            | TaskState::TaskKilled
            | TaskState::TaskLost
            | TaskState::TaskError
            | TaskState::TaskDropped
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator)
    )
}

/// A status that the agent itself has to report.
pub fn by_agent(
    moment: &mut Moment,
    task_id: &TaskId,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
) -> TaskStatus {
    TaskStatus {
        task_id: task_id.clone(),
        state: state as i32,
        source: Some(Source::Agent as i32),
        reason: Some(reason as i32),
        message: Some(message.into()),
        timestamp: Some(moment.now),
        uuid: Some(moment.chance.uuid().as_bytes().to_vec()),
        ..Default::default()
    }
}

/// The state that says "it never ran": frameworks that are not partition aware know only LOST.
pub fn dropped(is_partition_aware: bool) -> TaskState {
    if is_partition_aware {
        TaskState::TaskDropped
    } else {
        TaskState::TaskLost
    }
}

/// The state that says "it ran, and was taken away": LOST for frameworks that are not partition aware.
pub fn gone(is_partition_aware: bool) -> TaskState {
    if is_partition_aware {
        TaskState::TaskGone
    } else {
        TaskState::TaskLost
    }
}

/// The record of a task that has just arrived.
pub fn new_task(
    info: &TaskInfo,
    framework_id: &FrameworkId,
    executor_id: Option<&ExecutorId>,
) -> Task {
    let command_user = info.command.as_ref().and_then(|c| c.user.clone());
    let executor_user = || info.executor.as_ref()?.command.as_ref()?.user.clone();
    Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: framework_id.clone(),
        executor_id: executor_id.cloned(),
        agent_id: info.agent_id.clone(),
        state: TaskState::TaskStaging as i32,
        resources: info.resources.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: info.container.clone(),
        user: command_user.or_else(executor_user),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy,
        limits: info.limits.clone(),
        ..Default::default()
    }
}

/// Notes the newest status of a task. Its data is delivered, not kept.
pub fn record(task: &mut Task, latest: &TaskStatus) {
    task.state = latest.state;
    let kept = TaskStatus {
        data: None,
        ..latest.clone()
    };
    match task.statuses.last_mut() {
        Some(last) if last.state == latest.state => *last = kept,
        _ => {
            if task.statuses.len() == MAX_STATUSES {
                task.statuses.remove(0);
            }
            task.statuses.push(kept);
        }
    }
}
