//! The pure core of the master.
//!
//! [`State`] is told what happened and when, changes its [`Cluster`], and answers with
//! [`Effect`]s for the actor to perform. It knows no clock, no random source and no actor; a test
//! is a table of calls. One file per subject:
//!
//! | File | Subject |
//! |---|---|
//! | `calls` | scheduler calls: who may call, and where each goes |
//! | `subscribe`, `frameworks` | subscription and failover; disconnection, teardown, recovery |
//! | `offers`, `accept`, `launch`, `launch_group` | offers out, answers in, tasks started |
//! | `operations` | what is done to resources, and what becomes of it |
//! | `operator`, `weights`, `quota` | what operators change |
//! | `maintenance`, `inverse_offers` | machines that will be unavailable, and asking to leave them |
//! | `updates`, `reconcile`, `kill`, `messages` | the lives of tasks and executors |
//! | `agents`, `reregister`, `liveness` | registration, return, and loss of agents |
//! | `history` | what agents remember of the time of another master |
//! | `removal` | how fast agents become unreachable |
//! | `drain`, `gone` | agents that operators take out of use, or give up |
//! | `oversubscription` | what agents lend of what is not used |
//! | `registry`, `gc` | what is read back after a restart; what is forgotten |
//! | `model`, `kept` | the cluster as a value; the forms in which it is kept small |

mod accept;
mod agents;
mod calls;
mod counters;
mod drain;
mod effect;
mod frameworks;
mod gc;
mod gone;
mod history;
mod inverse_offers;
mod kept;
mod kill;
mod launch;
mod launch_group;
mod liveness;
mod maintenance;
mod messages;
mod model;
mod offers;
mod operations;
mod operator;
mod oversubscription;
mod places;
mod quota;
mod reconcile;
mod registry;
mod removal;
mod reregister;
mod statuses;
mod subscribe;
mod time;
mod updates;
mod weights;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use libprocess::prelude::{AnyPid, Pid};
use mesos::ids::Mint;
use mesos::protocols::{AgentProtocol, CallRejected, RejectionKind};
use mesos::resources::Resources;
use mesos::v1::{self, AgentId, FrameworkId, scheduler};

pub use agents::Admission;
pub use calls::Caller;
pub use counters::{Counter, Counters};
pub use effect::{Continuation, Effect, RemovalReason, Timer, ToAgent, UnreachableReason};
pub(crate) use kept::ToldTask;
pub use kept::{AgentSoftware, AgentTraits, AgentWords, Details, Few, FewSet, Id, Task};
pub use maintenance::Plan;
pub use model::*;
pub use operator::{Awaited, Ticket};
pub use removal::RateLimit;
pub use time::Timestamp;

use crate::config::Config;
use crate::recent::Recent;
use places::Places;

/// What a verb asks for, in order.
pub type Effects = Vec<Effect>;

/// Name and address of a process, whichever incarnation.
type Place = (SocketAddr, String);

/// A change of an agent that waits for the registry. Messages that arrive meanwhile are dropped;
/// the agent repeats them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transition {
    Reregistering,
    MarkingUnreachable,
    Removing,
    MarkingGone,
}

/// Everything the master decides from.
#[derive(Clone, Debug)]
pub struct State {
    cluster: Cluster,
    counters: Counters,
    config: Arc<Config>,
    master: Arc<v1::MasterInfo>,
    ids: Mint,
    /// Until the registry has been read, agents are not answered and calls are refused.
    recovering: bool,
    /// When the registry had been read.
    recovered_at: Option<Timestamp>,
    /// How many agents the registry knew at the start, for the removal limit.
    recovered_at_start: usize,
    /// Live subscriptions; one per framework.
    schedulers: BTreeMap<AnyPid, FrameworkId>,
    /// Where registered agents are, by name and address; one entry each.
    places: Places,
    /// What agents have in common.
    software: Recent<AgentSoftware>,
    totals: Recent<Resources>,
    /// Agents whose admission waits for the registry; each is in there once.
    registering: BTreeSet<Place>,
    /// Frameworks that are in the registry.
    persisted: BTreeSet<FrameworkId>,
    /// Known agents whose change waits for the registry; one entry each.
    transitions: BTreeMap<AgentId, Transition>,
    /// Agents that wait for their turn to become unreachable.
    turns: removal::Turns,
    /// Whether a timer looks for offers that were held for too long.
    expiry_set: bool,
}

impl State {
    /// A master that has not read its registry yet; see [`State::recovered`].
    pub fn new(config: Arc<Config>, master: v1::MasterInfo) -> State {
        State {
            cluster: Cluster::default(),
            counters: Counters::default(),
            ids: Mint::new(master.id.clone()),
            config,
            master: Arc::new(master),
            recovering: true,
            recovered_at: None,
            recovered_at_start: 0,
            schedulers: BTreeMap::new(),
            places: Places::default(),
            software: Recent::default(),
            totals: Recent::default(),
            registering: BTreeSet::new(),
            persisted: BTreeSet::new(),
            transitions: BTreeMap::new(),
            turns: removal::Turns::default(),
            expiry_set: false,
        }
    }

    /// The cluster as it is now.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What has been counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether the registry is still being read.
    pub fn is_recovering(&self) -> bool {
        self.recovering
    }

