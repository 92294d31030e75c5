//! The cluster, and what it looks like.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use libprocess::prelude::Node;
use libprocess::sim::Net;
use master::allocator::Report;
use master::registrar::Registry;
use master::view::View;
use mesos::election::MemoryGroup;
use mesos::historic::Museum;
use mesos::v1::{AgentId, FrameworkId};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::builder::Builder;
use super::chaos::Tally;
use super::daemons::{AgentSeat, MasterSeat, Voting};
use super::doom::Doom;
use super::invariants::Always;
use super::ledger::Ledger;
use super::operator::Orders;
use super::reserver::Reserver;
use super::service::{Service, Terms};
use super::storage::Kept;
use super::watching::Moment;

/// Masters, agents and services; see [`super`].
pub struct SimCluster {
    /// The world it lives in, with more faults to offer.
    pub net: Net,
    /// The services started so far.
    pub services: Vec<Service>,
    /// What ran.
    pub ledger: Ledger,
    pub(super) masters: Vec<MasterSeat>,
    pub(super) agents: Vec<AgentSeat>,
    /// The registry, which all masters share.
    pub(super) storage: Kept,
    pub(super) voting: Voting,
    /// The framework that reserves, if one was started with [`SimCluster::start_reserver`].
    pub reserver: Option<Reserver>,
    /// When a machine that stood still ran on last.
    pub(super) resumed: Cell<Option<Instant>>,
    /// When somebody reads the leader's state next, if anybody does.
    pub(super) polled: Cell<Option<Instant>>,
    /// What went wrong so far.
    pub tally: Tally,
    /// When invariants are looked at again, whatever happens until then.
    pub(super) look_again: Cell<Option<Instant>>,
    /// Frameworks that a leader called completed.
    pub(super) ended: RefCell<BTreeSet<FrameworkId>>,
    /// How many questions were asked.
    pub(super) asked: Cell<u64>,
    /// Questions that were not answered yet, by number.
    pub(super) reads: Arc<Mutex<Reads>>,
    /// What the operator ordered.
    pub orders: Orders,
    /// Machines that stand still.
    pub(super) paused: BTreeSet<SocketAddr>,
    /// Machines whose power goes when they have sent so much more.
    pub(super) doomed: Vec<Doom>,
    /// Rings whenever a master publishes something, or a service is told something.
    pub(super) bell: Arc<Notify>,
    /// What invariants were last looked at with.
    pub(super) checked: RefCell<Moment>,
    pub(super) invariants: RefCell<Always>,
}

/// Questions by number.
pub(super) type Reads = BTreeMap<u64, Read>;

/// A question to a leader.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// The leader's id.
    pub(super) leader: String,
    pub(super) asked: Instant,
}

impl SimCluster {
    /// A cluster to be described.
    pub fn builder() -> Builder {
        Builder {
            masters: 1,
            agents: 1,
            resources: "cpus:4;mem:1024".to_owned(),
            master: master::config::Config::default(),
            museum: Museum::default(),
            registry_on_disk: false,
        }
    }

    /// Starts a service that keeps `wanted` copies of `command` running (see [`Ledger::simulation`]).
    pub async fn keep_running(&mut self, wanted: usize, command: &str) {
        self.keep_running_as(Terms::new(wanted, command)).await;
    }

    /// Starts a service on these terms.
    pub async fn keep_running_as(&mut self, terms: Terms) {
        let number = self.services.len();
        let last = u8::try_from(number + 1).expect("at most 255 services");
        let address = SocketAddr::from(([10, 0, 2, last], 9000));
        let name = format!("service-{number}");
        let (net, voting, bell) = (&self.net, &self.voting, &self.bell);
        let service = Service::start(net, address, voting, bell, &name, terms).await;
        self.services.push(service);
    }

    /// Starts a framework that makes `wanted` reservations.
    pub async fn reserve(&self, wanted: usize) -> Reserver {
        Reserver::start(&self.net, "10.0.3.1:9000", &self.voting, wanted).await
    }

    /// Starts a framework that makes `wanted` reservations, and is looked at with the rest.
    pub async fn start_reserver(&mut self, wanted: usize) {
        self.reserver = Some(self.reserve(wanted).await);
    }

    /// The number of agents, up or down.
    pub fn agent_count(&self) -> usize {
        self.agents.len()
    }

    /// The group in which masters meet.
    ///
    /// # Panics
    ///
    /// There is one master.
    pub fn group(&self) -> &MemoryGroup {
        match &self.voting {
            Voting::In(group) => group,
            Voting::None(_) => panic!("a cluster with one master has no group"),
        }
    }

