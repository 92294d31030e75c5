//! A framework in a simulated cluster: the scheduler of the `keep_running` example, with a spy before it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use frameworks::keep_running::{Copies, Copy, KeepRunning, Service as Description};
use frameworks::scheduler::{self, Driver, DriverConfig};
use libprocess::prelude::*;
use libprocess::sim::Net;
use mesos::protocols::roles;
use mesos::resources::Resources;
use mesos::v1::{self, AgentId, FrameworkId, TaskId};
use tokio::sync::{Notify, watch};
use tokio::time::{Duration, Instant};

use super::daemons::Voting;
use super::spy::{Heard, Spy};

/// A framework without a master keeps its tasks for a week, unless it says otherwise.
const FAILOVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a service is to be like.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How many copies it keeps running.
    pub wanted: usize,
    /// Of which command (see [`Ledger::simulation`](super::Ledger::simulation)).
    pub command: String,
    /// For whom.
    pub role: String,
    /// How long its tasks run on without it.
    pub failover: Duration,
}

impl Terms {
    /// For everybody, and for a week without it.
    pub fn new(wanted: usize, command: &str) -> Terms {
        Terms {
            wanted,
            command: command.to_owned(),
            role: "*".to_owned(),
            failover: FAILOVER,
        }
    }

    /// For `role`, and for so long without it.
    pub fn of_role(self, role: &str, failover: Duration) -> Terms {
        Terms {
            role: role.to_owned(),
            failover,
            ..self
        }
    }
}

/// A service that keeps copies of a command running, on a node of its own.
pub struct Service {
    /// Its node.
    pub node: Node,
    /// How it speaks to the master.
    pub driver: Driver,
    /// What it was told, in all its lives.
    pub heard: Heard,
    /// How many copies it wants.
    pub wanted: usize,
    /// What else it is like.
    pub terms: Terms,
    name: String,
    copies: watch::Receiver<Copies>,
    /// Tasks of earlier lives, of which the present one was told nothing but what masters and agents know; and the
    /// framework that it was then.
    inherited: BTreeMap<TaskId, Option<FrameworkId>>,
    /// Tasks that it killed and that never were.
    strays: Vec<TaskId>,
    /// Since when it is down.
    down: Option<Instant>,
    /// It never comes back.
    left: bool,
}

impl Service {
    pub(super) async fn start(
        net: &Net,
        address: SocketAddr,
        voting: &Voting,
        bell: &Arc<Notify>,
        name: &str,
        terms: Terms,
    ) -> Service {
        let node = machine(net, address, name).await;
        let heard = Heard::new(bell.clone());
        let (driver, copies) = life(net, &node, voting, name, &terms, &heard);
        Service {
            node,
            driver,
            heard,
            wanted: terms.wanted,
            terms,
            name: name.to_owned(),
            copies,
            inherited: BTreeMap::new(),
            strays: Vec::new(),
            down: None,
            left: false,
        }
    }

    /// Its machine loses power; what it knew is lost.
    pub(super) fn crash(&mut self, net: &Net) {
        if self.down.is_none() {
            net.crash(&self.node);
            self.down = Some(Instant::now());
            let framework = self.framework();
            let alive = self.alive().into_iter();
            self.inherited
                .extend(alive.map(|task| (task, framework.clone())));
        }
    }

    /// It ends, and does not come back.
    pub(super) fn leave(&mut self, net: &Net) {
        self.crash(net);
        self.left = true;
    }

    /// A new life begins if it is down, or over; as the same framework unless that is no more.
    pub(super) async fn restart(&mut self, net: &Net, voting: &Voting) {
        if self.left || (self.down.is_none() && !self.is_over()) {
            return;
        }
        if self.is_over() {
            self.crash(net);
            self.heard.forget_framework();
        }
        self.node = machine(net, self.node.address(), &self.name).await;
        let (name, terms, heard) = (&self.name, &self.terms, &self.heard);
        (self.driver, self.copies) = life(net, &self.node, voting, name, terms, heard);
        self.down = None;
    }

