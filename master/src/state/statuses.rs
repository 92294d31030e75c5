//! Status updates that the master itself makes up: sent once, without uuid, never acknowledged.

use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{AgentId, FrameworkId, TaskId, TaskState, TaskStatus};

use super::model::has_capability;
use super::{Effects, Id, State, Task, Timestamp};
use mesos::v1::framework_info::capability::Type as Capability;
use mesos::v1::{FrameworkInfo, scheduler};

/// What the master says about a task.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// The state, before masking for frameworks that are not partition aware.
    pub(crate) state: TaskState,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Verdict {
    pub(crate) fn new(state: TaskState, reason: Reason, message: impl Into<String>) -> Verdict {
        Verdict {
            state,
            reason,
            message: message.into(),
        }
    }

    /// The status for `info`'s framework.
    pub(crate) fn status(
        self,
        info: &FrameworkInfo,
        task: &TaskId,
        agent: Option<&AgentId>,
        now: Timestamp,
    ) -> TaskStatus {
        TaskStatus {
            task_id: task.clone(),
            state: masked(info, self.state) as i32,
            message: Some(self.message),
            source: Some(Source::Master as i32),
            reason: Some(self.reason as i32),
            agent_id: agent.cloned(),
            timestamp: Some(now.as_secs_f64()),
            ..Default::default()
        }
    }

    /// The status of a task that has a record: with its executor and its last known health.
    pub(crate) fn status_of(self, info: &FrameworkInfo, task: &Task, now: Timestamp) -> TaskStatus {
        let last = task.last_status().unwrap_or_default();
        TaskStatus {
            executor_id: task.executor_id().map(Id::to_v1),
            healthy: last.healthy,
            check_status: last.check_status,
            container_status: last.container_status,
            ..self.status(
                info,
                &task.id().to_v1(),
                Some(&task.agent_id().to_v1()),
                now,
            )
        }
    }
}

/// Frameworks that are not partition aware know one word for everything that got away: LOST.
pub(crate) fn masked(info: &FrameworkInfo, state: TaskState) -> TaskState {
    let partition_only = matches!(
        state,
        TaskState::TaskDropped
            | TaskState::TaskUnreachable
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown
    );
    if partition_only && !has_capability(info, Capability::PartitionAware) {
        TaskState::TaskLost
    } else {
        state
    }
}

impl State {
    /// Sends a status about something that never became a task, and counts its ending.
    pub(crate) fn refuse_task(
        &mut self,
        id: &FrameworkId,
        task: &TaskId,
        agent: Option<&AgentId>,
        verdict: Verdict,
        now: Timestamp,
        out: &mut Effects,
    ) {
        let Some(framework) = self.cluster.framework_mut(id) else {
            return;
        };
        let status = verdict.status(&framework.info, task, agent, now);
        let state = status.state();
        framework.counts.enter(state);
        self.cluster.counts.enter(state);
        self.cluster.count_reason(&status);
        self.send_update(id, status, out);
    }

    /// Sends an UPDATE event.
    pub(crate) fn send_update(
        &mut self,
        framework: &FrameworkId,
        status: TaskStatus,
        out: &mut Effects,
    ) {
        let event = scheduler::Event {
            r#type: Some(scheduler::event::Type::Update as i32),
            update: Some(scheduler::event::Update { status }),
            ..Default::default()
        };
        self.send_event(framework, event, out);
    }
}
