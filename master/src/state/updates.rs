//! Status updates and their acknowledgements (Mesos' `docs/task-state-reasons.md` and
//! `docs/scheduler-http-api.md`, ACKNOWLEDGE).

use libprocess::prelude::AnyPid;
use mesos::protocols::{UpdateRecord, agent as to_agent};
use mesos::v1::scheduler::call;
use mesos::v1::task_status::Source;
use mesos::v1::{AgentId, ExecutorId, FrameworkId, TaskState, TaskStatus};
use uuid::Uuid;

use super::offers::recover;
use super::{Counter, Effect, Effects, State, ToAgent, is_terminal};

impl State {
    /// An agent reports. The update is forwarded to the framework even if the task is unknown; it
    /// is not kept for a framework that is away, because the agent repeats it.
    pub fn status_update(&mut self, sender: Option<&AnyPid>, update: UpdateRecord) -> Effects {
        let mut out = Effects::new();
        self.counters.count(Counter::StatusUpdate);
        let valid = self.speaks_for(sender, &update.agent_id)
            && !self.transitions.contains_key(&update.agent_id)
            && TaskState::try_from(update.status.state).is_ok()
            && self.cluster.framework(&update.framework_id).is_some();
        if !valid {
            self.counters.count(Counter::InvalidStatusUpdates);
            return out;
        }
        self.counters.count(Counter::ValidStatusUpdates);
        let status = complete(&update);
        let latest = TaskState::try_from(update.latest_state).unwrap_or_else(|_| status.state());
        self.record(
            &update.framework_id,
            &update.agent_id,
            status.clone(),
            Some(latest),
            &mut out,
        );
        self.send_update(&update.framework_id, status, &mut out);
        out
    }

    /// Writes a status into its task's record; frees the resources if the task holds none any
    /// more. `latest` is the newest state its agent knows; none if the master made the status up.
    pub(super) fn record(
        &mut self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        status: TaskStatus,
        latest: Option<TaskState>,
        out: &mut Effects,
    ) {
        let Some(task) = self.cluster.task(framework_id, &status.task_id) else {
            return;
        };
        if !task.agent_id().is(agent_id) {
            return;
        }
        let made_here = latest.is_none();
        let latest = latest.unwrap_or_else(|| status.state());
        let ended = task
            .last_status()
            .is_some_and(|last| is_terminal(last.state()));
        let ends = is_terminal(status.state()) && !ended;
        let task_id = status.task_id.clone();
        let counted = status.clone();
        let freed = self.cluster.change_task(framework_id, &task_id, |task| {
            // The first terminal state wins.
            if !task.is_terminal() {
                task.set_state(latest);
            }
            // What an agent tells without a uuid is for information only; what the master makes
            // up has none either, but is the last word, and nobody acknowledges it.
            if status.uuid.is_some() || made_here {
                let uuid = status.uuid.as_deref();
                let uuid = uuid.and_then(|uuid| Uuid::from_slice(uuid).ok());
                task.set_forwarded(status.state, uuid);
            }
            task.remember(status);
        });
        if ends {
            self.cluster.count_reason(&counted);
        }
        if let Some(resources) = freed {
            recover(framework_id, agent_id, resources, None, out);
        }
    }

    /// ACKNOWLEDGE: the agent may forget the update, and we the task if it was terminal.
    /// Acknowledgements that cannot reach the agent are dropped; the scheduler will see the update
    /// again.
    pub(super) fn acknowledge(
        &mut self,
        id: &FrameworkId,
        acknowledge: &call::Acknowledge,
        out: &mut Effects,
    ) {
        self.counters.count(Counter::StatusUpdateAcknowledgement);
        let uuid = Uuid::from_slice(&acknowledge.uuid).ok();
        let agent = self.cluster.agent(&acknowledge.agent_id);
        let agent = agent.filter(|agent| agent.connected).cloned();
        let (Some(agent), Some(uuid)) = (agent, uuid) else {
            return self.counters.count(Counter::InvalidAcknowledgements);
        };
        if let Some(task) = self.cluster.task(id, &acknowledge.task_id) {
            if !task.agent_id().is(&agent.id) || task.forwarded_uuid().is_none() {
                return self.counters.count(Counter::InvalidAcknowledgements);
            }
            let matches = task.forwarded_uuid() == Some(uuid);
            if matches && is_terminal(task.forwarded_state()) {
                let destination = self.completed();
                self.cluster
                    .remove_task(id, &acknowledge.task_id, destination);
            }
        }
        self.counters.count(Counter::ValidAcknowledgements);
        let message = to_agent::Acknowledge {
            framework_id: id.clone(),
            task_id: acknowledge.task_id.clone(),
            uuid,
        };
        out.push(Effect::Agent(
            agent.pid.clone(),
            ToAgent::Acknowledge(message),
        ));
    }

    /// An executor is no more: its resources are free.
    pub(super) fn end_executor(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        executor: &ExecutorId,
        out: &mut Effects,
    ) -> bool {
        match self.cluster.remove_executor(framework, agent, executor) {
            Some(resources) => {
                recover(framework, agent, resources, None, out);
                true
            }
            None => false,
        }
    }
}

/// Fills in what schedulers rely on and an agent may have left out.
fn complete(update: &UpdateRecord) -> TaskStatus {
    let mut status = update.status.0.clone();
    status.uuid = update.uuid.map(|uuid| uuid.as_bytes().to_vec());
    status
        .agent_id
        .get_or_insert_with(|| update.agent_id.clone());
    status.timestamp.get_or_insert(update.timestamp);
    status.source.get_or_insert(Source::Agent as i32);
    if status.executor_id.is_none() {
        status.executor_id = update.executor_id.clone();
    }
    status
}
