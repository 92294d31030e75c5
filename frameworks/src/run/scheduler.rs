//! The scheduler of [`super`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::election::Leader;
use mesos::resources::Resources;
use mesos::v1;
use tokio::sync::{mpsc, watch};

use super::task::{Outcome, TaskDescription};
use crate::scheduler::{
    self, Driver, DriverConfig, Notice, Offers, SchedulerEvents, Subscribed, Update,
};

/// Room for news that the caller has not taken: each task makes a few, and a caller that prints takes them at once.
const PROGRESS_ROOM: usize = 65_536;
/// A master that restarts has this long before it may give the framework up; afterwards its tasks are killed.
const FAILOVER_SECONDS: f64 = 60.0;
/// Resources left over by an ACCEPT come back this soon: more instances may wait for them.
const REFUSE_SECONDS: f64 = 0.5;
/// How often the master is asked about tasks of which nothing was heard. It does not answer for agents that it waits for
/// itself (Mesos' reconciliation.md).
const RECONCILE_EVERY: Duration = Duration::from_secs(10);

/// What happens to a run.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The master knows the framework.
    Subscribed(v1::FrameworkId),
    /// Nothing offered so far is enough for one instance; the text compares the two. Said once.
    Waiting(String),
    /// A task has begun; its sandbox is at `agent`.
    Running {
        /// Which task.
        task_id: v1::TaskId,
        /// The agent's address, for actors and HTTP alike.
        agent: SocketAddr,
    },
    /// A task has ended.
    Ended {
        /// Which task.
        task_id: v1::TaskId,
        /// Where it was, if it ever was anywhere.
        place: Option<SocketAddr>,
        /// How it ended.
        outcome: Outcome,
    },
    /// The master or the way to it is gone; the driver looks for it.
    Disconnected,
    /// The framework was refused or thrown out. Nothing follows.
    Refused(String),
}

/// A run that has begun.
pub struct Run {
    /// For ending it early: `teardown` kills its tasks.
    pub driver: Driver,
    /// What happens, in order; closed after the last task has ended.
    pub progress: mpsc::Receiver<Progress>,
}

/// Starts a run on `node`.
///
/// # Errors
///
/// Another run of the same name lives on this node.
pub fn start(
    node: &Node,
    master: watch::Receiver<Option<Leader>>,
    description: TaskDescription,
) -> Result<Run, SpawnError> {
    let (news, progress) = mpsc::channel(PROGRESS_ROOM);
    let framework = v1::FrameworkInfo {
        user: description.user.clone(),
        name: description.name.clone(),
        roles: vec![description.role.clone()],
        capabilities: vec![capability(v1::framework_info::capability::Type::MultiRole)],
        failover_timeout: Some(FAILOVER_SECONDS),
        checkpoint: Some(true),
        ..Default::default()
    };
    let config = DriverConfig {
        framework,
        master,
        name: format!("run.{}", description.name),
    };
    let driver = scheduler::start(node, config, move |driver, _| OneShot {
        driver,
        waiting: (0..description.instances)
            .rev()
            .map(|n| task_id(&description, n))
            .collect(),
        description,
        places: BTreeMap::new(),
        running: BTreeMap::new(),
        news,
        complained: false,
    })?;
    Ok(Run { driver, progress })
}

fn capability(kind: v1::framework_info::capability::Type) -> v1::framework_info::Capability {
    v1::framework_info::Capability {
        r#type: Some(kind.into()),
    }
}

/// `name.3`; unique within the framework, whose id makes it unique in the cluster.
fn task_id(description: &TaskDescription, instance: u32) -> v1::TaskId {
    v1::TaskId {
        value: format!("{}.{instance}", description.name),
    }
}

struct OneShot {
    driver: Driver,
    description: TaskDescription,
    /// Tasks to launch; the last one goes first.
    waiting: Vec<v1::TaskId>,
    /// Agents by their offers.
    places: BTreeMap<v1::AgentId, SocketAddr>,
    /// Launched and not ended: where, and whether it was said to run.
    running: BTreeMap<v1::TaskId, (v1::AgentId, bool)>,
    news: mpsc::Sender<Progress>,
    complained: bool,
}

impl OneShot {
    fn tell(&self, progress: Progress) {
        // A caller that is gone does not want to know; one that is 65,536 behind will not miss this one.
        let _ = self.news.try_send(progress);
    }

