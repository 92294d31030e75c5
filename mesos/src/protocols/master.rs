//! What a master accepts.

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AgentProtocol, CallAccepted, CallRejected, SchedulerProtocol};
use crate::v1;
use crate::wire::{Packed, Pb};

protocol! {
    /// What a master accepts: from agents (1–9), from schedulers and tools (10), and from its own
    /// observers (20). A master believes agents only about themselves: it compares the sender
    /// with the pid that registered.
    pub MasterProtocol = "mesos.master" version 3 {
        1 => RegisterAgent -> (),
        2 => ReregisterAgent -> (),
        3 => UnregisterAgent -> (),
        4 => UpdateRecord -> (),
        5 => ExecutorMessage -> (),
        6 => ExecutorExited -> (),
        7 => OperationUpdate -> (),
        8 => AgentResources -> (),
        9 => UpdateOversubscribed -> (),
        10 => SchedulerCall -> Result<CallAccepted, CallRejected>,
        11 => OperatorCall -> Result<(), CallRejected>,
        20 => AgentUnresponsive -> (),
    }
}

/// From an agent that has no id yet. Repeated until [`Registered`](super::agent::Registered) or
/// [`ShutdownAgent`](super::agent::ShutdownAgent) answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterAgent {
    /// Where the agent is; the master monitors it from now on.
    pub agent: Pid<AgentProtocol>,
    /// Hostname, port (of its HTTP server), resources, attributes; `id` is unset.
    pub info: Pb<v1::AgentInfo>,
    /// What the agent's version can do.
    pub capabilities: Vec<Pb<v1::agent_info::Capability>>,
    /// Dynamic reservations and persistent volumes the agent has stored; they are part of its
    /// total resources.
    pub checkpointed_resources: Vec<Pb<v1::Resource>>,
    /// The Mesos version it is compatible with ([`crate::version::MESOS_COMPATIBLE`]).
    pub version: String,
    /// Names this state of its resources
    /// ([`ApplyOperation::resource_version`](super::agent::ApplyOperation)).
    pub resource_version: Option<Uuid>,
}

/// From an agent that has an id: after its restart, for a new master, or because it was told that
/// it is not connected. Repeated until [`Reregistered`](super::agent::Reregistered) or
/// [`ShutdownAgent`](super::agent::ShutdownAgent) answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReregisterAgent {
    /// Where the agent is now.
    pub agent: Pid<AgentProtocol>,
    /// As it registered; `id` is set.
    pub info: Pb<v1::AgentInfo>,
    /// What the agent's version can do.
    pub capabilities: Vec<Pb<v1::agent_info::Capability>>,
    /// As in [`RegisterAgent`].
    pub checkpointed_resources: Vec<Pb<v1::Resource>>,
    /// Every framework that has an executor or task here; each `id` is set.
    pub frameworks: Vec<Pb<v1::FrameworkInfo>>,
    /// Every executor that lives, built-in ones left out; each `framework_id` is set.
    pub executors: Vec<Pb<v1::ExecutorInfo>>,
    /// Every task that is queued, launched, or terminated but not acknowledged.
    pub tasks: Vec<Packed<v1::Task>>,
    /// As in [`RegisterAgent`].
    pub version: String,
    /// As in [`RegisterAgent`].
    pub resource_version: Option<Uuid>,
    /// Every operation whose last status was not acknowledged.
    pub operations: Vec<Pb<v1::Operation>>,
    /// Every framework of which only ended tasks are remembered here; each `id` is set.
    pub completed_frameworks: Vec<Pb<v1::FrameworkInfo>>,
    /// Tasks of any framework whose end was acknowledged, in the order in which they ended: the latest, as many as fit into a
    /// message together with the rest. A master that did not see them end learns of them here.
    pub completed_tasks: Vec<Packed<v1::Task>>,
}

/// From an agent that leaves for good (a signal asked it to). Not answered; its tasks are lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnregisterAgent {
    /// The agent's own id.
    pub agent_id: v1::AgentId,
}

