//! What an executor handles.

use libprocess::prelude::*;
use mesos::v1;

protocol! {
    /// What the driver tells an executor. Local: executor and driver live on one node.
    pub local ExecutorEvents = "mesos.executor.events" {
        1 => Subscribed -> (),
        2 => Launch -> (),
        3 => Kill -> (),
        4 => Notice -> (),
        5 => Shutdown -> (),
        6 => LaunchGroup -> (),
    }
}

/// There is a subscription: the first one, or a new one after the agent was gone.
#[derive(Clone, Debug)]
pub struct Subscribed(pub v1::executor::event::Subscribed);

/// Run this task.
#[derive(Clone, Debug)]
pub struct Launch(pub v1::TaskInfo);

/// Run these tasks, which their framework wants all of or none. An executor whose tasks do not depend on each other
/// runs them like any others.
#[derive(Clone, Debug)]
pub struct LaunchGroup(pub Vec<v1::TaskInfo>);

/// End a task. It may be unknown by now, and it may come more than once.
#[derive(Clone, Debug)]
pub struct Kill {
    /// Which task.
    pub task_id: v1::TaskId,
    /// Replaces the task's own policy.
    pub policy: Option<v1::KillPolicy>,
}

/// Everything else that may happen to an executor.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The agent is gone; the driver looks for its next life. Tasks go on.
    Disconnected,
    /// Bytes from the scheduler; best effort.
    Message(Vec<u8>),
    /// The agent says that something is wrong.
    Error(String),
}

/// End all tasks, report their ends, and then yourself ([`Driver::finish`](super::Driver::finish)). If that takes
/// longer than the executor's grace period, the agent destroys the container.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown;