    fn use_offer(&mut self, offer: v1::Offer) {
        if let Some(address) = address_of(&offer) {
            self.places.insert(offer.agent_id.clone(), address);
        }
        // Reserved resources are left to those who reserved them.
        let free = Resources::from_v1(&offer.resources)
            .unwrap_or_default()
            .unallocate()
            .unreserved();
        let needs = self.description.needs();
        let (mut left, mut tasks) = (free.clone(), Vec::new());
        while let Some(rest) = left.checked_sub(&needs) {
            let Some(task_id) = self.waiting.pop() else {
                break;
            };
            left = rest;
            self.running
                .insert(task_id.clone(), (offer.agent_id.clone(), false));
            tasks.push(self.description.task(task_id, offer.agent_id.clone()));
        }
        if tasks.is_empty() {
            self.complain(&free, &needs);
            self.driver.decline([offer.id], Some(REFUSE_SECONDS));
        } else {
            self.driver.launch([offer.id], tasks, Some(REFUSE_SECONDS));
        }
        if self.waiting.is_empty() {
            self.driver.suppress([]);
        }
    }

    /// Asks about launched tasks: they, or news of them, may have been lost on their way.
    fn reconcile(&self, wanted: fn(said_to_run: bool) -> bool) {
        let tasks = self.running.iter().filter(|(_, (_, said))| wanted(*said));
        let mut tasks = tasks
            .map(|(task, (agent, _))| (task.clone(), Some(agent.clone())))
            .peekable();
        // To ask about none is to ask about all.
        if tasks.peek().is_some() {
            self.driver.reconcile(tasks);
        }
    }

    /// Says once why nothing starts: the commonest question of a new user.
    fn complain(&mut self, free: &Resources, needs: &Resources) {
        if !self.complained && self.running.is_empty() && !self.waiting.is_empty() {
            self.complained = true;
            self.tell(Progress::Waiting(format!(
                "one instance needs {needs}, an agent offers {free}"
            )));
        }
    }
}

impl Actor for OneShot {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(RECONCILE_EVERY, |scheduler, _| {
            scheduler.reconcile(|said| !said)
        });
    }
}

impl Process for OneShot {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for OneShot {
    type Result = ();

    fn handle(&mut self, subscribed: Subscribed, _: &mut Context<Self>) {
        self.reconcile(|_| true);
        if self.waiting.is_empty() {
            self.driver.suppress([]);
        }
        self.tell(Progress::Subscribed(subscribed.framework_id));
    }
}

impl Handler<Offers> for OneShot {
    type Result = ();

    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        for offer in offers {
            self.use_offer(offer);
        }
    }
}

impl Handler<Update> for OneShot {
    type Result = ();

    fn handle(&mut self, Update(status): Update, ctx: &mut Context<Self>) {
        let Some((agent_id, said)) = self.running.get_mut(&status.task_id) else {
            return;
        };
        let place = self.places.get(agent_id).copied();
        if let Some(outcome) = Outcome::of(&status) {
            self.running.remove(&status.task_id);
            self.tell(Progress::Ended {
                task_id: status.task_id,
                place,
                outcome,
            });
            if self.running.is_empty() && self.waiting.is_empty() {
                // The acknowledgement of this update follows the handler; the teardown follows that.
                let driver = self.driver.clone();
                ctx.run_later(Duration::ZERO, move |_, ctx| {
                    driver.teardown();
                    ctx.stop();
                });
            }
        } else if status.state() == v1::TaskState::TaskRunning && !*said {
            *said = true;
            if let Some(agent) = place {
                self.tell(Progress::Running {
                    task_id: status.task_id,
                    agent,
                });
            }
        }
    }
}

impl Handler<Notice> for OneShot {
    type Result = ();

    fn handle(&mut self, notice: Notice, ctx: &mut Context<Self>) {
        match notice {
            Notice::Disconnected => self.tell(Progress::Disconnected),
            Notice::Error(why) => {
                self.tell(Progress::Refused(why));
                ctx.stop();
            }
            // Tasks of a lost agent report themselves; offers that are gone were not counted on.
            Notice::Rescinded(_)
            | Notice::Message(_)
            | Notice::Failure(_)
            | Notice::OperationUpdate(_) => {}
            // What runs is the user's to stop.
            Notice::InverseOffers(_) | Notice::InverseOfferRescinded(_) => {}
        }
    }
}

fn address_of(offer: &v1::Offer) -> Option<SocketAddr> {
    let address = &offer.url.as_ref()?.address;
    let ip = address.ip.as_ref()?.parse().ok()?;
    Some(SocketAddr::new(ip, u16::try_from(address.port).ok()?))
}
