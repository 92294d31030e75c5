//! The executor: counts one piece per task.

use libprocess::prelude::*;
use mesos::v1::{self, TaskState};
use mesos_frameworks::executor::{
    Driver, ExecutorEvents, Kill, Launch, Notice, Shutdown, Subscribed,
};

use crate::count;

pub(crate) struct Counter(pub(crate) Driver);

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Process for Counter {
    type Protocol = ExecutorEvents;
}

impl Handler<Launch> for Counter {
    type Result = ();

    fn handle(&mut self, Launch(task): Launch, _: &mut Context<Self>) {
        let text = task.data.unwrap_or_default();
        let words = count(&String::from_utf8_lossy(&text));
        self.0.update(v1::TaskStatus {
            task_id: task.task_id,
            state: TaskState::TaskFinished.into(),
            data: serde_json::to_vec(&words).ok(),
            ..Default::default()
        });
    }
}

impl Handler<Shutdown> for Counter {
    type Result = ();

    fn handle(&mut self, _: Shutdown, _: &mut Context<Self>) {
        self.0.finish();
    }
}

impl Handler<Subscribed> for Counter {
    type Result = ();

    fn handle(&mut self, _: Subscribed, _: &mut Context<Self>) {}
}

impl Handler<Kill> for Counter {
    type Result = ();

    /// Whatever is to be killed has been counted by now.
    fn handle(&mut self, _: Kill, _: &mut Context<Self>) {}
}

impl Handler<Notice> for Counter {
    type Result = ();

    fn handle(&mut self, _: Notice, _: &mut Context<Self>) {}
}
