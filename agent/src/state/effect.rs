//! What follows from a decision.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::Pid;
use mesos::protocols::ExecutorProtocol;
use mesos::protocols::master::{
    AgentResources, ExecutorExited, ExecutorMessage, OperationUpdate, RegisterAgent,
    ReregisterAgent, UnregisterAgent, UpdateOversubscribed,
};
use mesos::protocols::{MasterProtocol, UpdateRecord};
use mesos::resources::Resources;
use mesos::v1::task_status::Reason;
use mesos::v1::{
    AgentInfo, ContainerId, ExecutorInfo, FrameworkId, FrameworkInfo, OperationStatus, Task,
    TaskId, TaskState, TaskStatus, executor, executor_info, offer,
};
use uuid::Uuid;

use super::ExecutorRef;
use crate::status_updates::OperationReport;
use crate::volumes::VolumeMount;

/// Something to do, after everything before it in the list has been done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Tell the master.
    Tell(Pid<MasterProtocol>, ToMaster),
    /// Tell an executor.
    Event(Pid<ExecutorProtocol>, Box<executor::Event>),
    /// Tell a subscription that it is over.
    Unsubscribe(Pid<ExecutorProtocol>),
    /// Hear of the end of a subscription, or no longer.
    Watch(Pid<ExecutorProtocol>),
    /// No longer hear of it.
    Unwatch(Pid<ExecutorProtocol>),
    /// Make a checkpoint durable.
    Write(Record),
    /// Remove checkpoints of what is no longer remembered, so that a next life does not read them.
    Erase(Stale),
    /// Start an executor in a container.
    Launch(Box<Launch>),
    /// Give a container other bounds; queued tasks are handed over once it has them.
    Resize {
        /// Which run.
        executor: ExecutorRef,
        /// The new bounds.
        resources: Resources,
        /// All volumes that are to be in its sandbox.
        volumes: Vec<VolumeMount>,
    },
    /// Kill whatever is in a container.
    Destroy(ContainerId),
    /// Ask whether a limit is behind the failure of a task.
    Inspect {
        /// In which run.
        executor: ExecutorRef,
        /// Which task.
        task_id: TaskId,
    },
    /// Write down a status update and send it until it is acknowledged.
    Report(Box<Report>),
    /// An update was acknowledged by its framework.
    Acknowledge {
        /// Whose task.
        framework_id: FrameworkId,
        /// Which task.
        task_id: TaskId,
        /// Which update.
        uuid: Uuid,
    },
    /// Change what the agent has, durably; the state hears how it went.
    Commit(Box<Commit>),
    /// Send the status of an operation until it is acknowledged.
    ReportOperation(Box<OperationReport>),
    /// The status of an operation was acknowledged.
    AcknowledgeOperation {
        /// Which operation.
        operation: Uuid,
        /// Which status.
        status: Uuid,
    },
    /// There is no master to send updates to.
    PauseUpdates,
    /// There is one again.
    ResumeUpdates,
    /// Nobody will acknowledge updates of this framework.
    ForgetUpdates(FrameworkId),
    /// Call again later.
    Alarm(Duration, Alarm),
    /// Recovery is over: begin to look for the master.
    Detect,
    /// Hear of the end of a master, or of the way to it.
    WatchMaster(Pid<MasterProtocol>),
    /// No longer hear of it.
    UnwatchMaster(Pid<MasterProtocol>),
    /// The agent is to end.
    Exit(String),
}

/// Something that is due later. Each carries what tells whether it is still wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Alarm {
    /// Send the (re-)registration if it is still this attempt's turn.
    Register {
        /// Counts changes of the registration.
        era: u64,
    },
    /// No ping came since the given number of pings.
    PingTimeout {
        /// Counts changes of the registration.
        era: u64,
        /// How many pings had come.
        pings: u64,
    },
    /// The executor should have subscribed by now.
    RegistrationTimeout(ExecutorRef),
    /// Recovered executors should have subscribed by now.
    ReregistrationTimeout,
    /// The executor should have ended by now.
    ShutdownTimeout(ExecutorRef),
}

