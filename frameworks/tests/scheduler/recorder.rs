//! A scheduler that writes down what it is told.

use std::sync::Arc;

use libprocess::prelude::*;
use mesos_frameworks::scheduler::{Driver, Notice, Offers, SchedulerEvents, Subscribed, Update};
use tokio::sync::{Semaphore, mpsc};

/// Updates of this task or operation end the scheduler.
pub(crate) const POISON: &str = "poison";

pub(crate) struct Recorder {
    pub(crate) driver: Driver,
    pub(crate) told: mpsc::UnboundedSender<String>,
    /// Each update takes one before its handler returns.
    pub(crate) permits: Arc<Semaphore>,
}

impl Recorder {
    fn write(&self, text: String) {
        // The test may have ended.
        let _ = self.told.send(text);
    }
}

impl Actor for Recorder {
    type Context = Context<Self>;
}

impl Process for Recorder {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for Recorder {
    type Result = ();

    /// Says something at once, as real schedulers do.
    fn handle(&mut self, subscribed: Subscribed, _: &mut Context<Self>) {
        self.write(format!("subscribed as {}", subscribed.framework_id));
        self.driver.reconcile([]);
    }
}

impl Handler<Offers> for Recorder {
    type Result = ();

    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        self.write(format!("{} offers", offers.len()));
    }
}

impl Handler<Update> for Recorder {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Update(status): Update, _: &mut Context<Self>) -> Self::Result {
        let task = status.task_id.to_string();
        self.write(format!("update of {task}"));
        assert_ne!(task, POISON);
        let permits = self.permits.clone();
        Box::pin(async move {
            permits.acquire().await.expect("never closed").forget();
        })
    }
}

impl Handler<Notice> for Recorder {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        self.write(match notice {
            Notice::Error(why) => format!("error: {why}"),
            Notice::OperationUpdate(status) => {
                let id = status.operation_id.expect("an id").to_string();
                assert_ne!(id, POISON);
                format!("update of operation {id}")
            }
            notice => format!("{notice:?}").to_lowercase(),
        });
    }
}
