//! A master with its allocator and registrar, agents that come back to it, and frameworks: production code on one node
//! of this process, with simulated agents and frameworks around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libprocess::prelude::*;
use master::config::Config;
use master::registrar::{Change, FrameworkRecord, MemoryStorage, Record, Storage};
use master::state::Cluster;
use master::view::View;
use master::{Master, MasterHandle};
use mesos::wire::Pb;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;

use super::agent::{Agent, Crowd};
use super::course::Course;
use super::scheduler::{Company, Scheduler, Work};
use super::tally::Tally;
use crate::samples;

/// For the end of what was measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// How large a cluster is.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) agents: u32,
    /// On each agent, when it comes back.
    pub(super) tasks: u32,
    pub(super) frameworks: u32,
    /// Tasks that have ended, of which each agent tells when it comes back.
    pub(super) ended: u32,
}

/// A cluster that waits for being let go.
pub(super) struct World {
    pub(super) size: Size,
    pub(super) master: MasterHandle,
    pub(super) node: Node,
    agents: watch::Sender<bool>,
    frameworks: watch::Sender<bool>,
    back: Arc<Tally>,
    subscribed: Arc<Tally>,
    pub(super) acknowledged: Arc<Tally>,
    /// Of the first agent's first task.
    pub(super) course: Arc<Course>,
    pub(super) runtime: Runtime,
}

impl World {
    /// In which a master has read its registry and waits for all who are in it. `acknowledged` counts tasks whose start
    /// was told to their framework, and of that to their agent.
    pub(super) fn new(size: Size, work: Arc<Work>, acknowledged: Tally) -> World {
        let runtime = Runtime::new().expect("a runtime");
        let node = Node::local();
        let config = Config {
            registry: master::config::RegistryKind::InMemory,
            ..Config::default()
        };
        let storage = runtime.block_on(registry(size));
        let master = runtime.block_on(async {
            let master = Master::start_with(config, Box::new(storage), &node);
            let master = master.await.expect("a master");
            assert!(master.ready().await, "the master ended");
            master
        });
        let (agents, frameworks) = (watch::Sender::new(false), watch::Sender::new(false));
        let world = World {
            size,
            agents,
            frameworks,
            back: Arc::new(Tally::new(&[size.agents as usize])),
            subscribed: Arc::new(Tally::new(&[size.frameworks as usize])),
            acknowledged: Arc::new(acknowledged),
            course: Arc::new(Course::new()),
            master,
            node,
            runtime,
        };
        world.spawn_agents();
        world.spawn_frameworks(work);
        world
    }

    fn spawn_agents(&self) {
        let crowd = Crowd {
            master: self.master.pid.clone(),
            go: self.agents.subscribe(),
            back: self.back.clone(),
            acknowledged: self.acknowledged.clone(),
            course: self.course.clone(),
            again: None,
        };
        let Size {
            tasks,
            frameworks,
            ended,
            ..
        } = self.size;
        for number in 0..self.size.agents {
            let owners = [number % frameworks, (number + 1) % frameworks];
            let crowd = crowd.clone();
            let spawned = self.node.spawn(format!("agent-{number}"), move |ctx| {
                let mut request = samples::returning(ctx.me(), number, tasks, owners);
                request.completed_tasks = samples::ended(number, ended, owners);
                Agent::new(number, request, crowd)
            });
            spawned.expect("an agent");
        }
    }

    fn spawn_frameworks(&self, work: Arc<Work>) {
        let company = Company {
            master: self.master.pid.clone(),
            go: self.frameworks.subscribe(),
            subscribed: self.subscribed.clone(),
            course: self.course.clone(),
            work,
        };
        for number in 0..self.size.frameworks {
            let company = company.clone();
            let name = format!("framework-{number}");
            let spawned = self
                .node
                .spawn(name, move |_| Scheduler::new(number, company));
            spawned.expect("a framework");
        }
    }

    /// All agents come back. How long it takes until the last of them is told that it is known again.
    pub(super) fn agents_come_back(&self) -> Duration {
        let start = Instant::now();
        self.agents.send_replace(true);
        self.runtime.block_on(self.back.reached())[0] - start
    }

    /// All frameworks subscribe. How long it takes until the last of them is told that it is subscribed.
    pub(super) fn frameworks_subscribe(&self) -> Duration {
        let start = Instant::now();
        self.frameworks.send_replace(true);
        self.runtime.block_on(self.subscribed.reached())[0] - start
    }

    /// Both at once, as after a failover.
    pub(super) fn all_come_back(&self) -> Duration {
        let start = Instant::now();
        self.frameworks.send_replace(true);
        self.agents.send_replace(true);
        let both = async { tokio::join!(self.back.reached(), self.subscribed.reached()) };
        let (agents, frameworks) = self.runtime.block_on(both);
        agents[0].max(frameworks[0]) - start
    }

    /// The first view that shows this; the last messages may be newer than the newest view.
    pub(super) fn view(&self, shows: impl Fn(&Cluster) -> bool) -> Arc<View> {
        let mut views = self.master.view.clone();
        self.runtime.block_on(async {
            let wanted = views.wait_for(|view| shows(&view.cluster));
            let view = timeout(PATIENCE, wanted).await;
            view.expect("a view that shows it")
                .expect("a master")
                .clone()
        })
    }

    /// Ends everything.
    pub(super) fn end(self) {
        self.runtime.block_on(self.node.shutdown(PATIENCE));
    }
}

/// What the master before it wrote down.
pub(super) async fn registry(size: Size) -> MemoryStorage {
    let storage = MemoryStorage::default();
    let opened = Box::new(storage.clone()).open().await;
    let (_, mut writer) = opened.expect("a registry");
    let agents = (0..size.agents).map(|number| Record::Agent {
        id: samples::agent(number),
        info: Pb(samples::agent_info(number)),
    });
    let frameworks = (0..size.frameworks).map(|number| Record::Framework {
        id: samples::framework(number),
        framework: FrameworkRecord {
            info: Pb(samples::framework_info(number)),
            failover_deadline: None,
            extended: false,
        },
    });
    let all = agents.chain(frameworks).map(Change::Put).collect();
    writer.store(all).await.expect("a registry");
    storage
}
