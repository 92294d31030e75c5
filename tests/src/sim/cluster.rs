//! The cluster and the hand on it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::Net;
use master::registrar::{Fault, MemoryStorage, Registry};
use master::view::View;
use mesos::election::{MemoryGroup, Standalone};
use mesos::protocols::master::OperatorCall;
use mesos::protocols::{CallRejected, MasterProtocol, names};
use mesos::v1;
use mesos::wire::Pb;
use tokio::time::{Instant, sleep};

use super::daemons::{AgentSeat, MasterSeat, Voting};
use super::invariants;
use super::ledger::Ledger;
use super::reserver::Reserver;
use super::service::Service;

/// How often a condition is looked at. Costs nothing while nothing else happens.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long an operator waits for an answer.
const OPERATOR_PATIENCE: Duration = Duration::from_secs(60);

/// Of masters with the group they meet in; Mesos' default.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// What a cluster is to be like.
pub struct Builder {
    masters: usize,
    agents: usize,
    resources: String,
    master: master::config::Config,
}

/// A master, agents and services; see [`super`].
pub struct SimCluster {
    /// The world it lives in, with more faults to offer.
    pub net: Net,
    /// The services started so far.
    pub services: Vec<Service>,
    /// What ran.
    pub ledger: Ledger,
    masters: Vec<MasterSeat>,
    agents: Vec<AgentSeat>,
    voting: Voting,
    /// Machines that stand still.
    paused: BTreeSet<SocketAddr>,
    /// What was last looked at by [`invariants::always`].
    checked: RefCell<Moment>,
}

/// What has happened so far, in so far as invariants look at it.
#[derive(Default)]
struct Moment {
    updates: usize,
    runs: usize,
    view: Option<Arc<View>>,
}

impl PartialEq for Moment {
    fn eq(&self, other: &Moment) -> bool {
        let same_view = match (&self.view, &other.view) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same_view && self.updates == other.updates && self.runs == other.runs
    }
}

impl Builder {
    /// How many masters, which elect a leader; 1 unless said, which then leads whatever happens.
    pub fn masters(mut self, masters: usize) -> Builder {
        self.masters = masters;
        self
    }

    /// How many agents; 1 unless said.
    pub fn agents(mut self, agents: usize) -> Builder {
        self.agents = agents;
        self
    }

    /// What each agent has; `cpus:4;mem:1024` unless said.
    pub fn resources(mut self, resources: &str) -> Builder {
        self.resources = resources.to_owned();
        self
    }

    /// Changes the master's flags.
    pub fn master(mut self, change: impl FnOnce(&mut master::config::Config)) -> Builder {
        change(&mut self.master);
        self
    }

    /// Starts it and waits until all agents are registered.
    pub async fn start(self, net: &Net) -> SimCluster {
        let address = |number: usize| {
            let last = u8::try_from(number + 1).expect("at most 255 masters");
            SocketAddr::from(([10, 0, 0, last], 5050))
        };
        let voting = match self.masters {
            1 => Voting::None(Arc::new(Standalone::at(address(0), "master"))),
            _ => Voting::In(MemoryGroup::new(SESSION_TIMEOUT)),
        };
        let storage = MemoryStorage::default();
        let masters = (0..self.masters).map(|number| {
            let (storage, voting) = (storage.clone(), voting.clone());
            MasterSeat::new(address(number), storage, voting, self.master.clone())
        });
        let ledger = Ledger::default();
        let seat = |number: usize| {
            let last = u8::try_from(number + 1).expect("at most 255 agents");
            let address = SocketAddr::from(([10, 0, 1, last], 5051));
            let disk = net.disk(&address).folder();
            AgentSeat::new(
                number,
                address,
                disk.expect("a folder for the work directory"),
                self.resources.clone(),
                voting.clone(),
                ledger.clone(),
            )
        };
        let mut cluster = SimCluster {
            net: net.clone(),
            services: Vec::new(),
            masters: masters.collect(),
            agents: (0..self.agents).map(seat).collect(),
            voting: voting.clone(),
            ledger,
            paused: BTreeSet::new(),
            checked: RefCell::default(),
        };
        cluster.restart_master().await;
        for agent in 0..self.agents {
            cluster.restart_agent(agent).await;
        }
        let minute = Duration::from_secs(60);
        cluster
            .eventually("all agents are registered", minute, |cluster| {
                cluster.active_agents() == cluster.agents.len()
            })
            .await;
        cluster
    }
}

