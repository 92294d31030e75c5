//! Listens in between a driver and its scheduler.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frameworks::keep_running::{Copies, Copy};
use frameworks::scheduler::{Notice, Offers, SchedulerEvents, Subscribed, Update};
use libprocess::prelude::*;
use libprocess::sim::Net;
use mesos::v1::{FrameworkId, TaskId, TaskStatus};
use tokio::sync::{Notify, watch};
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
    /// What the scheduler took the task for until then; none if it did not know it.
    pub before: Option<Copy>,
}

/// What one scheduler was told, in all its lives. Clones are handles of the same one.
#[derive(Clone)]
pub struct Heard {
    log: Arc<Mutex<Log>>,
    bell: Arc<Notify>,
}

#[derive(Default)]
struct Log {
    updates: Vec<Told>,
    framework: Option<FrameworkId>,
    renamed: Option<(FrameworkId, FrameworkId)>,
}

impl Heard {
    /// Nothing yet; `bell` rings with each update.
    pub(super) fn new(bell: Arc<Notify>) -> Heard {
        Heard {
            log: Arc::default(),
            bell,
        }
    }

    /// All updates so far, in order.
    pub fn updates(&self) -> Vec<Told> {
        self.lock().updates.clone()
    }

    /// Those after so many.
    pub fn after(&self, known: usize) -> Vec<Told> {
        self.lock()
            .updates
            .get(known..)
            .unwrap_or_default()
            .to_vec()
    }

    /// How many so far.
    pub fn len(&self) -> usize {
        self.lock().updates.len()
    }

    /// Whether nothing was told yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The framework that the scheduler is.
    pub fn framework(&self) -> Option<FrameworkId> {
        self.lock().framework.clone()
    }

    /// The framework that the scheduler was, and the one that it was taken for later, if these differ.
    pub fn renamed(&self) -> Option<(FrameworkId, FrameworkId)> {
        self.lock().renamed.clone()
    }

    fn become_known(&self, id: FrameworkId) {
        let mut log = self.lock();
        let former = log.framework.replace(id.clone());
        if let Some(former) = former.filter(|former| *former != id) {
            log.renamed = Some((former, id));
            self.bell.notify_one();
        }
    }

    /// Its next life is another framework.
    pub(super) fn forget_framework(&self) {
        self.lock().framework = None;
    }

    fn write(&self, status: TaskStatus, before: Option<Copy>) {
        let told = Told {
            at: Instant::now(),
            status,
            before,
        };
        self.lock().updates.push(told);
        self.bell.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a scheduler's place, writes down its updates, and hands everything on.
pub(super) struct Spy {
    pub(super) scheduler: Pid<SchedulerEvents>,
    pub(super) heard: Heard,
    pub(super) copies: watch::Receiver<Copies>,
    pub(super) net: Net,
}

impl Spy {
    fn taken_for(&self, task: &TaskId) -> Option<Copy> {
        let copies = self.copies.borrow();
        let mut all = copies.all();
        let known = all.find(|(known, _, _)| *known == task);
        known.map(|(_, _, copy)| copy.clone())
    }
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
        self.heard.become_known(subscribed.framework_id.clone());
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
        self.heard
            .write(status.clone(), self.taken_for(&status.task_id));
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
