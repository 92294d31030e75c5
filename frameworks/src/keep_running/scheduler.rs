//! The scheduler of [`super`].

use std::collections::BTreeSet;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::resources::{Format, Resources};
use mesos::v1;
use rand::Rng;
use tokio::sync::watch;

use super::copies::{Copies, Copy, Next};
use crate::scheduler::{
    self, Driver, DriverConfig, Notice, Offers, SchedulerEvents, Subscribed, Update,
};

/// Offers that are not needed come back after this; a copy that is lost revives them at once.
const REFUSE_SECONDS: f64 = 3600.0;
/// How often the master is asked about copies of which nothing is heard (Mesos' reconciliation.md).
const RECONCILE_EVERY: Duration = Duration::from_secs(60);

/// What is to be kept running.
#[derive(Clone, Debug)]
pub struct Service {
    /// The beginning of the tasks' names.
    pub name: String,
    /// A command of the shell.
    pub command: String,
    /// How many of it.
    pub copies: usize,
    /// What one of them needs.
    pub resources: Resources,
}

/// Starts a service on `node`. The receiver has the latest state of its copies.
///
/// # Errors
///
/// The name in `config` is taken on this node.
pub fn start(
    node: &Node,
    mut config: DriverConfig,
    service: Service,
) -> Result<(Driver, watch::Receiver<Copies>), SpawnError> {
    KeepRunning::describe(&mut config.framework);
    let (published, copies) = watch::channel(Copies::default());
    let driver = scheduler::start(node, config, move |driver, ctx| {
        KeepRunning::new(driver, service, published, ctx)
    })?;
    Ok((driver, copies))
}

/// The scheduler; see [`start`].
pub struct KeepRunning {
    driver: Driver,
    service: Service,
    copies: watch::Sender<Copies>,
    /// Copies of which nothing was heard since this framework subscribed last: a master that waits for their agents
    /// answers nothing, and nobody else will if they ended meanwhile. At most all copies.
    unconfirmed: BTreeSet<v1::TaskId>,
    /// Makes the names of tasks differ from those of an earlier life.
    life: u32,
}

impl KeepRunning {
    /// A scheduler without copies, to be spawned by [`scheduler::start`].
    pub fn new(
        driver: Driver,
        service: Service,
        copies: watch::Sender<Copies>,
        ctx: &mut Context<Self>,
    ) -> KeepRunning {
        KeepRunning {
            driver,
            service,
            copies,
            unconfirmed: BTreeSet::new(),
            life: ctx.random().random(),
        }
    }

    /// Says in the framework's description what this scheduler understands.
    pub fn describe(framework: &mut v1::FrameworkInfo) {
        let aware = v1::framework_info::capability::Type::PartitionAware;
        framework.capabilities.push(v1::framework_info::Capability {
            r#type: Some(aware.into()),
        });
        framework.checkpoint = Some(true);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Copies) -> T) -> T {
        let mut result = None;
        self.copies
            .send_modify(|copies| result = Some(change(copies)));
        result.expect("the change was made")
    }

    fn use_offer(&mut self, offer: v1::Offer) {
        let mut free = Resources::from_v1(&offer.resources)
            .unwrap_or_default()
            .unallocate();
        let lacking = self.copies.borrow().lacking(self.service.copies);
        let mut tasks = Vec::new();
        while tasks.len() < lacking
            && let Some(rest) = free.checked_sub(&self.service.resources)
        {
            free = rest;
            tasks.push(self.next_task(&offer.agent_id));
        }
        if tasks.is_empty() {
            self.driver.decline([offer.id], Some(REFUSE_SECONDS));
        } else {
            self.driver.launch([offer.id], tasks, Some(REFUSE_SECONDS));
        }
    }

    fn next_task(&self, agent_id: &v1::AgentId) -> v1::TaskInfo {
        let Service { name, command, .. } = &self.service;
        let task_id = self.change(|copies| {
            let number = copies.launched + 1;
            let task_id = v1::TaskId::from(format!("{name}.{:08x}.{number}", self.life).as_str());
            copies.launch(task_id.clone(), agent_id.clone());
            task_id
        });
        v1::TaskInfo {
            name: name.clone(),
            task_id,
            agent_id: agent_id.clone(),
            resources: self.service.resources.to_v1(Format::PreRefinement),
            command: Some(v1::CommandInfo {
                value: Some(command.clone()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// Asks about what was not heard of, and repeats kills: either may have been lost on its way.
    fn reconcile(&self) {
        let copies = self.copies.borrow().clone();
        let mut unsure = Vec::new();
        for (task, agent, copy) in copies.all() {
            match copy {
                Copy::Running if !self.unconfirmed.contains(task) => {}
                Copy::Running | Copy::Launched | Copy::Missing => {
                    unsure.push((task.clone(), agent.cloned()))
                }
                Copy::Surplus => self.driver.kill(task.clone(), agent.cloned()),
            }
        }
        if !unsure.is_empty() {
            self.driver.reconcile(unsure);
        }
        if copies.lacking(self.service.copies) > 0 {
            self.driver.revive([]);
        }
    }
}

impl Actor for KeepRunning {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(RECONCILE_EVERY, |scheduler, _| scheduler.reconcile());
    }
}

impl Process for KeepRunning {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for KeepRunning {
    type Result = ();

    fn handle(&mut self, _: Subscribed, _: &mut Context<Self>) {
        // What the master knows of this framework's earlier life, and what this one believes.
        self.driver.reconcile([]);
        let copies = self.copies.borrow().clone();
        let known: Vec<_> = copies
            .all()
            .map(|(task, agent, _)| (task.clone(), agent.cloned()))
            .collect();
        self.unconfirmed = known.iter().map(|(task, _)| task.clone()).collect();
        if !known.is_empty() {
            self.driver.reconcile(known);
        }
    }
}

impl Handler<Offers> for KeepRunning {
    type Result = ();

    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        for offer in offers {
            self.use_offer(offer);
        }
    }
}

impl Handler<Update> for KeepRunning {
    type Result = ();

    fn handle(&mut self, Update(status): Update, _: &mut Context<Self>) {
        self.unconfirmed.remove(&status.task_id);
        match self.change(|copies| copies.note(&status, self.service.copies)) {
            Next::Nothing => {}
            Next::Replace => self.driver.revive([]),
            Next::Kill => self.driver.kill(status.task_id, status.agent_id),
        }
    }
}

impl Handler<Notice> for KeepRunning {
    type Result = ();

    fn handle(&mut self, notice: Notice, ctx: &mut Context<Self>) {
        if let Notice::Error(why) = notice {
            self.change(|copies| copies.error = Some(why));
            ctx.stop();
        }
    }
}
