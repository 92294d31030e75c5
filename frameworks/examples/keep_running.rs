//! Keeps N copies of a command running and replaces the lost.
//!
//!     cargo run -p mesos-frameworks --example keep_running -- 127.0.0.1:5050 3 'sleep 10'
//!
//! Kill a copy with `mesos task kill copy.1`: another takes its place.

use std::collections::BTreeSet;

use libprocess::prelude::*;
use mesos::resources::{Format, Resources};
use mesos::v1;
use mesos_frameworks::connect::connect;
use mesos_frameworks::scheduler::{
    self, Driver, Notice, Offers, SchedulerEvents, Subscribed, Update,
};

struct KeepRunning {
    driver: Driver,
    command: String,
    copies: usize,
    alive: BTreeSet<v1::TaskId>,
    launched: u64,
}

impl KeepRunning {
    fn needs() -> Resources {
        Resources::parse("cpus:0.1;mem:32", "*").expect("resources that parse")
    }

    fn next_task(&mut self, agent_id: &v1::AgentId) -> v1::TaskInfo {
        self.launched += 1;
        let task_id = v1::TaskId {
            value: format!("copy.{}", self.launched),
        };
        self.alive.insert(task_id.clone());
        v1::TaskInfo {
            name: "copy".to_owned(),
            task_id,
            agent_id: agent_id.clone(),
            resources: Self::needs().to_v1(Format::PreRefinement),
            command: Some(v1::CommandInfo {
                value: Some(self.command.clone()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

impl Actor for KeepRunning {
    type Context = Context<Self>;
}

impl Process for KeepRunning {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for KeepRunning {
    type Result = ();

    fn handle(&mut self, subscribed: Subscribed, _: &mut Context<Self>) {
        println!("subscribed as {}", subscribed.framework_id);
        let alive = self.alive.iter().map(|task_id| (task_id.clone(), None));
        self.driver.reconcile(alive);
    }
}

impl Handler<Offers> for KeepRunning {
    type Result = ();

    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        for offer in offers {
            let mut free = Resources::from_v1(&offer.resources)
                .unwrap_or_default()
                .unallocate();
            let mut tasks = Vec::new();
            while self.alive.len() < self.copies
                && let Some(rest) = free.checked_sub(&Self::needs())
            {
                free = rest;
                tasks.push(self.next_task(&offer.agent_id));
            }
            self.driver.launch([offer.id], tasks, Some(1.0));
        }
    }
}

impl Handler<Update> for KeepRunning {
    type Result = ();

    fn handle(&mut self, Update(status): Update, _: &mut Context<Self>) {
        println!("{} is {}", status.task_id, status.state().as_str_name());
        if mesos::task_state::is_terminal(status.state()) && self.alive.remove(&status.task_id) {
            // The next offer may have been declined while all copies ran.
            self.driver.revive([]);
        }
    }
}

impl Handler<Notice> for KeepRunning {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        println!("{notice:?}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [master, copies, command] = arguments.as_slice() else {
        return Err("usage: keep_running HOST:PORT COPIES COMMAND".into());
    };
    let (copies, command) = (copies.parse()?, command.clone());
    let (node, config) = connect(master, "keep-running").await?;
    let driver = scheduler::start(&node, config, move |driver, _| KeepRunning {
        driver,
        command,
        copies,
        alive: BTreeSet::new(),
        launched: 0,
    })?;
    tokio::signal::ctrl_c().await?;
    driver.teardown();
    node.shutdown(std::time::Duration::from_secs(3)).await;
    Ok(())
}