/// A task's new state, from the agent that runs it. Sent again (10 s, doubling, at most 10 min)
/// until [`Acknowledge`](super::agent::Acknowledge) with its `uuid` answers; one per task is in
/// flight. Also the form in which the agent stores and the master queues updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateRecord {
    /// Whose task it is.
    pub framework_id: v1::FrameworkId,
    /// Where it runs.
    pub agent_id: v1::AgentId,
    /// What ran it; unset if it never reached an executor.
    pub executor_id: Option<v1::ExecutorId>,
    /// The update as the scheduler will see it.
    pub status: Pb<v1::TaskStatus>,
    /// The newest state the agent knows, ahead of `status.state` when updates queue up. The
    /// master frees the task's resources by this one.
    pub latest_state: i32,
    /// Names this update in its acknowledgement. Unset: made up by a master or agent for
    /// information, sent once, never acknowledged.
    pub uuid: Option<Uuid>,
    /// When it happened, in seconds since the epoch.
    pub timestamp: f64,
}

/// Bytes from an executor to its scheduler; best effort. Reaches it as a MESSAGE event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecutorMessage {
    /// Where the executor runs.
    pub agent_id: v1::AgentId,
    /// To whom.
    pub framework_id: v1::FrameworkId,
    /// From whom.
    pub executor_id: v1::ExecutorId,
    /// Not interpreted.
    pub data: Vec<u8>,
}

/// An executor ended; from its agent, once. Its resources are free, its tasks report themselves.
/// Reaches the scheduler as a FAILURE event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecutorExited {
    /// Where it ran.
    pub agent_id: v1::AgentId,
    /// Whose it was.
    pub framework_id: v1::FrameworkId,
    /// Which one.
    pub executor_id: v1::ExecutorId,
    /// The wait status of its process, as `wait(2)` encodes it; -1 if unknown.
    pub status: i32,
}

/// The status of an operation, from the agent that performs it. If the status has a `uuid` it is
/// sent again (10 s, doubling, at most 10 min) until
/// [`AcknowledgeOperation`](super::agent::AcknowledgeOperation) answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationUpdate {
    /// Where.
    pub agent_id: v1::AgentId,
    /// Whose operation; unset for one of an operator.
    pub framework_id: Option<v1::FrameworkId>,
    /// Which one ([`ApplyOperation::uuid`](super::agent::ApplyOperation)).
    pub operation: Uuid,
    /// What became of it.
    pub status: Pb<v1::OperationStatus>,
}

/// What an agent has now, when that is not what the master expects: an operation failed or was
/// dropped. Comes before the [`OperationUpdate`] that says so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgentResources {
    /// Which agent.
    pub agent_id: v1::AgentId,
    /// As in [`RegisterAgent`].
    pub checkpointed_resources: Vec<Pb<v1::Resource>>,
    /// Names this state of its resources.
    pub resource_version: Option<Uuid>,
}

/// What an agent lends of what its tasks do not use: sent after each registration if it is anything,
/// and when it changes, at most every `--oversubscribed_resources_interval`. It replaces what the
/// message before said; a registration says that nothing is lent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateOversubscribed {
    /// Which agent.
    pub agent_id: v1::AgentId,
    /// All that is lent, what is borrowed already included. Each is revocable.
    pub resources: Vec<Pb<v1::Resource>>,
}

/// A v1 scheduler call: from a scheduler over QUIC, from the master's HTTP server on behalf of
/// one, or from a tool.
///
/// A tool (certificate role [`OPERATOR`](super::roles::OPERATOR)) has no subscription: its KILL
/// and TEARDOWN need no stream id and may name any framework; other calls are refused to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SchedulerCall {
    /// The call.
    pub call: Pb<v1::scheduler::Call>,
    /// Where events go; required for SUBSCRIBE, ignored otherwise. The master monitors it: when
    /// it ends, the framework is disconnected.
    pub from: Option<Pid<SchedulerProtocol>>,
    /// What [`Subscription::stream_id`](super::Subscription) said; unset for SUBSCRIBE.
    pub stream_id: Option<String>,
    /// Who the HTTP server authenticated. Believed only of senders on the master's own node; a
    /// remote sender is who its certificate says.
    pub principal: Option<String>,
}

/// A v1 call of an operator that changes something: over QUIC (certificate role
/// [`OPERATOR`](super::roles::OPERATOR)), or from the master's HTTP server. Answered when the change
/// is stored, or on its way to the agent it concerns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OperatorCall {
    /// The call.
    pub call: Pb<v1::master::Call>,
    /// As in [`SchedulerCall::principal`].
    pub principal: Option<String>,
}

/// From the observer of an agent that missed its pings; only from the master's own node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgentUnresponsive {
    /// The silent agent.
    pub agent_id: v1::AgentId,
}
