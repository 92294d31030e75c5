//! What an executor says.

use libprocess::Monitor;
use libprocess::prelude::*;
use mesos::v1;

use super::driver::{DriverProtocol, Say};

/// How an executor speaks to its agent. Cheap to clone; every method returns at once.
#[derive(Clone, Debug)]
pub struct Driver {
    node: Node,
    driver: Pid<DriverProtocol>,
}

impl Driver {
    pub(super) fn new(node: Node, driver: Pid<DriverProtocol>) -> Driver {
        Driver { node, driver }
    }

    /// Completes when the driver, and with it the executor, has ended.
    pub fn ended(&self) -> Monitor {
        self.node.monitor(&self.driver)
    }

    /// Reports what became of a task. `task_id` and `state` are the executor's to fill, and whatever else it has to
    /// say; executor, source and uuid are filled here.
    pub fn update(&self, status: v1::TaskStatus) {
        self.node.tell(&self.driver, Say::Update(Box::new(status)));
    }

    /// Reports a state, with a message for people.
    pub fn report(&self, task_id: &v1::TaskId, state: v1::TaskState, message: impl Into<String>) {
        self.update(v1::TaskStatus {
            task_id: task_id.clone(),
            state: state.into(),
            message: Some(message.into()),
            ..Default::default()
        });
    }

    /// Sends bytes to the scheduler; best effort.
    pub fn message(&self, data: Vec<u8>) {
        self.node.tell(&self.driver, Say::Message(data));
    }

    /// Ends the executor, once the agent has acknowledged all updates (or clearly will not).
    pub fn finish(&self) {
        self.node.tell(&self.driver, Say::Finish);
    }
}