/// What the master is told.
#[derive(Clone, Debug)]
pub enum ToMaster {
    /// First registration.
    Register(Box<RegisterAgent>),
    /// Registration with an id and all that runs here.
    Reregister(Box<ReregisterAgent>),
    /// This agent leaves for good.
    Unregister(UnregisterAgent),
    /// A status update.
    Update(Box<UpdateRecord>),
    /// Bytes from an executor.
    Message(ExecutorMessage),
    /// An executor ended.
    Exited(ExecutorExited),
    /// What became of an operation.
    Operation(Box<OperationUpdate>),
    /// What the agent has.
    Resources(Box<AgentResources>),
    /// What is lent.
    Oversubscribed(UpdateOversubscribed),
}

/// A change of what the agent stores of its resources.
#[derive(Clone, Debug)]
pub enum Commit {
    /// An operation came to an end.
    Settled {
        /// The reservations and volumes from then on, if they change.
        resources: Option<Resources>,
        /// What is told of it afterwards.
        answer: Box<Answer>,
    },
    /// The status of an operation is known to those who asked for it.
    Acknowledged(Uuid),
}

/// How an operation ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whose it was; none for an operator's.
    pub framework_id: Option<FrameworkId>,
    /// What it was to do.
    pub info: offer::Operation,
    /// Which one.
    pub uuid: Uuid,
    /// Its end.
    pub status: OperationStatus,
}

/// A checkpoint.
#[derive(Clone, Debug)]
pub enum Record {
    /// The agent and that it is the latest.
    Agent(Arc<AgentInfo>),
    /// A framework.
    Framework(Arc<FrameworkInfo>),
    /// An executor and its latest run.
    Executor(ExecutorRef, Arc<ExecutorInfo>, bool),
    /// A task that was accepted.
    Task(ExecutorRef, Box<Task>),
    /// The process of a run.
    Process(ExecutorRef, crate::checkpoint::recovery::Process),
    /// The run is over and all of its updates were acknowledged.
    Completed(ExecutorRef),
}

/// Checkpoints that nobody needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Stale {
    /// That the agent is the latest one: its next life is another agent.
    Agent,
    /// Of a task.
    Task(ExecutorRef, TaskId),
    /// Of a run of an executor.
    Run(ExecutorRef),
    /// Of a framework.
    Framework(FrameworkId),
}

/// An executor to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Which run.
    pub executor: ExecutorRef,
    /// What to run.
    pub info: Arc<ExecutorInfo>,
    /// Whether it is the built-in one of commands.
    pub is_command_executor: bool,
    /// The first task's user, or the executor's.
    pub user: Option<String>,
    /// The sandbox.
    pub directory: PathBuf,
    /// The bounds.
    pub resources: Resources,
    /// The volumes that are to be in its sandbox.
    pub volumes: Vec<VolumeMount>,
    /// How long it may take to end after SHUTDOWN.
    pub shutdown_grace_period: Duration,
}

impl Launch {
    /// Whether the agent brings the program: it stays the agent's user, and makes its tasks the framework's.
    pub fn is_built_in(&self) -> bool {
        self.is_command_executor || self.info.r#type() == executor_info::Type::Default
    }
}

/// A status update to be made reliable.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whose task.
    pub framework_id: FrameworkId,
    /// The update; agent id, executor id, timestamp and uuid are set.
    pub status: TaskStatus,
    /// Its uuid.
    pub uuid: Uuid,
    /// The run whose folder it is written to; updates of tasks that never had an executor are
    /// kept in memory.
    pub executor: Option<ExecutorRef>,
    /// Whether the executor waits for ACKNOWLEDGED.
    pub from_executor: bool,
}

/// Why the agent is ending an executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// What becomes of its tasks.
    pub state: TaskState,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
}
