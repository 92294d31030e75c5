//! Puts a simulated cluster together.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libprocess::sim::Net;
use mesos::election::{MemoryGroup, Standalone};
use mesos::historic::Museum;
use tokio::sync::Notify;

use super::chaos::Tally;
use super::cluster::SimCluster;
use super::daemons::{AgentSeat, MasterSeat, Voting};
use super::invariants::Always;
use super::ledger::Ledger;
use super::operator::Orders;
use super::storage::Kept;

/// Of masters with the group they meet in; Mesos' default.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// What a cluster is to be like.
pub struct Builder {
    pub(super) masters: usize,
    pub(super) agents: usize,
    pub(super) resources: String,
    pub(super) master: master::config::Config,
    pub(super) museum: Museum,
    pub(super) registry_on_disk: bool,
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

    /// Whether the registry is on the disk of the master's machine, if there is but one; in memory unless said.
    pub fn registry_on_disk(mut self, on_disk: bool) -> Builder {
        self.registry_on_disk = on_disk;
        self
    }

    /// Puts a failure of old on show.
    pub fn museum(mut self, museum: Museum) -> Builder {
        self.museum = museum;
        self.master.museum = museum;
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
            _ => Voting::In(MemoryGroup::new(SESSION_TIMEOUT).showing(self.museum)),
        };
        let disk = (self.masters == 1 && self.registry_on_disk).then(|| {
            net.disk(&address(0))
                .folder()
                .expect("a folder for the registry")
        });
        let storage = Kept::new(disk);
        let masters = (0..self.masters).map(|number| {
            let (storage, voting) = (storage.clone(), voting.clone());
            MasterSeat::new(address(number), storage, voting, self.master.clone())
        });
        let bell = Arc::new(Notify::new());
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
                self.museum,
            )
        };
        let mut cluster = SimCluster {
            net: net.clone(),
            services: Vec::new(),
            masters: masters.collect(),
            agents: (0..self.agents).map(seat).collect(),
            storage,
            voting: voting.clone(),
            ledger,
            reserver: None,
            resumed: Cell::default(),
            polled: Cell::default(),
            tally: Tally::default(),
            look_again: Cell::default(),
            ended: RefCell::default(),
            asked: Cell::default(),
            reads: Arc::default(),
            orders: Orders::default(),
            paused: BTreeSet::new(),
            doomed: Vec::new(),
            bell,
            checked: RefCell::default(),
            invariants: RefCell::new(Always::new()),
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