    /// How many masters lead and serve, of those that do not stand still.
    pub fn leaders(&self) -> usize {
        let running = self.masters.iter();
        let running = running.filter(|master| !self.paused.contains(&master.address));
        running.filter(|master| master.leads()).count()
    }

    /// The master that leads; the first one while none does.
    pub(super) fn acting(&self) -> usize {
        let mut masters = self.masters.iter();
        let leads = |master: &MasterSeat| master.leads() && !self.paused.contains(&master.address);
        masters.position(leads).unwrap_or(0)
    }

    pub(super) fn master(&self) -> &MasterSeat {
        &self.masters[self.acting()]
    }

    /// Where the master is that leads.
    pub fn master_address(&self) -> SocketAddr {
        self.master().address
    }

    /// Where an agent is.
    pub fn agent_address(&self, agent: usize) -> SocketAddr {
        self.agents[agent].address
    }

    /// What the master publishes; `None` while there is none.
    pub fn view(&self) -> Option<Arc<View>> {
        let life = self.master().life.as_ref()?;
        Some(life.view.borrow().clone())
    }

    /// What the leader's allocator published last.
    pub fn allocator(&self) -> Option<Arc<Report>> {
        let life = self.master().life.as_ref()?;
        let door = life.allocator.borrow().clone()?;
        Some(door.reports.borrow().clone())
    }

    /// The names of the processes on an agent's machine.
    pub fn processes_on(&self, agent: usize) -> Vec<String> {
        let node = self.agents[agent].node.as_ref();
        let processes = node.map(Node::processes).unwrap_or_default();
        let names = processes
            .iter()
            .map(|process| process.pid.name().to_owned());
        names.collect()
    }

    /// What is stored for the next master.
    pub fn registry(&self) -> Registry {
        self.storage.registry()
    }

    /// What the agents publish, of those that are up, by number.
    pub fn agent_views(&self) -> impl Iterator<Item = (usize, Arc<agent::state::State>)> {
        let agents = self.agents.iter().enumerate();
        agents.filter_map(|(number, agent)| Some((number, agent.life.as_ref()?.view.state())))
    }

    /// The agent with the most tasks, and how many.
    pub fn busiest_agent(&self) -> (usize, usize) {
        let agents = self.agent_views().map(|(number, state)| {
            let tasks = state
                .executors()
                .map(|e| e.queued.len() + e.launched_tasks.len());
            (number, tasks.sum())
        });
        agents.max_by_key(|(_, tasks)| *tasks).unwrap_or_default()
    }

    /// How many agents the master counts on.
    pub fn active_agents(&self) -> usize {
        self.view().map_or(0, |view| {
            let agents = view.cluster.agents.values();
            agents
                .filter(|agent| agent.connected && agent.active)
                .count()
        })
    }

    /// The number of masters, up or down.
    pub fn master_count(&self) -> usize {
        self.masters.len()
    }

    /// Whether a framework ever ended, or was to be ended.
    pub fn was_ended(&self, framework: &FrameworkId) -> bool {
        self.ended.borrow().contains(framework) || self.orders.ended(framework)
    }

    /// Whether a machine stands still.
    pub fn stands_still(&self, machine: SocketAddr) -> bool {
        self.paused.contains(&machine)
    }

    /// What a master publishes that leads and goes on: it serves, and neither stands still nor has ended.
    pub fn leader(&self) -> Option<Arc<View>> {
        let goes_on = !self.stands_still(self.master_address()) && !self.master().has_ended();
        let view = self.view().filter(|_| goes_on);
        view.filter(|view| view.leads() && !view.is_recovering())
    }

    /// Whether the disk of an agent takes nothing new, or did not a moment ago: what it refused then is told later.
    pub fn has_full_disk(&self, agent: &AgentId) -> bool {
        let mut agents = self.agent_views();
        let agent = agents.find(|(_, state)| state.agent_id() == Some(agent));
        agent.is_some_and(|(number, _)| self.agents[number].has_full_disk())
    }

    /// When the oldest question was asked that the leader has not answered yet.
    pub fn oldest_read(&self) -> Option<Instant> {
        let view = self.leader()?;
        let reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = reads.values().filter(|read| read.leader == view.master.id);
        mine.map(|read| read.asked).min()
    }

    /// Where masters are.
    pub(super) fn master_addresses(&self) -> Vec<SocketAddr> {
        self.masters.iter().map(|master| master.address).collect()
    }
}
