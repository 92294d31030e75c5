//! Listens in between a driver and its scheduler.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frameworks::scheduler::{Notice, Offers, SchedulerEvents, Subscribed, Update};
use libprocess::prelude::*;
use libprocess::sim::Net;
use mesos::v1::TaskStatus;
use tokio::time::Instant;

/// A scheduler in a simulated world answers at once.
const SCHEDULER_TIMEOUT: Duration = Duration::from_secs(30);

/// An update that a scheduler was told.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at: Instant,
    /// What.
    pub status: TaskStatus,
}

/// The updates that one scheduler was told, in order. Clones are handles of the same one.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<Told>>>);

impl Heard {
    /// All so far.
    pub fn updates(&self) -> Vec<Told> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many so far.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn write(&self, status: TaskStatus) {
        let told = Told {
            at: Instant::now(),
            status,
        };
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(told);
    }
}

/// Takes a scheduler's place, writes down its updates, and hands everything on.
pub(super) struct Spy {
    pub(super) scheduler: Pid<SchedulerEvents>,
    pub(super) heard: Heard,
    pub(super) net: Net,
}

impl Actor for Spy {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let scheduler = self.scheduler.clone();
        ctx.monitor(&scheduler);
    }
}

impl Process for Spy {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for Spy {
    type Result = ();

    fn handle(&mut self, subscribed: Subscribed, ctx: &mut Context<Self>) {
        ctx.tell(&self.scheduler, subscribed);
    }
}

impl Handler<Offers> for Spy {
    type Result = ();

    fn handle(&mut self, offers: Offers, ctx: &mut Context<Self>) {
        ctx.tell(&self.scheduler, offers);
    }
}

impl Handler<Update> for Spy {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, update: Update, ctx: &mut Context<Self>) -> Self::Result {
        let Update(status) = &update;
        self.net.note(&format!(
            "{} {}",
            status.task_id,
            status.state().as_str_name()
        ));
        self.heard.write(status.clone());
        let handled = ctx.ask(&self.scheduler, update, SCHEDULER_TIMEOUT);
        // A scheduler that ended takes this actor with it, and the update is not acknowledged.
        Box::pin(async move {
            if handled.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

impl Handler<Notice> for Spy {
    type Result = ();

    fn handle(&mut self, notice: Notice, ctx: &mut Context<Self>) {
        ctx.tell(&self.scheduler, notice);
    }
}

impl Handler<Exited> for Spy {
    type Result = ();

    fn handle(&mut self, _: Exited, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
