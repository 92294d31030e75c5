//! What an agent accepts.

use std::time::Duration;

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CallRejected, ExecutorProtocol};
use crate::v1;
use crate::wire::Pb;

protocol! {
    /// What an agent accepts: from the leading master (1–16), which it knows by the pid its
    /// detector gave it and by its certificate, and from its executors (20).
    pub AgentProtocol = "mesos.agent" version 4 {
        1 => Registered -> (),
        2 => Reregistered -> (),
        3 => ShutdownAgent -> (),
        4 => Ping -> Pong,
        5 => RunTask -> (),
        6 => KillTask -> (),
        7 => Acknowledge -> (),
        8 => FrameworkMessage -> (),
        9 => ShutdownExecutor -> (),
        10 => ShutdownFramework -> (),
        11 => UpdateFramework -> (),
        12 => ApplyOperation -> (),
        13 => AcknowledgeOperation -> (),
        14 => ReconcileOperations -> (),
        15 => DrainAgent -> (),
        16 => RunTaskGroup -> (),
        20 => ExecutorCall -> Result<(), CallRejected>,
    }
}

/// The master admitted the agent. Answers [`RegisterAgent`](super::master::RegisterAgent), each
/// time it is repeated with the same id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    /// The agent's id from now on; it stores it.
    pub agent_id: v1::AgentId,
    /// How long the master pings before it gives an agent up. An agent that hears no ping for
    /// that long looks for the master anew.
    pub total_ping_timeout: Duration,
}

/// The master knows the agent again. Answers
/// [`ReregisterAgent`](super::master::ReregisterAgent).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reregistered {
    /// The id it came with.
    pub agent_id: v1::AgentId,
    /// As in [`Registered`].
    pub total_ping_timeout: Duration,
    /// Tasks the master thought were here but the agent did not name. For those it does not have,
    /// the agent sends a terminal update (TASK_DROPPED, or TASK_LOST to frameworks that are not
    /// partition aware).
    pub reconcile: Vec<ReconcileTasks>,
}

/// Tasks of one framework whose fate the master does not know; part of [`Reregistered`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReconcileTasks {
    /// The framework, so that the agent can answer even if it never heard of it.
    pub framework: Pb<v1::FrameworkInfo>,
    /// The tasks' last states known to the master; none is terminal.
    pub statuses: Vec<Pb<v1::TaskStatus>>,
}

/// The agent must end: it is refused (gone, its machine is down, not the agent it says it is) or
/// an operator removed it. It kills its executors and exits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShutdownAgent {
    /// Why, for the agent's log.
    pub message: String,
    /// Whether the agent's id was given up for ever: when it is started again it is a new agent.
    /// Since version 3.
    pub forget: bool,
}

/// End everything that runs here, and start nothing more until that is done; from the master, when an
/// operator drains the agent and each time it comes back before it is drained. Tasks are killed with
/// the grace of their kill policy, at most `max_grace_period`. Their updates carry
/// REASON_AGENT_DRAINING; with `mark_gone` partition-aware frameworks hear TASK_GONE_BY_OPERATOR.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DrainAgent {
    /// How.
    pub config: Pb<v1::DrainConfig>,
}

/// Asked by the master's observer every 15 s. Five unanswered ones make the agent unreachable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ping {
    /// Whether the master thinks the agent is connected. If not, and the agent thinks it is, the
    /// agent registers again.
    pub connected: bool,
}

/// The answer to [`Ping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong;

/// Start a task; from the master, after it accepted a LAUNCH. The agent answers with status
/// updates, at least one, TASK_DROPPED (or TASK_LOST) if it cannot take the task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunTask {
    /// The framework; `id` is set.
    pub framework: Pb<v1::FrameworkInfo>,
    /// The task. Its `executor` says what runs it; a task with a `command` instead is run by the
    /// command executor, which the agent makes up. Every resource carries its allocation role.
    pub task: Pb<v1::TaskInfo>,
    /// Whether the executor is to be started if it does not run. `false`: the master knows it
    /// running and charged nothing for it; if it is gone, the task is dropped rather than started
    /// with resources nobody accounted for.
    pub launch_executor: bool,
    /// The agent's resources that the launch was decided on ([`ApplyOperation::resource_version`]).
    /// A task that uses reservations or volumes made at run time is dropped if they have changed.
    pub resource_version: Option<Uuid>,
}

