//! Agents as the master knows them.

use std::sync::Arc;

use imbl::OrdSet;
use libprocess::prelude::Pid;
use mesos::protocols::AgentProtocol;
use mesos::resources::Resources;
use mesos::v1::allocator::InverseOfferStatus;
use mesos::v1::{self, ExecutorId, FrameworkId, OfferId, TaskId};
use uuid::Uuid;

use crate::state::{AgentSoftware, AgentWords, Few, FewSet, Id, Timestamp};

/// A registered agent: admitted to the registry and heard of since this master started.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Assigned by the master that first admitted it.
    pub id: v1::AgentId,
    /// The same, shared by all its tasks.
    pub shared_id: Id<v1::AgentId>,
    /// As told at its last registration; `info.id` is set.
    pub info: AgentWords,
    /// Where it listens.
    pub pid: Pid<AgentProtocol>,
    /// The version it runs, and what that can do.
    pub software: Arc<AgentSoftware>,
    /// When it was added to this master.
    pub registered: Timestamp,
    /// When it last re-registered.
    pub reregistered: Option<Timestamp>,
    /// Whether its link stands. A disconnected agent keeps its tasks and gets no offers.
    pub connected: bool,
    /// Whether its resources are offered.
    pub active: bool,
    /// Counts connections, so that a timer set for an earlier one is recognised.
    pub connection: u64,
    /// All its resources, as they will be when it has done all operations it was sent.
    pub total: Arc<Resources>,
    /// The last state of its resources that it told, which operations and tasks build upon.
    pub resource_version: Option<Uuid>,
    /// Its operations that have not ended, or whose end was not acknowledged.
    pub operations: FewSet<Uuid>,
    /// Resources held by executors and unfinished tasks, by framework; carry allocation roles.
    pub used: Few<Id<FrameworkId>, Arc<Resources>>,
    /// See [`Agent::offered`]; nothing of most agents, most of the time.
    pub(crate) offered: Option<Box<Resources>>,
    /// Live executors. Those of command tasks are the agent's own affair and not listed.
    pub executors: Few<(FrameworkId, ExecutorId), Arc<Executor>>,
    /// Its tasks; the records are with their frameworks.
    pub tasks: FewSet<(Id<FrameworkId>, Id<TaskId>)>,
    /// Its outstanding offers.
    pub offers: FewSet<OfferId>,
    /// The outstanding requests to leave it, one a framework.
    pub inverse_offers: Few<FrameworkId, OfferId>,
    /// What frameworks answered last to such requests, since the plan for its machine changed.
    pub inverse_answers: Few<FrameworkId, InverseOfferStatus>,
    /// Kills asked for while it was disconnected, repeated when it re-registers.
    pub pending_kills: Few<(FrameworkId, TaskId), Option<v1::KillPolicy>>,
}

impl Agent {
    /// Whether its version can do this.
    pub fn has_capability(&self, capability: v1::agent_info::capability::Type) -> bool {
        let number = Some(capability as i32);
        self.software
            .capabilities
            .iter()
            .any(|declared| declared.r#type == number)
    }

    /// Resources in outstanding offers; carry allocation roles.
    pub fn offered(&self) -> Resources {
        self.offered.as_deref().cloned().unwrap_or_default()
    }

    pub(crate) fn change_offered(&mut self, change: impl FnOnce(&mut Resources)) {
        let mut offered = self.offered();
        change(&mut offered);
        self.offered = (!offered.is_empty()).then(|| Box::new(offered));
    }

    /// Everything held by executors and tasks.
    pub fn used_total(&self) -> Resources {
        let mut total = Resources::default();
        for resources in self.used.values() {
            total += &**resources;
        }
        total
    }

    /// Frameworks that have tasks or executors on it.
    pub fn frameworks(&self) -> OrdSet<FrameworkId> {
        self.tasks
            .iter()
            .map(|(framework, _)| framework.to_v1())
            .chain(
                self.executors
                    .keys()
                    .map(|(framework, _)| framework.clone()),
            )
            .collect()
    }
}

/// A live executor on an agent.
#[derive(Clone, Debug)]
pub struct Executor {
    /// As given by the framework.
    pub info: v1::ExecutorInfo,
    /// `info.resources` as a set; carries the allocation role.
    pub resources: Resources,
}

/// An agent of the registry that has not re-registered since this master started.
#[derive(Clone, Debug)]
pub struct RecoveredAgent {
    /// As admitted.
    pub info: AgentWords,
}

/// An agent that stopped answering.
#[derive(Clone, Debug)]
pub struct UnreachableAgent {
    /// As last registered; absent when it was marked by an earlier master.
    pub info: Option<AgentWords>,
    /// When it was marked.
    pub since: Timestamp,
}
