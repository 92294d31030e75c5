//! Masters and agents of a simulated cluster, and what survives them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use agent::{Agent, AgentHandle, Containers, ExecutorCommand, Executors};
use libprocess::prelude::*;
use libprocess::sim::Net;
use master::registrar::MemoryStorage;
use master::state::Timestamp;
use master::{Master, MasterHandle};
use mesos::election::Standalone;
use mesos::protocols::roles;
use tokio::time::Instant;

use super::ledger::Ledger;

/// What everybody takes for the time when a run begins: 9 September 2001.
const EPOCH_SECS: u32 = 1_000_000_000;

/// The place of a master: what is there whether or not one runs.
pub(super) struct MasterSeat {
    pub(super) address: SocketAddr,
    /// The registry.
    pub(super) storage: MemoryStorage,
    config: master::config::Config,
    born: Instant,
    pub(super) life: Option<(Node, MasterHandle)>,
}

impl MasterSeat {
    pub(super) fn new(address: SocketAddr, config: master::config::Config) -> MasterSeat {
        MasterSeat {
            address,
            storage: MemoryStorage::default(),
            config,
            born: Instant::now(),
            life: None,
        }
    }

    pub(super) async fn start(&mut self, net: &Net) {
        let address = self.address.to_string();
        let node = net.node_as(roles::MASTER, "master", &address).await;
        let config = master::config::Config {
            start_time: Some(self.now()),
            ..self.config.clone()
        };
        let master = Master::start_with(config, Box::new(self.storage.clone()), &node).await;
        let master = master.expect("a master starts");
        assert!(master.ready().await, "the master reads its registry");
        self.life = Some((node, master));
    }

    fn now(&self) -> Timestamp {
        let alive = i64::try_from(self.born.elapsed().as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_secs(i64::from(EPOCH_SECS).saturating_add(alive))
    }

    /// It ended of itself, by what its storage said.
    pub(super) fn has_ended(&self) -> bool {
        let life = self.life.as_ref();
        life.is_some_and(|(_, master)| master.view.has_changed().is_err())
    }

    /// The power goes.
    pub(super) fn crash(&mut self, net: &Net) {
        if let Some((node, _)) = self.life.take() {
            net.crash(&node);
        }
    }
}

/// The place of an agent: what is there whether or not one runs.
pub(super) struct AgentSeat {
    pub(super) address: SocketAddr,
    name: String,
    work_dir: PathBuf,
    resources: String,
    election: Arc<Standalone>,
    ledger: Ledger,
    born: Instant,
    /// The machine is up; its executors may run without an agent.
    pub(super) node: Option<Node>,
    pub(super) life: Option<AgentHandle>,
}

impl AgentSeat {
    pub(super) fn new(
        number: usize,
        address: SocketAddr,
        work_dir: PathBuf,
        resources: String,
        election: Arc<Standalone>,
        ledger: Ledger,
    ) -> AgentSeat {
        AgentSeat {
            address,
            name: format!("agent-{number}"),
            work_dir,
            resources,
            election,
            ledger,
            born: Instant::now(),
            node: None,
            life: None,
        }
    }

    /// Starts the agent, and the machine if it is down.
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
        let command = ExecutorCommand {
            program: "simulated".to_owned(),
            arguments: Vec::new(),
        };
        let config = agent::Config {
            hostname: Some(self.name.clone()),
            resources: Some(self.resources.clone()),
            http: false,
            switch_user: false,
            start_time: Some(f64::from(EPOCH_SECS) + self.born.elapsed().as_secs_f64()),
            ..agent::Config::new(&self.work_dir, command)
        };
        let containers = Containers::Simulated(self.ledger.simulation());
        let agent = Agent::start(config, &node, containers, self.election.clone()).await;
        self.life = Some(agent.unwrap_or_else(|error| panic!("{}: {error}", self.name)));
        self.node = Some(node);
    }

    /// The agent ends; executors wait for its next life.
    pub(super) async fn stop(&mut self) {
        if let Some(agent) = self.life.take() {
            agent.shutdown(Executors::Leave).await;
        }
    }

    /// The power goes: agent and executors are no more, the disk remains.
    pub(super) fn crash(&mut self, net: &Net) {
        if let Some(node) = self.node.take() {
            net.crash(&node);
        }
        self.life = None;
    }
}