/// Start the tasks of a group, all of them or none; from the master, after it accepted a LAUNCH_GROUP. They reach
/// their executor in one event. Answered as [`RunTask`] is, for each task. Since version 4.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunTaskGroup {
    /// The framework; `id` is set.
    pub framework: Pb<v1::FrameworkInfo>,
    /// What runs them. One of type DEFAULT has no command: the agent starts the built-in one.
    pub executor: Pb<v1::ExecutorInfo>,
    /// The tasks, each with the same `executor`. Every resource carries its allocation role.
    pub group: Pb<v1::TaskGroupInfo>,
    /// As in [`RunTask`].
    pub launch_executor: bool,
    /// As in [`RunTask`].
    pub resource_version: Option<Uuid>,
}

/// Kill a task; from the master, for a KILL call. Answered by the task's status updates. Repeated
/// kills may shorten the grace period, never extend it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KillTask {
    /// Whose task.
    pub framework_id: v1::FrameworkId,
    /// Which task.
    pub task_id: v1::TaskId,
    /// Replaces the task's own policy.
    pub kill_policy: Option<Pb<v1::KillPolicy>>,
}

/// The scheduler has the update; from the master, for an ACKNOWLEDGE call. The agent sends the
/// next one of that task, or forgets the task if the update was terminal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acknowledge {
    /// Whose task.
    pub framework_id: v1::FrameworkId,
    /// Which task.
    pub task_id: v1::TaskId,
    /// Which update ([`UpdateRecord::uuid`](super::UpdateRecord)).
    pub uuid: Uuid,
}

/// Bytes from a scheduler to one of its executors; best effort. Reaches it as a MESSAGE event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FrameworkMessage {
    /// From whom.
    pub framework_id: v1::FrameworkId,
    /// To whom.
    pub executor_id: v1::ExecutorId,
    /// Not interpreted.
    pub data: Vec<u8>,
}

/// Shut one executor down; from the master, for a SHUTDOWN call. Nothing happens if there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShutdownExecutor {
    /// Whose executor.
    pub framework_id: v1::FrameworkId,
    /// Which one.
    pub executor_id: v1::ExecutorId,
}

/// Shut all executors of a framework down: it was torn down, or did not come back in time. No
/// update of its tasks is sent any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShutdownFramework {
    /// The framework.
    pub framework_id: v1::FrameworkId,
}

/// The framework changed its description or subscribed anew; the agent stores it and resends the
/// updates the framework has not acknowledged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateFramework {
    /// The new description; `id` is set.
    pub framework: Pb<v1::FrameworkInfo>,
}

/// Change the agent's resources: reserve, make a volume, and their opposites; from the master, for
/// an operation of an ACCEPT or of an operator. The agent writes the change down before it answers
/// with [`OperationUpdate`](super::master::OperationUpdate).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplyOperation {
    /// Whose operation; unset for one of an operator.
    pub framework_id: Option<v1::FrameworkId>,
    /// What to do. With an `id`, its status is sent until it is acknowledged.
    pub operation: Pb<v1::offer::Operation>,
    /// Names the operation between master and agent, given or not that it has an `id`.
    pub uuid: Uuid,
    /// The last state of its resources that the master has seen: it is in every message in which
    /// the agent names them. The agent drops an operation that was decided on another one.
    pub resource_version: Option<Uuid>,
}

/// Somebody has the status of an operation: its scheduler, or the master where there is nobody
/// else. The agent forgets the operation if the status was terminal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcknowledgeOperation {
    /// Which operation ([`ApplyOperation::uuid`]).
    pub operation: Uuid,
    /// Which status ([`v1::OperationStatus::uuid`]).
    pub status: Uuid,
}

/// Operations that the master has sent and the agent did not name when it came back. For those it
/// does not have, the agent reports OPERATION_DROPPED.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReconcileOperations {
    /// The operations, as they were sent.
    pub operations: Vec<ApplyOperation>,
}

/// A v1 executor call: from an executor over QUIC, or from the agent's HTTP server on behalf of
/// one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecutorCall {
    /// The call; it names its framework and executor.
    pub call: Pb<v1::executor::Call>,
    /// Where events go; required for SUBSCRIBE. The agent monitors it: when it ends, the executor
    /// is disconnected. Over QUIC it comes with every call, so that a predecessor's late calls
    /// are refused; HTTP calls other than SUBSCRIBE leave it unset.
    pub from: Option<Pid<ExecutorProtocol>>,
}
