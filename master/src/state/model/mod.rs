//! The cluster as a value.
//!
//! All maps are persistent (`imbl`) and all records shared (`Arc`): a clone costs a handful of
//! reference counts, and whoever holds a clone sees one consistent moment for as long as it likes.
//! That is what the master publishes and what every read is answered from.
//!
//! ```text
//!   Cluster ── agents ──────────── Agent ─────── executors, ids of tasks and offers, used, offered
//!      │  ├─── recovered_agents    in the registry, not heard of since this master started
//!      │  ├─── unreachable_agents  stopped answering
//!      │  ├─── gone_agents         given up for ever
//!      │  └─── drains, deactivated what operators want of agents, present or not
//!      ├────── frameworks ──────── Framework ─── tasks, unreachable_tasks, completed_tasks,
//!      │                                         ids of offers and executors, used, offered
//!      ├────── completed_frameworks (oldest first, bounded)
//!      ├────── offers, inverse_offers
//!      ├────── machines            of the maintenance schedule
//!      ├────── operations
//!      └────── counts, reasons     totals over all tasks
//! ```
//!
//! The methods that change it keep the two sides of every relation, the sums of resources and the
//! counters in step; nothing else writes those.

mod agent;
mod changes;
mod completed;
mod counts;
mod framework;
mod identity;
mod inverse_offer;
mod machine;
mod offer;
mod operation;
mod operation_ends;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use mesos::v1::{self, AgentId, FrameworkId, OfferId, TaskId};
use uuid::Uuid;

use super::{Task, Timestamp};
use crate::registrar::DrainRecord;

pub(crate) use changes::Destination;

pub use agent::{Agent, Executor, RecoveredAgent, UnreachableAgent};
pub use completed::CompletedTasks;
pub use counts::{TaskCounts, holds_nothing, is_terminal};
pub use framework::{Connection, Framework, Subscription, Traffic, has_capability, roles_of};
pub use inverse_offer::InverseOffer;
pub use machine::Machines;
pub(crate) use machine::find_machine;
pub use offer::Offer;
pub use operation::Operation;
pub use operation_ends::OperationEnds;

/// How often tasks ended (or became unreachable) in which way: state, source and reason numbers.
pub type Reasons = OrdMap<(i32, i32, i32), u64>;

/// Everything the master knows about its cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Registered agents.
    pub agents: OrdMap<AgentId, Arc<Agent>>,
    /// Agents of the registry that have not re-registered yet.
    pub recovered_agents: OrdMap<AgentId, Arc<RecoveredAgent>>,
    /// Agents that stopped answering.
    pub unreachable_agents: OrdMap<AgentId, Arc<UnreachableAgent>>,
    /// Agents that an operator has given up for ever, and since when.
    pub gone_agents: OrdMap<AgentId, Timestamp>,
    /// Agents that are being drained, or have been; present or not.
    pub drains: OrdMap<AgentId, Arc<DrainRecord>>,
    /// Agents whose resources an operator does not want to be offered; present or not.
    pub deactivated: OrdSet<AgentId>,
    /// Draining agents on which nothing is left, until that has been noted.
    pub(crate) emptied: OrdSet<AgentId>,
    /// Frameworks that are not completed.
    pub frameworks: OrdMap<FrameworkId, Arc<Framework>>,
    /// Completed frameworks, oldest first. Those that agents remember and nobody else are
    /// [`recovered`](Framework::recovered).
    pub completed_frameworks: Vector<Arc<Framework>>,
    /// Outstanding offers.
    pub offers: OrdMap<OfferId, Arc<Offer>>,
    /// Outstanding requests to leave agents that will be unavailable.
    pub inverse_offers: OrdMap<OfferId, Arc<InverseOffer>>,
    /// Machines of the maintenance schedule.
    pub machines: Machines,
    /// Operations that have not ended, or whose end was not acknowledged.
    pub operations: OrdMap<Uuid, Arc<Operation>>,
    /// Weights of roles that were given one; 1 for all others.
    pub weights: OrdMap<String, f64>,
    /// Quotas of roles that have one.
    pub quotas: OrdMap<String, Arc<v1::quota::QuotaConfig>>,
    /// All tasks by state.
    pub counts: TaskCounts,
    /// Endings by state, source and reason.
    pub reasons: Reasons,
    /// Ends of operations by type and state.
    pub operation_ends: OperationEnds,
}

impl Cluster {
    /// A registered agent.
    pub fn agent(&self, id: &AgentId) -> Option<&Arc<Agent>> {
        self.agents.get(id)
    }

    /// A framework that is not completed.
    pub fn framework(&self, id: &FrameworkId) -> Option<&Arc<Framework>> {
        self.frameworks.get(id)
    }

    /// Whether `id` belongs to a completed framework that is still remembered. One that only agents tell of is not
    /// known to have ended for good.
    pub fn is_completed(&self, id: &FrameworkId) -> bool {
        self.completed_frameworks
            .iter()
            .any(|framework| framework.id == *id && !framework.recovered())
    }

    /// A task that is alive or whose terminal update has not been acknowledged yet.
    pub fn task(&self, framework: &FrameworkId, task: &TaskId) -> Option<&Arc<Task>> {
        self.frameworks.get(framework)?.tasks.get(task.as_str())
    }

    /// The tasks of an agent.
    pub fn tasks_on(&self, agent: &AgentId) -> Vec<Arc<Task>> {
        let Some(agent) = self.agents.get(agent) else {
            return Vec::new();
        };
        agent
            .tasks
            .iter()
            .filter_map(|(framework, task)| {
                let framework = self.frameworks.get(&framework.to_v1())?;
                framework.tasks.get(&**task).cloned()
            })
            .collect()
    }
}
