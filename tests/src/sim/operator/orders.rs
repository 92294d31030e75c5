//! Orders: what an operator does while things go wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos::v1::master::Call;
use mesos::v1::{AgentId, FrameworkId, MachineId};
use rand::Rng;
use rand::rngs::StdRng;

use super::calls;
use crate::sim::cluster::SimCluster;

/// Something that an operator orders. Agents and services are named by number.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// An agent is to be left by its tasks; and to be given up then, or not.
    Drain(usize, bool),
    /// An agent is to be offered no more.
    Deactivate(usize),
    /// An agent is to be offered again.
    Reactivate(usize),
    /// An agent is given up for ever.
    Gone(usize),
    /// The machine of an agent, and no other, is to be maintained.
    Schedule(usize),
    /// The machine of an agent goes down.
    Down(usize),
    /// The machine of an agent is up again.
    Up(usize),
    /// A cpu and some disk of an agent are reserved to a service's role.
    Reserve(usize, usize),
    /// What is reserved to a service's role on an agent is free again.
    Unreserve(usize, usize),
    /// A volume is made of what is reserved to a service's role on an agent.
    CreateVolume(usize, usize),
    /// The volumes of a service's role on an agent are destroyed.
    DestroyVolumes(usize, usize),
    /// A service's role gets so many cpus at most.
    Limit(usize, u32),
    /// A service's role gets as much as there is.
    NoLimit(usize),
    /// A service's role counts so many times.
    Weight(usize, u32),
    /// The framework of a service is ended.
    Teardown(usize),
}

impl Order {
    /// One of them, to an agent among so many. The first service is left alone: it is there to show that others do not
    /// suffer.
    pub(in crate::sim) fn any(random: &mut StdRng, agents: usize, services: usize) -> Order {
        use Order::*;
        let agent = random.random_range(0..agents);
        let service = random.random_range(1..services.max(2));
        match random.random_range(0..20) {
            0 => Drain(agent, random.random_bool(0.3)),
            1 => Deactivate(agent),
            2 | 3 => Reactivate(agent),
            4 => Gone(agent),
            5 => Schedule(agent),
            6 | 7 => Down(agent),
            8 | 9 => Up(agent),
            10 | 11 => Reserve(agent, service),
            12 => Unreserve(agent, service),
            13 | 14 => CreateVolume(agent, service),
            15 => DestroyVolumes(agent, service),
            16 => Limit(service, random.random_range(0..4)),
            17 => NoLimit(service),
            18 => Weight(service, random.random_range(1..5)),
            _ => Teardown(service),
        }
    }

    /// The call that says so; none while there is nobody of whom it could be said.
    fn call(&self, cluster: &SimCluster) -> Option<(Call, Option<(Subject, Promise)>)> {
        let id = |agent: usize| cluster.agent_id(agent);
        let role = |service: usize| cluster.services[service].terms.role.as_str();
        let total = |id: &AgentId| {
            let view = cluster.view()?;
            Some(view.cluster.agent(id)?.total.clone())
        };
        let of_agent = |id: AgentId, promise| Some((Subject::Agent(id), promise));
        let call = match *self {
            Order::Drain(agent, gone) => {
                let id = id(agent)?;
                let promise = of_agent(id.clone(), Promise::Draining);
                (calls::drain(id, gone), promise)
            }
            Order::Deactivate(agent) => {
                let id = id(agent)?;
                let promise = of_agent(id.clone(), Promise::Deactivated);
                (calls::deactivate(id), promise)
            }
            Order::Reactivate(agent) => {
                let id = id(agent)?;
                let promise = of_agent(id.clone(), Promise::Active);
                (calls::reactivate(id), promise)
            }
            Order::Gone(agent) => {
                let id = id(agent)?;
                let promise = of_agent(id.clone(), Promise::Gone);
                (calls::gone(id), promise)
            }
            Order::Schedule(agent) => {
                let promise = (Subject::Machines, Promise::Scheduled(agent));
                (calls::schedule(vec![machine(agent)]), Some(promise))
            }
            Order::Down(agent) => {
                let promise = (Subject::Machines, Promise::Down(agent));
                (calls::down(machine(agent)), Some(promise))
            }
            Order::Up(agent) => {
                let promise = (Subject::Machines, Promise::Up(agent));
                (calls::up(vec![machine(agent)]), Some(promise))
            }
            Order::Reserve(agent, service) => (calls::reserve(id(agent)?, role(service)), None),
            Order::Unreserve(agent, service) => {
                let id = id(agent)?;
                let total = total(&id)?;
                (calls::unreserve(id, &total, role(service))?, None)
            }
            Order::CreateVolume(agent, service) => {
                let number = cluster.orders.next_volume();
                (calls::create(id(agent)?, role(service), number), None)
            }
            Order::DestroyVolumes(agent, service) => {
                let id = id(agent)?;
                let total = total(&id)?;
                (calls::destroy(id, &total, role(service))?, None)
            }
            Order::Limit(service, cpus) => {
                let role = role(service);
                let promise = (Subject::Quota(role.to_owned()), Promise::Limit(cpus));
                (calls::quota(role, Some(cpus)), Some(promise))
            }
            Order::NoLimit(service) => {
                let role = role(service);
                let promise = (Subject::Quota(role.to_owned()), Promise::NoLimit);
                (calls::quota(role, None), Some(promise))
            }
            Order::Weight(service, weight) => {
                let role = role(service);
                let promise = (Subject::Weight(role.to_owned()), Promise::Weight(weight));
                (calls::weight(role, weight), Some(promise))
            }
            Order::Teardown(service) => {
                let framework = cluster.services[service].framework()?;
                let promise = (Subject::Framework(framework.clone()), Promise::Ended);
                (calls::teardown(framework), Some(promise))
            }
        };
        Some(call)
    }
}

