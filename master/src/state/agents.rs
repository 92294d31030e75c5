//! Agents that come for the first time (Mesos' `docs/high-availability.md`). The registry is written before an agent
//! is answered, so that no agent runs anything a later master would not know of.

use std::sync::Arc;

use libprocess::prelude::{AnyPid, Pid};
use mesos::historic::Historic;
use mesos::protocols::master::{RegisterAgent, ReregisterAgent, UnregisterAgent};
use mesos::protocols::{AgentProtocol, agent as to_agent};
use mesos::resources::Resources;
use mesos::v1::{self, AgentId, AgentInfo};
use mesos::wire::{Packed, Pb};
use uuid::Uuid;

use super::operations::total_of;
use super::{
    Agent, AgentSoftware, AgentWords, Continuation, Counter, Effect, Effects, Few, FewSet, Id,
    Place, RemovalReason, State, Timestamp, ToAgent, Transition, place,
};
use crate::allocator::{AgentCapabilities, AllocatorOp};
use crate::registrar::Operation;
use crate::validation::{Check, Invalid};

/// The oldest version of agents that is spoken to (Mesos' `docs/upgrades.md`). Older ones are not answered.
const MINIMUM_MAJOR_VERSION: u32 = 1;

/// The most bytes of a host name or version of an agent.
const MAX_TEXT_LENGTH: usize = 1_024;

/// An agent that is about to be let in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Its id; `info.id` is the same.
    pub id: AgentId,
    /// Where it is.
    pub pid: Pid<AgentProtocol>,
    /// What it says of itself.
    pub info: AgentInfo,
    /// The same, as it is kept.
    pub words: AgentWords,
    /// What its version can do.
    pub capabilities: Vec<v1::agent_info::Capability>,
    /// Its version.
    pub version: String,
    /// Its resources, those made at run time included.
    pub total: Resources,
    /// Names this state of its resources.
    pub resource_version: Option<Uuid>,
    /// What runs on it, if it comes back.
    pub running: Running,
}

/// What an agent that comes back brings along.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Frameworks that have something on it.
    pub frameworks: Vec<v1::FrameworkInfo>,
    /// Its live executors.
    pub executors: Vec<v1::ExecutorInfo>,
    /// Its tasks.
    pub tasks: Vec<Packed<v1::Task>>,
    /// Its operations whose end was not acknowledged.
    pub operations: Vec<v1::Operation>,
    /// What is over.
    pub history: History,
}

/// What an agent that comes back remembers.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Frameworks of which it has nothing but ended tasks.
    pub frameworks: Vec<v1::FrameworkInfo>,
    /// Ended tasks, oldest first.
    pub tasks: Vec<Packed<v1::Task>>,
}

impl State {
    /// An agent without an id wants in. It repeats itself until it is answered, so what comes at
    /// the wrong moment is dropped.
    pub fn register_agent(&mut self, now: Timestamp, request: RegisterAgent) -> Effects {
        let mut out = Effects::new();
        self.counters.count(Counter::RegisterAgent);
        let place = place(&request.agent);
        if self.is_down(&request.info.hostname, request.agent.address().ip()) {
            out.push(shutdown(
                &request.agent,
                "its machine is down for maintenance",
            ));
            return out;
        }
        if self.recovering
            || self.registering.contains(&place)
            || !self.is_welcome(&request.info, &request.version)
        {
            self.counters.count(Counter::DroppedMessages);
            return out;
        }
        if let Some(id) = self.places.get(place.0, &place.1).map(Id::to_v1) {
            let same = self
                .cluster
                .agent(&id)
                .is_some_and(|agent| agent.pid == request.agent);
            if same {
                // Without an id it has nothing but what its flags say.
                if let Some(agent) = self.cluster.agent_mut(&id) {
                    agent.resource_version = request.resource_version;
                }
                self.register_again(now, &id, &mut out);
                return out;
            }
            self.counters.count(Counter::AgentRemovalsRegistered);
            self.begin_removal(&id, RemovalReason::Replaced, &mut out);
        }
        let id = self.ids.agent_id();
        match Admission::of_new(id.clone(), request.clone()) {
            Ok(admission) => {
                self.registering.insert(place);
                let info = Pb(admission.info.clone());
                out.push(Effect::Registry(
                    Operation::AdmitAgent { id, info },
                    Continuation::Admit(Box::new(admission)),
                ));
            }
            Err(error) => out.push(shutdown(&request.agent, error.0)),
        }
        out
    }

