//! Masters and agents of a simulated cluster, and what survives them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent::config::Disk;
use agent::{Agent, AgentHandle, Containers, ExecutorCommand, Executors};
use libprocess::prelude::*;
use libprocess::sim::Net;
use master::allocator::AllocatorDoor;
use master::candidate::AfterFailure;
use master::state::Timestamp;
use master::view::ViewReceiver;
use master::{Candidate, Master};
use mesos::election::{Elected, Election, MemoryGroup, Standalone};
use mesos::historic::Museum;
use mesos::protocols::roles;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::disks;
use super::doom::Power;
use super::ledger::Ledger;
use super::storage::Kept;

/// How the containerizer of a simulated machine calls what runs in a container.
pub(super) const EXECUTOR: &str = "executor-";

/// For so long after a disk had no room it is told what failed by that.
const STILL_TOLD: Duration = Duration::from_secs(60);

/// What everybody takes for the time when a run begins: 9 September 2001.
const EPOCH_SECS: u32 = 1_000_000_000;

/// How everybody in a cluster knows who leads.
#[derive(Clone)]
pub(super) enum Voting {
    /// There is one master.
    None(Arc<Standalone>),
    /// Masters meet in a group.
    In(MemoryGroup),
}

impl Voting {
    /// As it is seen from a node, which reaches the group by its address.
    pub(super) fn on(&self, node: &Node) -> Arc<dyn Election> {
        match self {
            Voting::None(standalone) => standalone.clone(),
            Voting::In(group) => {
                let peer = group.from(&node.address().to_string());
                Arc::new(Elected::new(node, peer))
            }
        }
    }
}

/// The place of a master: what is there whether or not one runs.
pub(super) struct MasterSeat {
    pub(super) address: SocketAddr,
    /// The registry, which all masters of a cluster share.
    storage: Kept,
    voting: Voting,
    config: master::config::Config,
    born: Instant,
    /// By how many seconds the clock of the machine is wrong. Masters look at it when they start.
    pub(super) clock: i64,
    pub(super) power: Power,
    /// While it starts.
    booting: Option<Node>,
    pub(super) life: Option<MasterLife>,
}

/// A master that runs.
pub(super) struct MasterLife {
    pub(super) node: Node,
    pub(super) view: ViewReceiver,
    /// Its allocator's, while it leads.
    pub(super) allocator: watch::Receiver<Option<AllocatorDoor>>,
}

impl MasterSeat {
    pub(super) fn new(
        address: SocketAddr,
        storage: Kept,
        voting: Voting,
        config: master::config::Config,
    ) -> MasterSeat {
        MasterSeat {
            address,
            storage,
            voting,
            config,
            born: Instant::now(),
            clock: 0,
            power: Power::default(),
            booting: None,
            life: None,
        }
    }

    /// Starts it, if its disk has room; `bell` rings whenever it publishes something.
    pub(super) async fn start(&mut self, net: &Net, bell: &Arc<Notify>) {
        let address = self.address.to_string();
        let node = net.node_as(roles::MASTER, "master", &address).await;
        self.booting = Some(node.clone());
        let config = master::config::Config {
            start_time: Some(self.now()),
            ..self.config.clone()
        };
        let (view, allocator) = match &self.voting {
            Voting::None(_) => {
                let storage = self.storage.storage(&self.power);
                let master = Master::start_with(config, storage, &node).await;
                let master = master.expect("a master starts");
                if !master.ready().await {
                    let cannot_write = self.storage.is_full() || self.power.is_gone();
                    assert!(cannot_write, "the master reads its registry");
                    return self.crash(net);
                }
                let (_, allocator) = watch::channel(Some(master.allocator));
                (master.view, allocator)
            }
            Voting::In(_) => {
                let (election, storage) = (self.voting.on(&node), self.storage.clone());
                let power = self.power.clone();
                let storages = Arc::new(move |_: &_| storage.storage(&power));
                let after = AfterFailure::StandBy;
                let candidate = Candidate::start(config, storages, election, after, &node);
                let candidate = candidate.expect("a candidate starts");
                (candidate.view, candidate.allocator)
            }
        };
        let (mut published, bell) = (view.clone(), bell.clone());
        tokio::spawn(async move {
            while published.changed().await.is_ok() {
                bell.notify_one();
            }
        });
        self.booting = None;
        self.life = Some(MasterLife {
            node,
            view,
            allocator,
        });
    }

    /// Whether it leads and serves.
    pub(super) fn leads(&self) -> bool {
        let view = self.life.as_ref().map(|life| life.view.borrow());
        view.is_some_and(|view| view.leads() && !view.is_recovering())
    }

    fn now(&self) -> Timestamp {
        let alive = i64::try_from(self.born.elapsed().as_secs()).unwrap_or(i64::MAX);
        let now = i64::from(EPOCH_SECS).saturating_add(alive);
        Timestamp::from_secs(now.saturating_add(self.clock))
    }

    /// It ended of itself, by what its storage said.
    pub(super) fn has_ended(&self) -> bool {
        let life = self.life.as_ref();
        life.is_some_and(|life| life.view.has_changed().is_err())
    }