    /// A timer ran out.
    pub fn fired(&mut self, now: Timestamp, timer: Timer) -> Effects {
        match timer {
            Timer::Heartbeat(framework, epoch) => self.heartbeat(&framework, epoch),
            Timer::FrameworkFailover(framework, epoch) => {
                self.failover_timeout(now, &framework, epoch)
            }
            Timer::AgentReregister(agent, connection) => {
                self.reregister_timeout(now, &agent, connection)
            }
            Timer::AgentsRecovery => self.recovery_timeout(now),
            Timer::OfferTimeout => self.expire_offers(now),
            Timer::InverseOfferTimeout(offer) => self.inverse_offer_timeout(&offer),
            Timer::AgentUnreachable(agent) => self.turn_came(now, &agent),
            Timer::RegistryGc => self.collect_garbage(now),
        }
    }

    /// The registry has stored an operation.
    pub fn stored(&mut self, now: Timestamp, continuation: Continuation) -> Effects {
        match continuation {
            Continuation::Nothing => Effects::new(),
            Continuation::Admit(admission) => self.admit(now, *admission),
            Continuation::Readmit(admission) => self.readmit(now, *admission),
            Continuation::MarkUnreachable(agent, reason) => self.unreachable(now, &agent, reason),
            Continuation::TearDown(ticket) => vec![Effect::Answer(ticket, Ok(()))],
            Continuation::Remove(agent, reason) => self.removed(now, &agent, reason),
            Continuation::Prune(agents) => self.pruned(&agents),
            Continuation::MarkGone(agent, since, ticket) => self.gone(now, &agent, since, ticket),
            Continuation::Drain(ticket, agent, drain) => self.draining(ticket, &agent, drain),
            Continuation::Drained(agent) => self.drained(now, &agent),
            Continuation::Deactivate(ticket, agent) => self.deactivated(ticket, &agent),
            Continuation::Reactivate(ticket, agent) => self.reactivated(ticket, &agent),
            Continuation::UpdateWeights(ticket, weights) => self.weights_updated(ticket, weights),
            Continuation::UpdateQuota(ticket, configs) => self.quota_updated(ticket, configs),
            Continuation::UpdateSchedule(ticket, plan) => self.schedule_updated(ticket, plan),
            Continuation::StartMaintenance(ticket, machines) => {
                self.maintenance_started(ticket, &machines)
            }
            Continuation::StopMaintenance(ticket, machines) => {
                self.maintenance_stopped(ticket, &machines)
            }
        }
    }

    /// The registry would not store an operation: what waits for it does not happen, and whoever
    /// wants it asks again.
    pub fn refused(&mut self, continuation: &Continuation) -> Effects {
        match continuation {
            Continuation::Nothing | Continuation::Prune(_) | Continuation::Drained(_) => {}
            Continuation::Admit(admission) => {
                self.registering.remove(&place(&admission.pid));
            }
            Continuation::Readmit(admission) => {
                self.transitions.remove(&admission.id);
            }
            Continuation::MarkUnreachable(agent, _) | Continuation::Remove(agent, _) => {
                self.transitions.remove(agent);
            }
            Continuation::MarkGone(agent, _, ticket) => {
                self.transitions.remove(agent);
                return ticket.map(not_stored).into_iter().collect();
            }
            Continuation::TearDown(ticket)
            | Continuation::UpdateWeights(ticket, _)
            | Continuation::UpdateQuota(ticket, _)
            | Continuation::UpdateSchedule(ticket, _)
            | Continuation::StartMaintenance(ticket, _)
            | Continuation::StopMaintenance(ticket, _)
            | Continuation::Drain(ticket, _, _)
            | Continuation::Deactivate(ticket, _)
            | Continuation::Reactivate(ticket, _) => return vec![not_stored(*ticket)],
        }
        Effects::new()
    }

    /// A watched process ended, or the link to it did.
    pub fn exited(&mut self, now: Timestamp, pid: &AnyPid) -> Effects {
        let mut out = Effects::new();
        if let Some(framework) = self.schedulers.get(pid).cloned() {
            self.disconnect_framework(now, &framework, &mut out);
        }
        if let Some(agent) = self.agent_at(pid) {
            self.disconnect_agent(now, &agent, &mut out);
        }
        out
    }

    /// Sends an event to a framework, if it is connected.
    fn send_event(&mut self, id: &FrameworkId, event: scheduler::Event, out: &mut Effects) {
        let Some(framework) = self.cluster.framework_mut(id) else {
            return;
        };
        let Some(subscription) = framework.subscription() else {
            return;
        };
        let to = subscription.pid.clone();
        *framework
            .traffic
            .events
            .entry(event.r#type.unwrap_or(0))
            .or_insert(0) += 1;
        out.push(Effect::Event(to, Box::new(event)));
    }

    /// The registered agent whose present pid this is.
    fn agent_at(&self, pid: &AnyPid) -> Option<AgentId> {
        let id = self.places.get(pid.address(), pid.name())?.to_v1();
        let agent = self.cluster.agents.get(&id)?;
        (agent.pid.as_any() == pid).then_some(id)
    }

    /// Whether a message about `agent` comes from that agent.
    fn speaks_for(&self, sender: Option<&AnyPid>, agent: &AgentId) -> bool {
        let known = self.cluster.agents.get(agent);
        known.is_some_and(|agent| sender.is_some_and(|sender| agent.pid.as_any() == sender))
    }
}

/// Answers a call of an operator that the registry did not want.
fn not_stored(ticket: Ticket) -> Effect {
    let why = "the registry would not store the change; try again";
    let rejected = CallRejected::new(RejectionKind::Conflict, why);
    Effect::Answer(ticket, Err(rejected))
}

fn place(pid: &Pid<AgentProtocol>) -> Place {
    (pid.address(), pid.name().to_owned())
}
