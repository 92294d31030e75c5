//! The executor: counts one piece per task.

use libprocess::prelude::*;
use mesos::v1::{self, TaskState};
use mesos_frameworks::executor::{
    Driver, ExecutorEvents, Kill, Launch, LaunchGroup, Notice, Shutdown, Subscribed,
};

use crate::count;

pub(crate) struct Counter(pub(crate) Driver);

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Process for Counter {
    type Protocol = ExecutorEvents;
}

impl Counter {
    fn run(&self, task: v1::TaskInfo) {
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

impl Handler<Launch> for Counter {
    type Result = ();

    fn handle(&mut self, Launch(task): Launch, _: &mut Context<Self>) {
        self.run(task);
    }
}

/// Pieces are counted one by one, however they come.
impl Handler<LaunchGroup> for Counter {
    type Result = ();

    fn handle(&mut self, LaunchGroup(tasks): LaunchGroup, _: &mut Context<Self>) {
        tasks.into_iter().for_each(|task| self.run(task));
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
