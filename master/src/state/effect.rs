//! What the core asks its actor to do. The list is closed: `master.rs` performs it in one `match`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use libprocess::prelude::{AnyPid, Pid};
use mesos::protocols::agent as to_agent;
use mesos::protocols::{AgentProtocol, CallRejected, SchedulerProtocol};
use mesos::v1::quota::QuotaConfig;
use mesos::v1::{AgentId, FrameworkId, OfferId, scheduler};

use super::agents::Admission;
use super::maintenance::Plan;
use super::operator::{Awaited, Ticket};
use super::time::Timestamp;
use crate::allocator::{AllocatorOp, UpdateAvailable};
use crate::registrar::{DrainRecord, MachineKey, Operation};

/// One thing to do, in the order given.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Tell an agent.
    Agent(Pid<AgentProtocol>, ToAgent),
    /// Send an event to a subscription.
    Event(Pid<SchedulerProtocol>, Box<scheduler::Event>),
    /// Tell a subscription that it is over, and forget it.
    Unsubscribe(Pid<SchedulerProtocol>),
    /// Report the end of this process.
    Watch(AnyPid),
    /// Do not report it any more.
    Unwatch(AnyPid),
    /// Begin to ping an agent.
    Observe(AgentId, Pid<AgentProtocol>),
    /// Change what the pings of an agent say about its connection.
    ObserveConnected(AgentId, bool),
    /// Cease to ping an agent.
    EndObservation(AgentId),
    /// Tell the allocator.
    Allocator(AllocatorOp),
    /// Write to the registry; when that is done, continue.
    Registry(Operation, Continuation),
    /// Ask the allocator for a change of what is free; when it has answered, continue.
    Available(UpdateAvailable, Box<Awaited>),
    /// Answer an operator's call.
    Answer(Ticket, Result<(), CallRejected>),
    /// End this master, for this reason.
    Abort(String),
    /// Report `Timer` after this time.
    Timer(Duration, Timer),
}

/// A message to an agent.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum ToAgent {
    Registered(to_agent::Registered),
    Reregistered(to_agent::Reregistered),
    Drain(to_agent::DrainAgent),
    Shutdown(to_agent::ShutdownAgent),
    Run(Box<to_agent::RunTask>),
    RunGroup(Box<to_agent::RunTaskGroup>),
    Kill(to_agent::KillTask),
    Acknowledge(to_agent::Acknowledge),
    Message(to_agent::FrameworkMessage),
    ShutdownExecutor(to_agent::ShutdownExecutor),
    ShutdownFramework(to_agent::ShutdownFramework),
    UpdateFramework(Box<to_agent::UpdateFramework>),
    Apply(Box<to_agent::ApplyOperation>),
    AcknowledgeOperation(to_agent::AcknowledgeOperation),
    ReconcileOperations(to_agent::ReconcileOperations),
}

/// What to do once the registry has stored an operation.
#[derive(Clone, Debug)]
pub enum Continuation {
    /// Nothing waits for it.
    Nothing,
    /// Let a new agent in.
    Admit(Box<Admission>),
    /// Let an agent in again.
    Readmit(Box<Admission>),
    /// Drop an agent that stopped answering.
    MarkUnreachable(AgentId, UnreachableReason),
    /// Tell an operator that a framework is torn down.
    TearDown(Ticket),
    /// Drop an agent that left or was made to leave.
    Remove(AgentId, RemovalReason),
    /// Forget unreachable and gone agents.
    Prune(BTreeSet<AgentId>),
    /// Give an agent up, on behalf of an operator who may wait for it.
    MarkGone(AgentId, Timestamp, Option<Ticket>),
    /// Drain an agent.
    Drain(Ticket, AgentId, DrainRecord),
    /// An agent is drained.
    Drained(AgentId),
    /// Offer an agent no more.
    Deactivate(Ticket, AgentId),
    /// Offer an agent again.
    Reactivate(Ticket, AgentId),
    /// Use weights of an operator.
    UpdateWeights(Ticket, BTreeMap<String, f64>),
    /// Use quotas of an operator.
    UpdateQuota(Ticket, Vec<QuotaConfig>),
    /// Plan the maintenance of an operator.
    UpdateSchedule(Ticket, Plan),
    /// End the agents on machines that are down.
    StartMaintenance(Ticket, BTreeSet<MachineKey>),
    /// Let agents on machines in again.
    StopMaintenance(Ticket, BTreeSet<MachineKey>),
}

/// Why an agent is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// It said that it leaves.
    Left,
    /// A new one registered in its place.
    Replaced,
    /// Its machine is down for maintenance.
    MachineDown,
}

/// Why an agent is marked unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreachableReason {
    /// It missed its pings.
    PingTimeout,
    /// Its link broke and it did not re-register in time.
    ReregisterTimeout,
    /// It did not re-register in time after the master had started.
    NotRecovered,
}

/// A moment the core wants to be told of. Timers are never cancelled: each names the connection
/// it was set for, and the core ignores those of earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A subscription is due a HEARTBEAT.
    Heartbeat(FrameworkId, u64),
    /// A framework had its time to come back.
    FrameworkFailover(FrameworkId, u64),
    /// A disconnected agent had its time to come back.
    AgentReregister(AgentId, u64),
    /// It is an agent's turn to become unreachable.
    AgentUnreachable(AgentId),
    /// The agents of the registry had their time to come back.
    AgentsRecovery,
    /// An offer had its time to be answered.
    OfferTimeout,
    /// An inverse offer had its time to be answered.
    InverseOfferTimeout(OfferId),
    /// Unreachable agents may be due to be forgotten.
    RegistryGc,
}