    /// Kills a task that never was, on an agent.
    pub(super) fn kill_stray(&mut self, agent: AgentId) {
        let task = format!("{}.stray-{}", self.name, self.strays.len());
        let task = TaskId::from(task.as_str());
        self.strays.push(task.clone());
        self.driver.kill(task, Some(agent));
    }

    /// The tasks that it killed and that never were.
    pub fn strays(&self) -> &[TaskId] {
        &self.strays
    }

    /// Whether its framework was torn down, and it was told.
    pub(super) fn is_over(&self) -> bool {
        self.copies.borrow().error.is_some()
    }

    /// Whether it went for good.
    pub fn has_left(&self) -> bool {
        self.left
    }

    /// Whether it is there.
    pub fn is_up(&self) -> bool {
        self.down.is_none()
    }

    /// The framework that it is, once it was told.
    pub fn framework(&self) -> Option<FrameworkId> {
        self.heard.framework()
    }

    /// The copies that it believes to run.
    pub fn running(&self) -> BTreeSet<TaskId> {
        self.copies.borrow().running().cloned().collect()
    }

    /// The copies that it believes not to have ended.
    pub fn alive(&self) -> BTreeSet<TaskId> {
        let copies = self.copies.borrow();
        copies.all().map(|(task, _, _)| task.clone()).collect()
    }

    /// Tasks of its earlier lives, with the framework that it was.
    pub fn inherited(&self) -> &BTreeMap<TaskId, Option<FrameworkId>> {
        &self.inherited
    }

    /// Whether all the copies it wants run, and it waits for none that is missing.
    pub fn is_content(&self) -> bool {
        let copies = self.copies.borrow();
        let all_run = copies.all().all(|(_, _, copy)| *copy == Copy::Running);
        all_run && copies.all().count() == self.wanted
    }

    /// Its copies, with what it knows of them.
    pub fn copies(&self) -> Copies {
        self.copies.borrow().clone()
    }
}

async fn machine(net: &Net, address: SocketAddr, name: &str) -> Node {
    net.node_as(roles::FRAMEWORK, name, &address.to_string())
        .await
}

/// Starts the scheduler, as the framework that it was in its last life.
fn life(
    net: &Net,
    node: &Node,
    voting: &Voting,
    name: &str,
    terms: &Terms,
    heard: &Heard,
) -> (Driver, watch::Receiver<Copies>) {
    let mut framework = v1::FrameworkInfo {
        id: heard.framework(),
        user: "simulated".to_owned(),
        name: name.to_owned(),
        roles: vec![terms.role.clone()],
        capabilities: vec![multi_role()],
        failover_timeout: Some(terms.failover.as_secs_f64()),
        ..Default::default()
    };
    KeepRunning::describe(&mut framework);
    let config = DriverConfig {
        framework,
        master: voting.on(node).detect(),
        name: name.to_owned(),
    };
    let description = Description {
        name: name.to_owned(),
        command: terms.command.clone(),
        copies: terms.wanted,
        resources: Resources::parse("cpus:1;mem:64", "*").expect("resources"),
    };
    let (publish, copies) = watch::channel(Copies::default());
    let (heard, net, known) = (heard.clone(), net.clone(), copies.clone());
    let scheduler = format!("{name}.scheduler");
    let driver = scheduler::start(node, config, move |driver, ctx| {
        let make = |ctx: &mut _| KeepRunning::new(driver, description, publish, ctx);
        let scheduler = ctx.node().spawn(scheduler, make).expect("a free name");
        Spy {
            scheduler,
            heard,
            copies: known,
            net,
        }
    });
    (driver.expect("free names"), copies)
}

fn multi_role() -> v1::framework_info::Capability {
    let mut capability = v1::framework_info::Capability::default();
    capability.set_type(v1::framework_info::capability::Type::MultiRole);
    capability
}