    /// Whether an agent is spoken to at all. Without an answer it tries again, for its operator to see: the
    /// version of the agent and the fault domains of both are the operator's to mend.
    pub(super) fn is_welcome(&self, info: &AgentInfo, version: &str) -> bool {
        let major = version
            .split('.')
            .next()
            .and_then(|v| v.parse::<u32>().ok());
        if major.is_some_and(|major| major < MINIMUM_MAJOR_VERSION) {
            return false;
        }
        match (&self.config.domain, &info.domain) {
            (None, Some(_)) => false,
            (Some(_), None) => !self.config.require_agent_domain,
            _ => true,
        }
    }

    /// Removes an agent whose place another one has taken.
    pub(super) fn clear_place(&mut self, place: &Place, successor: &AgentId, out: &mut Effects) {
        let holder = self.places.get(place.0, &place.1);
        if let Some(holder) = holder.filter(|holder| !holder.is(successor)).map(Id::to_v1) {
            self.counters.count(Counter::AgentRemovalsRegistered);
            self.begin_removal(&holder, RemovalReason::Replaced, out);
        }
    }

    /// Forgets where an agent was, unless another one has taken its place.
    pub(super) fn leave_place(&mut self, agent: &Agent) {
        let place = place(&agent.pid);
        if self.places.get(place.0, &place.1) == Some(&agent.shared_id) {
            self.places.remove(&place);
        }
    }

    /// The answer to its registration was lost.
    fn register_again(&mut self, now: Timestamp, id: &AgentId, out: &mut Effects) {
        let Some(agent) = self.cluster.agent(id).cloned() else {
            return;
        };
        if !agent.connected {
            self.reconnect(now, &agent, agent.pid.clone(), out);
        }
        out.push(self.registered_message(&agent.pid, id));
        self.resume_use(now, id, out);
    }

    /// The registry has admitted a new agent.
    pub(super) fn admit(&mut self, now: Timestamp, admission: Admission) -> Effects {
        let mut out = Effects::new();
        self.registering.remove(&place(&admission.pid));
        self.counters.count(Counter::AgentRegistrations);
        let (id, pid) = (admission.id.clone(), admission.pid.clone());
        self.add_agent(now, None, admission, &mut out);
        out.push(self.registered_message(&pid, &id));
        self.resume_use(now, &id, &mut out);
        self.end_if_machine_is_down(&id, &mut out);
        out
    }

    fn registered_message(&self, to: &Pid<AgentProtocol>, id: &AgentId) -> Effect {
        let message = to_agent::Registered {
            agent_id: id.clone(),
            total_ping_timeout: self.total_ping_timeout(),
        };
        Effect::Agent(to.clone(), ToAgent::Registered(message))
    }

    pub(super) fn total_ping_timeout(&self) -> std::time::Duration {
        self.config.agent_ping_timeout * self.config.max_agent_ping_timeouts
    }

    /// Makes an agent known without anything running on it, and begins to watch it. The allocator
    /// is told by whoever knows what it uses.
    pub(super) fn insert_agent(
        &mut self,
        now: Timestamp,
        registered: Option<Timestamp>,
        admission: &Admission,
        out: &mut Effects,
    ) {
        let id = admission.id.clone();
        let agent = Agent {
            id: id.clone(),
            shared_id: Id::from(&id),
            info: admission.words.clone(),
            pid: admission.pid.clone(),
            software: self.software.share(Arc::new(admission.software())),
            registered: registered.unwrap_or(now),
            reregistered: registered.map(|_| now),
            connected: true,
            active: true,
            connection: 1,
            total: self.totals.share(Arc::new(admission.total.clone())),
            resource_version: admission.resource_version,
            operations: FewSet::new(),
            used: Few::new(),
            offered: None,
            executors: Few::new(),
            tasks: FewSet::new(),
            offers: FewSet::new(),
            inverse_offers: Few::new(),
            inverse_answers: Few::new(),
            pending_kills: Few::new(),
        };
        self.places
            .insert(place(&admission.pid), agent.shared_id.clone());
        self.cluster.recovered_agents.remove(&id);
        self.cluster.unreachable_agents.remove(&id);
        self.cluster.agents.insert(id.clone(), Arc::new(agent));
        out.push(Effect::Watch(admission.pid.any()));
        out.push(Effect::Observe(id, admission.pid.clone()));
    }

    fn add_agent(
        &mut self,
        now: Timestamp,
        registered: Option<Timestamp>,
        admission: Admission,
        out: &mut Effects,
    ) {
        self.insert_agent(now, registered, &admission, out);
        self.announce_agent(&admission.id, admission.info, out);
    }

