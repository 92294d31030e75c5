//! Frameworks as the master knows them.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use libprocess::prelude::Pid;
use mesos::protocols::SchedulerProtocol;
use mesos::resources::Resources;
use mesos::v1::framework_info::capability::Type as Capability;
use mesos::v1::{self, AgentId, ExecutorId, OfferId, OperationId, TaskId};
use uuid::Uuid;

use super::completed::CompletedTasks;
use super::counts::TaskCounts;
use crate::recent::Recent;
use crate::state::{Id, Task, Timestamp};

/// A framework: its subscription, its tasks and what it holds.
#[derive(Clone, Debug)]
pub struct Framework {
    /// Assigned at its first subscription.
    pub id: v1::FrameworkId,
    /// The same, shared by all its tasks.
    pub shared_id: Id<v1::FrameworkId>,
    /// As last subscribed or updated; `info.id` is set.
    pub info: Arc<v1::FrameworkInfo>,
    /// The roles it is subscribed to.
    pub roles: Arc<BTreeSet<String>>,
    /// Those of its roles in which it wants no offers.
    pub suppressed_roles: Arc<BTreeSet<String>>,
    /// Its offer constraints, as given.
    pub offer_constraints: Option<Arc<v1::scheduler::OfferConstraints>>,
    /// Where its events go, if anywhere.
    pub connection: Connection,
    /// Whether it is offered resources.
    pub active: bool,
    /// Counts connections, so that a timer set for an earlier one is recognised.
    pub epoch: u64,
    /// First subscription to this master.
    pub registered: Timestamp,
    /// Last subscription.
    pub reregistered: Timestamp,
    /// End, for completed frameworks.
    pub unregistered: Option<Timestamp>,
    /// Tasks that are alive, or whose terminal update has not been acknowledged yet.
    pub tasks: OrdMap<Id<TaskId>, Arc<Task>>,
    /// Tasks on unreachable agents. May come back.
    pub unreachable_tasks: OrdMap<Id<TaskId>, Arc<Task>>,
    /// Order in which `unreachable_tasks` were added, oldest first; may name ids that left.
    pub(crate) unreachable_order: Vector<Id<TaskId>>,
    /// Ended tasks, oldest first.
    pub completed_tasks: CompletedTasks,
    /// Its outstanding offers.
    pub offers: OrdSet<OfferId>,
    /// The outstanding requests to it to leave agents.
    pub inverse_offers: OrdSet<OfferId>,
    /// Its operations that it gave an id and whose end it has not acknowledged.
    pub operations: OrdMap<OperationId, Uuid>,
    /// Its live executors.
    pub executors: OrdSet<(AgentId, ExecutorId)>,
    /// Resources held by its executors and unfinished tasks, by agent; carry allocation roles.
    pub used: OrdMap<Id<AgentId>, Arc<Resources>>,
    /// Amounts that its tasks use, for equal ones to share.
    pub(crate) shapes: Recent<Resources>,
    /// Resources in its outstanding offers; carry allocation roles.
    pub offered: Resources,
    /// Its tasks by state.
    pub counts: TaskCounts,
    /// What it called and what it was sent.
    pub traffic: Traffic,
}

/// Where the events of a framework go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Known through agents or the registry only; has not subscribed to this master yet.
    Recovered,
    /// Subscribed.
    Connected(Subscription),
    /// Its subscription ended; its failover timer runs.
    Disconnected,
}

/// A live subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The driver, or the actor that writes an HTTP stream.
    pub pid: Pid<SchedulerProtocol>,
    /// Shown with every later call, so that an instance that was replaced cannot act.
    pub stream_id: String,
}

/// Counters of one framework's calls, events, offers and operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Calls by number of `Call.Type`.
    pub calls: OrdMap<i32, u64>,
    /// Events by number of `Event.Type`.
    pub events: OrdMap<i32, u64>,
    /// Operations by number of `Offer.Operation.Type`.
    pub operations: OrdMap<i32, u64>,
    /// Offers sent.
    pub offers_sent: u64,
    /// Offers accepted.
    pub offers_accepted: u64,
    /// Offers declined.
    pub offers_declined: u64,
    /// Offers rescinded.
    pub offers_rescinded: u64,
}

impl Framework {
    /// A framework that no one is connected for yet.
    pub fn new(now: Timestamp, info: v1::FrameworkInfo) -> Framework {
        let id = info.id.clone().unwrap_or_default();
        Framework {
            shared_id: Id::from(&id),
            id,
            roles: Arc::new(roles_of(&info)),
            info: Arc::new(info),
            suppressed_roles: Arc::default(),
            offer_constraints: None,
            connection: Connection::Recovered,
            active: false,
            epoch: 0,
            registered: now,
            reregistered: now,
            unregistered: None,
            tasks: OrdMap::new(),
            unreachable_tasks: OrdMap::new(),
            unreachable_order: Vector::new(),
            completed_tasks: CompletedTasks::default(),
            offers: OrdSet::new(),
            inverse_offers: OrdSet::new(),
            operations: OrdMap::new(),
            executors: OrdSet::new(),
            used: OrdMap::new(),
            shapes: Recent::default(),
            offered: Resources::default(),
            counts: TaskCounts::default(),
            traffic: Traffic::default(),
        }
    }

    /// Whether it has a live subscription.
    pub fn connected(&self) -> bool {
        matches!(self.connection, Connection::Connected(_))
    }

    /// Whether it is known but has not subscribed to this master.
    pub fn recovered(&self) -> bool {
        self.connection == Connection::Recovered
    }

    /// Its live subscription.
    pub fn subscription(&self) -> Option<&Subscription> {
        match &self.connection {
            Connection::Connected(subscription) => Some(subscription),
            Connection::Recovered | Connection::Disconnected => None,
        }
    }

    /// Whether it declared `capability`.
    pub fn has_capability(&self, capability: Capability) -> bool {
        has_capability(&self.info, capability)
    }

    /// Everything held by its executors and tasks.
    pub fn used_total(&self) -> Resources {
        let mut total = Resources::default();
        for resources in self.used.values() {
            total += &**resources;
        }
        total
    }
}

/// Whether `info` declares `capability`.
pub fn has_capability(info: &v1::FrameworkInfo, capability: Capability) -> bool {
    info.capabilities
        .iter()
        .any(|declared| declared.r#type == Some(capability as i32))
}

/// The roles of `info`: the list for MULTI_ROLE frameworks, else the one role (default `*`).
#[allow(deprecated)] // `role` is, and still what most frameworks set.
pub fn roles_of(info: &v1::FrameworkInfo) -> BTreeSet<String> {
    if has_capability(info, Capability::MultiRole) {
        info.roles.iter().cloned().collect()
    } else {
        BTreeSet::from([info.role.clone().unwrap_or_else(|| "*".to_owned())])
    }
}