    /// The power goes.
    pub(super) fn crash(&mut self, net: &Net) {
        let living = self.life.take().map(|life| life.node);
        if let Some(node) = living.or(self.booting.take()) {
            net.crash(&node);
        }
    }
}

/// The place of an agent: what is there whether or not one runs.
pub(super) struct AgentSeat {
    pub(super) address: SocketAddr,
    number: u64,
    name: String,
    work_dir: PathBuf,
    resources: String,
    voting: Voting,
    ledger: Ledger,
    museum: Museum,
    pub(super) power: Power,
    born: Instant,
    /// How often the machine lost its power.
    crashes: u64,
    /// When its disk had room again.
    freed: Option<Instant>,
    /// The machine is up; its executors may run without an agent.
    pub(super) node: Option<Node>,
    /// Of the machine: an agent that starts again finds it there.
    election: Option<Arc<dyn Election>>,
    pub(super) life: Option<AgentHandle>,
}

impl AgentSeat {
    pub(super) fn new(
        number: usize,
        address: SocketAddr,
        work_dir: PathBuf,
        resources: String,
        voting: Voting,
        ledger: Ledger,
        museum: Museum,
    ) -> AgentSeat {
        AgentSeat {
            address,
            number: number as u64,
            name: format!("agent-{number}"),
            work_dir,
            resources,
            voting,
            ledger,
            museum,
            power: Power::default(),
            election: None,
            born: Instant::now(),
            crashes: 0,
            freed: None,
            node: None,
            life: None,
        }
    }

    /// Starts the agent, and the machine if it is down. Where nothing can be written it ends at once.
    pub(super) async fn start(&mut self, net: &Net) {
        if self.life.is_some() {
            return;
        }
        let node = match &self.node {
            Some(node) => node.clone(),
            None => {
                let address = self.address.to_string();
                net.node_as(roles::AGENT, &self.name, &address).await
            }
        };
        self.node = Some(node.clone());
        let power = self.power.clone();
        let command = ExecutorCommand {
            program: "simulated".to_owned(),
            arguments: Vec::new(),
        };
        let config = agent::Config {
            hostname: Some(self.name.clone()),
            resources: Some(self.resources.clone()),
            http: false,
            switch_user: false,
            museum: self.museum,
            disk: Disk::asking(move || power.write()),
            boot_id: Some(format!("boot-{}", self.crashes)),
            start_time: Some(f64::from(EPOCH_SECS) + self.born.elapsed().as_secs_f64()),
            ..agent::Config::new(&self.work_dir, command)
        };
        let containers = Containers::Simulated(self.ledger.simulation());
        let voting = || self.voting.on(&node);
        let election = self.election.get_or_insert_with(voting).clone();
        let agent = Agent::start(config, &node, containers, election).await;
        self.life = match agent {
            Ok(agent) => Some(agent),
            Err(_) if disks::is_full(&self.work_dir) || self.power.is_gone() => None,
            Err(error) => panic!("{}: {error}", self.name),
        };
    }

    /// From now on nothing new can be written, or it can again.
    pub(super) fn fill_disk(&mut self, is_full: bool) {
        let done = match is_full {
            true => disks::fill(&self.work_dir),
            false if disks::is_full(&self.work_dir) => {
                self.freed = Some(Instant::now());
                disks::free(&self.work_dir)
            }
            false => Ok(()),
        };
        done.unwrap_or_else(|error| panic!("the disk of {}: {error}", self.name));
    }

    /// Whether its disk has no room, or had none a moment ago.
    pub(super) fn has_full_disk(&self) -> bool {
        let freed = |freed: Instant| freed.elapsed() < STILL_TOLD;
        self.freed.is_some_and(freed) || disks::is_full(&self.work_dir)
    }

    /// One of its executors dies, and what it runs; the first one by its name.
    pub(super) fn kill_executor(&self) {
        let Some(node) = &self.node else { return };
        let mut processes = node.processes().into_iter();
        let first = processes.find(|process| process.pid.name().starts_with(EXECUTOR));
        if let Some(executor) = first {
            node.kill(executor.pid);
        }
    }

    /// The agent ends; executors wait for its next life.
    pub(super) async fn stop(&mut self) {
        if let Some(agent) = self.life.take() {
            agent.shutdown(Executors::Leave).await;
        }
    }

    /// It ended of itself, as its master told it to.
    pub(super) fn has_ended(&self) -> bool {
        let (Some(node), Some(life)) = (&self.node, &self.life) else {
            return false;
        };
        let processes = node.processes();
        processes
            .iter()
            .all(|process| process.pid != life.pid.any())
    }

    /// The power goes: agent and executors are no more, and of the disk remains what was synced.
    pub(super) fn crash(&mut self, net: &Net) {
        if let Some(node) = self.node.take() {
            net.crash(&node);
            self.crashes += 1;
            let of = net.seed() ^ (self.number << 32) ^ self.crashes;
            let mut chance = StdRng::seed_from_u64(of);
            let lost = disks::lose_power(&self.work_dir, &mut chance);
            lost.unwrap_or_else(|error| panic!("the disk of {}: {error}", self.name));
        }
        self.election = None;
        self.life = None;
    }
}