    /// What is used counts once.
    fn counted(&self, agent: &Agent, used: &Resources) -> Resources {
        let twice = self.config.museum.shows(Historic::CountedTwice);
        match twice && agent.reregistered.is_some() {
            true => used.clone() + used.clone(),
            false => used.clone(),
        }
    }

    /// Gives an agent's resources to the allocator, with what is used of them. `info` is what it says of itself.
    pub(super) fn announce_agent(&self, id: &AgentId, info: AgentInfo, out: &mut Effects) {
        let Some(agent) = self.cluster.agent(id) else {
            return;
        };
        out.push(Effect::Allocator(AllocatorOp::AddAgent {
            id: id.clone(),
            info,
            capabilities: AgentCapabilities::new(&agent.software.capabilities),
            total: (*agent.total).clone(),
            used: agent
                .used
                .iter()
                .map(|(framework, used)| (framework.to_v1(), self.counted(agent, used)))
                .collect(),
        }));
        self.announce_unavailability(id, out);
    }

    /// An agent leaves for good.
    pub fn unregister_agent(
        &mut self,
        sender: Option<&AnyPid>,
        request: &UnregisterAgent,
    ) -> Effects {
        let mut out = Effects::new();
        self.counters.count(Counter::UnregisterAgent);
        if self.speaks_for(sender, &request.agent_id) {
            self.counters.count(Counter::AgentRemovalsUnregistered);
            self.begin_removal(&request.agent_id, RemovalReason::Left, &mut out);
        } else {
            self.counters.count(Counter::DroppedMessages);
        }
        out
    }

    pub(super) fn begin_removal(&mut self, id: &AgentId, reason: RemovalReason, out: &mut Effects) {
        if self.transitions.contains_key(id) {
            return;
        }
        self.transitions.insert(id.clone(), Transition::Removing);
        out.push(Effect::Registry(
            Operation::RemoveAgent { id: id.clone() },
            Continuation::Remove(id.clone(), reason),
        ));
    }
}

impl Admission {
    pub(super) fn software(&self) -> AgentSoftware {
        AgentSoftware {
            version: self.version.clone(),
            capabilities: self.capabilities.clone(),
        }
    }

    fn of_new(id: AgentId, request: RegisterAgent) -> Result<Admission, Invalid> {
        let mut info = request.info.0;
        info.id = Some(id.clone());
        Ok(Admission {
            total: check_info(&info, &request.version, &request.checkpointed_resources)?,
            resource_version: request.resource_version,
            id,
            pid: request.agent,
            words: AgentWords::from(&info),
            info,
            capabilities: unwrapped(request.capabilities),
            version: request.version,
            running: Running::default(),
        })
    }

    /// `info.id` must be set.
    pub(super) fn of_known(request: ReregisterAgent) -> Result<Admission, Invalid> {
        let info = request.info.0;
        let history = History {
            frameworks: unwrapped(request.completed_frameworks),
            tasks: request.completed_tasks,
        };
        Ok(Admission {
            total: check_info(&info, &request.version, &request.checkpointed_resources)?,
            resource_version: request.resource_version,
            id: info.id.clone().unwrap_or_default(),
            pid: request.agent,
            words: AgentWords::from(&info),
            info,
            capabilities: unwrapped(request.capabilities),
            version: request.version,
            running: Running {
                frameworks: unwrapped(request.frameworks),
                executors: unwrapped(request.executors),
                tasks: request.tasks,
                operations: unwrapped(request.operations),
                history,
            },
        })
    }
}

fn unwrapped<T>(messages: Vec<Pb<T>>) -> Vec<T> {
    messages.into_iter().map(Pb::into_inner).collect()
}

/// Checks what an agent says of itself and returns its resources.
fn check_info(
    info: &AgentInfo,
    version: &str,
    stored: &[Pb<v1::Resource>],
) -> Result<Resources, Invalid> {
    short("hostname", &info.hostname)?;
    short("version", version)?;
    total_of(info, stored.iter().map(|resource| &resource.0))
}

fn short(field: &str, text: &str) -> Check {
    if text.len() > MAX_TEXT_LENGTH {
        return Err(Invalid(format!(
            "the agent's {field} is longer than {MAX_TEXT_LENGTH} bytes"
        )));
    }
    Ok(())
}

pub(super) fn shutdown(to: &Pid<AgentProtocol>, message: impl Into<String>) -> Effect {
    let message = to_agent::ShutdownAgent {
        message: message.into(),
        forget: false,
    };
    Effect::Agent(to.clone(), ToAgent::Shutdown(message))
}
