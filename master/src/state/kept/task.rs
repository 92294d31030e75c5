//! A task as the master keeps it.

use std::sync::Arc;

use mesos::resources::{Format, Resources};
use mesos::v1::{self, AgentId, ExecutorId, FrameworkId, TaskId, TaskState, TaskStatus};
use mesos::wire::Encoded;
use prost::Message;
use uuid::Uuid;

use super::statuses::{self, Statuses};
use super::{Details, Id, ToldTask};
use crate::state::{holds_nothing, is_terminal};

/// A task the master has launched or heard of from an agent.
///
/// What decisions need are fields; what is only shown are bytes, decoded for each who asks.
#[derive(Clone, Debug)]
pub struct Task {
    pub(super) id: Id<TaskId>,
    framework_id: Id<FrameworkId>,
    pub(super) agent_id: Id<AgentId>,
    pub(super) executor_id: Option<Id<ExecutorId>>,
    /// Resources follow this one, the life of the record the forwarded one (Mesos'
    /// `docs/task-state-reasons.md`).
    state: TaskState,
    forwarded_state: Option<i32>,
    forwarded_uuid: Option<Uuid>,
    /// What it holds, or held; carries the allocation role.
    pub resources: Arc<Resources>,
    details: Box<[u8]>,
    statuses: Statuses,
}

impl Task {
    /// Keeps a record whose resources and state already passed validation.
    pub fn new(record: &v1::Task, resources: Resources) -> Task {
        let framework = Id::from(&record.framework_id);
        let agent = Id::from(&record.agent_id);
        let bytes = record.encode_to_vec();
        let told = ToldTask::read(Encoded::new(&bytes));
        Task::told(&told, record.state(), resources.into(), &framework, &agent)
    }

    /// One that an agent tells of. It shares the ids of its framework and its agent.
    pub(crate) fn told(
        told: &ToldTask<'_>,
        state: TaskState,
        resources: Arc<Resources>,
        framework_id: &Id<FrameworkId>,
        agent_id: &Id<AgentId>,
    ) -> Task {
        let mut task = Task {
            id: Id::of(told.id),
            framework_id: framework_id.clone(),
            agent_id: agent_id.clone(),
            executor_id: told.executor_id.map(Id::of),
            state,
            forwarded_state: told.forwarded_state,
            forwarded_uuid: told.forwarded_uuid,
            resources,
            details: told.details(),
            statuses: Statuses::default(),
        };
        task.statuses = Statuses::told(&task, told);
        task
    }

    /// One that is sent to its agent now.
    pub(crate) fn staging(
        id: &TaskId,
        executor_id: Option<&ExecutorId>,
        details: &Details,
        resources: Resources,
        framework_id: &Id<FrameworkId>,
        agent_id: &Id<AgentId>,
    ) -> Task {
        Task {
            id: Id::from(id),
            framework_id: framework_id.clone(),
            agent_id: agent_id.clone(),
            executor_id: executor_id.map(Id::from),
            state: TaskState::TaskStaging,
            forwarded_state: None,
            forwarded_uuid: None,
            resources: Arc::new(resources),
            details: details.encode_to_vec().into(),
            statuses: Statuses::default(),
        }
    }

    /// Chosen by its framework.
    pub fn id(&self) -> &Id<TaskId> {
        &self.id
    }

    /// Whose it is.
    pub fn framework_id(&self) -> &Id<FrameworkId> {
        &self.framework_id
    }

    /// Where it is.
    pub fn agent_id(&self) -> &Id<AgentId> {
        &self.agent_id
    }

    /// The framework's own executor, if it has one.
    pub fn executor_id(&self) -> Option<&Id<ExecutorId>> {
        self.executor_id.as_ref()
    }

    /// The latest state told by the agent.
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// The latest state that was forwarded to the framework.
    pub fn forwarded_state(&self) -> TaskState {
        match self.forwarded_state {
            Some(state) => TaskState::try_from(state).unwrap_or_default(),
            None => self.state,
        }
    }

    /// The update with which that was, if it is to be acknowledged.
    pub fn forwarded_uuid(&self) -> Option<Uuid> {
        self.forwarded_uuid
    }

    /// Whether its latest state is terminal.
    pub fn is_terminal(&self) -> bool {
        is_terminal(self.state)
    }

    /// Whether its resources have gone back to the allocator.
    pub fn holds_nothing(&self) -> bool {
        holds_nothing(self.state)
    }

    /// What is only shown. Decoded anew by each call.
    pub fn details(&self) -> Details {
        Details::decode(&*self.details).expect("details that were encoded here")
    }

    /// The same, to be read where it stands.
    pub fn encoded_details(&self) -> Encoded<'_, Details> {
        Encoded::new(&self.details)
    }

    /// Whether it has no status yet.
    pub fn has_no_status(&self) -> bool {
        self.statuses.is_empty()
    }

    /// Its statuses, oldest first. Each is decoded when it is its turn.
    pub fn statuses(&self) -> impl Iterator<Item = TaskStatus> {
        let encoded = self.statuses.iter();
        encoded.map(|status| statuses::restored(self, statuses::decode(status)))
    }

    /// The same, to be read where they stand: but for the ids, which may be left out.
    pub fn encoded_statuses(&self) -> impl Iterator<Item = Encoded<'_, TaskStatus>> {
        self.statuses.iter().map(Encoded::new)
    }

    /// The newest of its statuses.
    pub fn last_status(&self) -> Option<TaskStatus> {
        let last = self.statuses.iter().last()?;
        Some(statuses::restored(self, statuses::decode(last)))
    }

    /// The public record.
    pub fn to_v1(&self) -> v1::Task {
        let details = self.details();
        v1::Task {
            name: details.name,
            task_id: self.id.to_v1(),
            framework_id: self.framework_id.to_v1(),
            executor_id: self.executor_id.as_ref().map(Id::to_v1),
            agent_id: self.agent_id.to_v1(),
            state: self.state as i32,
            resources: self.resources.to_v1(Format::PostRefinement),
            statuses: self.statuses().collect(),
            status_update_state: self.forwarded_state,
            status_update_uuid: self.forwarded_uuid.map(|uuid| uuid.as_bytes().to_vec()),
            labels: details.labels,
            discovery: details.discovery,
            container: details.container,
            user: details.user,
            health_check: details.health_check,
            kill_policy: details.kill_policy,
            limits: details.limits,
        }
    }

    pub(crate) fn set_state(&mut self, state: TaskState) {
        self.state = state;
    }

    /// Notes what was forwarded.
    pub(crate) fn set_forwarded(&mut self, state: i32, uuid: Option<Uuid>) {
        self.forwarded_state = Some(state);
        self.forwarded_uuid = uuid;
    }

    /// Adds a status to the history, without its `data`. A status of the same state as the last one replaces it.
    pub(crate) fn remember(&mut self, status: TaskStatus) {
        self.statuses = self.statuses.with(self, status);
    }

    /// Bytes behind it that nobody shares.
    #[cfg(test)]
    pub(super) fn encoded_len(&self) -> usize {
        self.details.len() + self.statuses.len()
    }
}