/// As the schedule names an agent's machine.
fn machine(agent: usize) -> MachineId {
    MachineId {
        hostname: Some(format!("agent-{agent}")),
        ip: None,
    }
}

impl SimCluster {
    /// Gives an order to the master that leads, and does not wait for the answer.
    pub fn order(&self, order: &Order) {
        let Some((call, promise)) = order.call(self) else {
            return;
        };
        let orders = self.orders.clone();
        // Until it is answered nobody knows what holds.
        let promise = promise.map(|(subject, promise)| {
            let number = orders.give(&subject);
            (subject, promise, number)
        });
        let Some(asked) = self.ask_leader(call) else {
            return;
        };
        tokio::spawn(async move {
            if let Ok(answer) = asked.await {
                orders.lock().answered += 1;
                if let (Ok(()), Some((subject, promise, number))) = (answer, promise) {
                    orders.keep(subject, promise, number);
                }
            }
        });
    }

    /// The id that the agent on a machine has, or had when it was last heard of.
    pub fn agent_id(&self, agent: usize) -> Option<AgentId> {
        let up = self.agent_views().find(|(number, _)| *number == agent);
        if let Some(id) = up.and_then(|(_, state)| state.agent_id().cloned()) {
            return Some(id);
        }
        let name = format!("agent-{agent}");
        let agents = self.registry().agents;
        let mut agents = agents.into_iter();
        agents.find_map(|(id, info)| (info.0.hostname == name).then_some(id))
    }
}

/// What an order is about. Later orders about the same replace earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An agent.
    Agent(AgentId),
    /// The maintenance schedule.
    Machines,
    /// The quota of a role.
    Quota(String),
    /// The weight of a role.
    Weight(String),
    /// A framework.
    Framework(FrameworkId),
}

/// What an operator may rely upon, because a master said so.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "as the orders, with machines by the number of their agent"
)]
pub enum Promise {
    Draining,
    Deactivated,
    Active,
    Gone,
    Scheduled(usize),
    Down(usize),
    Up(usize),
    Limit(u32),
    NoLimit,
    Weight(u32),
    Ended,
}

/// What was ordered, and what became of it. Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Orders(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// Of each subject the number of its last order, and what was promised if that was answered.
    subjects: BTreeMap<Subject, (u64, Option<Promise>)>,
    /// Orders given so far.
    given: u64,
    /// Orders that were answered, whatever the answer.
    answered: u64,
    volumes: u64,
}

impl Orders {
    /// What holds now.
    pub fn promises(&self) -> Vec<(Subject, Promise)> {
        let kept = self.lock();
        let known = kept.subjects.iter();
        let known = known.filter_map(|(subject, (_, promise))| {
            let promise = promise.clone()?;
            Some((subject.clone(), promise))
        });
        known.collect()
    }

    /// Whether a framework's end was ordered, whatever the answer.
    pub fn ended(&self, framework: &FrameworkId) -> bool {
        let subject = Subject::Framework(framework.clone());
        self.lock().subjects.contains_key(&subject)
    }

    /// How many orders were answered.
    pub fn answered(&self) -> u64 {
        self.lock().answered
    }

    fn give(&self, subject: &Subject) -> u64 {
        let mut kept = self.lock();
        kept.given += 1;
        let number = kept.given;
        kept.subjects.insert(subject.clone(), (number, None));
        number
    }

    /// A later order about the same makes an answer worthless.
    fn keep(&self, subject: Subject, promise: Promise, number: u64) {
        if let Some((latest, kept)) = self.lock().subjects.get_mut(&subject)
            && *latest == number
        {
            *kept = Some(promise);
        }
    }

    /// From now on nothing is relied upon.
    pub(super) fn forget(&self) {
        let mut kept = self.lock();
        for (_, promise) in kept.subjects.values_mut() {
            *promise = None;
        }
        // Answers that are on their way come too late.
        kept.given += 1;
        let given = kept.given;
        for (number, _) in kept.subjects.values_mut() {
            *number = given;
        }
    }

    fn next_volume(&self) -> u64 {
        let mut kept = self.lock();
        kept.volumes += 1;
        kept.volumes
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the operator ")?;
        match self {
            Order::Drain(agent, false) => write!(f, "drains agent {agent}"),
            Order::Drain(agent, true) => write!(f, "drains agent {agent} for good"),
            Order::Deactivate(agent) => write!(f, "deactivates agent {agent}"),
            Order::Reactivate(agent) => write!(f, "reactivates agent {agent}"),
            Order::Gone(agent) => write!(f, "gives agent {agent} up"),
            Order::Schedule(agent) => write!(f, "schedules the machine of agent {agent}"),
            Order::Down(agent) => write!(f, "takes the machine of agent {agent} down"),
            Order::Up(agent) => write!(f, "brings the machine of agent {agent} up"),
            Order::Reserve(agent, service) => {
                write!(f, "reserves of agent {agent} for service {service}")
            }
            Order::Unreserve(agent, service) => {
                write!(f, "unreserves of agent {agent} for service {service}")
            }
            Order::CreateVolume(agent, service) => {
                write!(f, "makes a volume on agent {agent} for service {service}")
            }
            Order::DestroyVolumes(agent, service) => {
                write!(f, "destroys volumes on agent {agent} of service {service}")
            }
            Order::Limit(service, cpus) => {
                write!(f, "limits the role of service {service} to {cpus} cpus")
            }
            Order::NoLimit(service) => write!(f, "limits the role of service {service} no more"),
            Order::Weight(service, weight) => {
                write!(f, "gives the role of service {service} the weight {weight}")
            }
            Order::Teardown(service) => write!(f, "tears service {service} down"),
        }
    }
}