impl SimCluster {
    /// A cluster to be described.
    pub fn builder() -> Builder {
        Builder {
            masters: 1,
            agents: 1,
            resources: "cpus:4;mem:1024".to_owned(),
            master: master::config::Config::default(),
        }
    }

    /// Starts a service that keeps `wanted` copies of `command` running (see [`Ledger::simulation`]).
    pub async fn keep_running(&mut self, wanted: usize, command: &str) {
        let number = self.services.len();
        let last = u8::try_from(number + 1).expect("at most 255 services");
        let address = SocketAddr::from(([10, 0, 2, last], 9000));
        let name = format!("service-{number}");
        let voting = &self.voting;
        let service = Service::start(&self.net, address, voting, &name, wanted, command).await;
        self.services.push(service);
    }

    /// Starts a framework that makes `wanted` reservations.
    pub async fn reserve(&self, wanted: usize) -> Reserver {
        Reserver::start(&self.net, "10.0.3.1:9000", &self.voting, wanted).await
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
    fn acting(&self) -> usize {
        let mut masters = self.masters.iter();
        let leads = |master: &MasterSeat| master.leads() && !self.paused.contains(&master.address);
        masters.position(leads).unwrap_or(0)
    }

    fn master(&self) -> &MasterSeat {
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

    /// Nothing passes between the master and an agent until [`SimCluster::heal`].
    pub fn cut_off(&self, agent: usize) {
        self.net
            .partition(&[self.master_address()], &[self.agents[agent].address]);
    }

    /// Nothing passes between the master and a service until [`SimCluster::heal`].
    pub fn cut_off_service(&self, service: usize) {
        self.net.partition(
            &[self.master_address()],
            &[self.services[service].node.address()],
        );
    }

    /// Ends all partitions, and lets all paused machines run on.
    pub fn heal(&mut self) {
        self.net.heal();
        for machine in std::mem::take(&mut self.paused) {
            self.net.resume(&machine);
        }
    }

    /// Lets a machine stand still until [`SimCluster::heal`], or until something else is done to it.
    pub fn pause(&mut self, machine: SocketAddr) {
        if self.paused.insert(machine) {
            self.net.pause(&machine);
        }
    }

    fn resume(&mut self, machine: SocketAddr) {
        if self.paused.remove(&machine) {
            self.net.resume(&machine);
        }
    }

    /// Lets the next store into the registry meet a fault.
    pub fn fail_store(&self, fault: Fault) {
        self.master().storage.inject(fault);
    }

    /// Lets an agent and its executors end as by a power failure; its work directory remains.
    pub fn crash_machine(&mut self, agent: usize) {
        self.resume(self.agents[agent].address);
        self.agents[agent].crash(&self.net);
    }

    /// Ends an agent; its executors run on.
    pub async fn crash_agent(&mut self, agent: usize) {
        self.resume(self.agents[agent].address);
        self.agents[agent].stop().await;
    }

    /// Starts an agent that is down, with its old work directory.
    pub async fn restart_agent(&mut self, agent: usize) {
        self.agents[agent].start(&self.net).await;
    }

    /// Ends the master that leads as by a power failure; its registry remains.
    pub fn crash_master(&mut self) {
        let acting = self.acting();
        self.resume(self.masters[acting].address);
        self.masters[acting].crash(&self.net);
    }

    /// Starts the masters that are down, with the old registry.
    pub async fn restart_master(&mut self) {
        for master in &mut self.masters {
            if master.life.is_none() {
                master.start(&self.net).await;
            }
        }
    }

    /// Ends the machine of a master that ended of itself, as its process would have.
    pub fn bury_master(&mut self) {
        if self.master().has_ended() {
            self.crash_master();
        }
    }

    /// Starts all that is down.
    pub async fn restart_all(&mut self) {
        self.bury_master();
        self.restart_master().await;
        for agent in 0..self.agents.len() {
            self.restart_agent(agent).await;
        }
    }

    /// Ends all faults, and starts all that is down.
    pub async fn repair(&mut self) {
        self.heal();
        self.net.loss(0.0);
        self.net.duplicate(0.0);
        self.net.reorder(0.0, Duration::ZERO);
        let millisecond = Duration::from_millis(1);
        self.net.latency(millisecond..=millisecond);
        self.master().storage.forget_faults();
        self.restart_all().await;
    }

    /// An operator calls the master, which must be up.
    ///
    /// # Errors
    ///
    /// What the master has against it.
    pub async fn operate(&self, call: v1::master::Call) -> Result<(), CallRejected> {
        let (node, _) = self.master().life.as_ref().expect("a master");
        let master: Pid<MasterProtocol> = Pid::named(names::MASTER, self.master_address());
        let call = OperatorCall {
            call: Pb(call),
            principal: None,
        };
        let answer = node.ask(&master, call, OPERATOR_PATIENCE).await;
        answer.expect("the master answers")
    }

    /// What the master publishes; `None` while there is none.
    pub fn view(&self) -> Option<Arc<View>> {
        let (_, view) = self.master().life.as_ref()?;
        Some(view.borrow().clone())
    }

    /// What is stored for the next master.
    pub fn registry(&self) -> Registry {
        self.master().storage.registry()
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

    /// Lets time pass, with an eye on what must always hold.
    #[track_caller]
    pub fn pass(&self, time: Duration) -> impl Future<Output = ()> {
        let until = Instant::now() + time;
        async move {
            while Instant::now() < until {
                sleep(LOOK_EVERY).await;
                self.check();
            }
        }
    }

    /// Waits until something holds, with an eye on what must always hold; answers how long it took.
    #[track_caller]
    pub fn eventually(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&SimCluster) -> bool,
    ) -> impl Future<Output = Duration> {
        let check = move |cluster: &SimCluster| match holds(cluster) {
            true => Ok(()),
            false => Err(format!(
                "it does not hold; services: {}",
                cluster.describe()
            )),
        };
        self.until_ok(what, within, check)
    }

    /// As [`SimCluster::eventually`], with a reason for what does not hold yet.
    #[track_caller]
    pub fn until_ok(
        &self,
        what: &str,
        within: Duration,
        check: impl Fn(&SimCluster) -> Result<(), String>,
    ) -> impl Future<Output = Duration> {
        let (at, what) = (std::panic::Location::caller(), what.to_owned());
        async move {
            let began = Instant::now();
            while let Err(why) = check(self) {
                let waited = began.elapsed();
                assert!(
                    waited < within,
                    "not within {within:?}: {what} ({at}): {why}"
                );
                sleep(LOOK_EVERY).await;
                self.check();
            }
            began.elapsed()
        }
    }

    /// Once faults are over: all views become the same, and all that ended is known to have ended.
    #[track_caller]
    pub fn settles(&self, within: Duration) -> impl Future<Output = Duration> {
        self.until_ok("the cluster settles", within, invariants::settled)
    }

    /// Checks what must always hold, if anything has happened since it was checked last.
    fn check(&self) {
        let now = Moment {
            updates: self.services.iter().map(|s| s.heard.len()).sum(),
            runs: self.ledger.len(),
            view: self.view(),
        };
        if *self.checked.borrow() != now {
            invariants::always(self);
            self.checked.replace(now);
        }
    }

    fn describe(&self) -> String {
        let services = self.services.iter().map(Service::copies);
        format!("{:?}", services.collect::<Vec<_>>())
    }
}
