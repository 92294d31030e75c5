//! A framework in a simulated cluster: the scheduler of the `keep_running` example, with a spy before it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use frameworks::keep_running::{Copies, Copy, KeepRunning, Service as Description};
use frameworks::scheduler::{self, Driver, DriverConfig};
use libprocess::prelude::*;
use libprocess::sim::Net;
use mesos::protocols::roles;
use mesos::resources::Resources;
use mesos::v1::{self, TaskId};
use tokio::sync::watch;

use super::daemons::Voting;
use super::spy::{Heard, Spy};

/// A framework without a master keeps its tasks for a week.
const FAILOVER_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

/// A service that keeps copies of a command running, on a node of its own.
pub struct Service {
    /// Its node.
    pub node: Node,
    /// How it speaks to the master.
    pub driver: Driver,
    /// What it was told.
    pub heard: Heard,
    /// How many copies it wants.
    pub wanted: usize,
    copies: watch::Receiver<Copies>,
}

impl Service {
    pub(super) async fn start(
        net: &Net,
        address: SocketAddr,
        voting: &Voting,
        name: &str,
        wanted: usize,
        command: &str,
    ) -> Service {
        let node = net
            .node_as(roles::FRAMEWORK, name, &address.to_string())
            .await;
        let mut framework = v1::FrameworkInfo {
            user: "simulated".to_owned(),
            name: name.to_owned(),
            failover_timeout: Some(FAILOVER_SECONDS),
            ..Default::default()
        };
        KeepRunning::describe(&mut framework);
        let config = DriverConfig {
            framework,
            master: voting.on(&node).detect(),
            name: name.to_owned(),
        };
        let description = Description {
            name: name.to_owned(),
            command: command.to_owned(),
            copies: wanted,
            resources: Resources::parse("cpus:1;mem:64", "*").expect("resources"),
        };
        let (publish, copies) = watch::channel(Copies::default());
        let heard = Heard::default();
        let (theirs, net) = (heard.clone(), net.clone());
        let scheduler = format!("{name}.scheduler");
        let driver = scheduler::start(&node, config, move |driver, ctx| {
            let make = |ctx: &mut _| KeepRunning::new(driver, description, publish, ctx);
            let scheduler = ctx.node().spawn(scheduler, make).expect("a free name");
            Spy {
                scheduler,
                heard: theirs,
                net,
            }
        })
        .expect("free names");
        Service {
            node,
            driver,
            heard,
            wanted,
            copies,
        }
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
