//! What masters, agents, schedulers, executors and tools say to each other.
//!
//! One file per receiving role. Messages are plain structs; public Mesos types travel inside them
//! as [`Pb`](crate::wire::Pb), which is protobuf on the wire. The numbers in each `protocol!` are
//! the wire contract: new messages get new numbers, old numbers are never reused.
//!
//! | Protocol | Receiver | Well-known name |
//! |---|---|---|
//! | [`MasterProtocol`] | the leading master | [`names::MASTER`] |
//! | [`ReaderProtocol`] | read-only documents of a master | [`names::READER`] |
//! | [`ObserverProtocol`] | the master's watch over one agent | |
//! | [`AgentProtocol`] | an agent | [`names::AGENT`] |
//! | [`FilesProtocol`] | the sandboxes on an agent | [`names::FILES`] |
//! | [`SchedulerProtocol`] | one subscription of a framework | |
//! | [`ExecutorProtocol`] | one subscription of an executor | |
//!
//! # Conversations
//!
//! **An agent joins.** The agent repeats its request, with a growing random pause, until it is
//! answered; the master answers every repetition the same way.
//!
//! ```text
//!  agent                                   master
//!    │ RegisterAgent ───────────────────────▶│ validates, admits it in the registry
//!    │◀─────────────────────────── Registered │ monitors the agent's pid
//!    │◀──────────────────────── Ping (asked) │ every 15 s
//!    │ Pong ───────────────────────────────▶ │
//! ```
//!
//! **A framework subscribes and launches a task.** Over HTTP the "scheduler" is a small actor of
//! the master's HTTP server which writes events into the response.
//!
//! ```text
//!  scheduler                    master                       agent                  executor
//!    │ SchedulerCall SUBSCRIBE ──▶│                             │                        │
//!    │◀── CallAccepted(stream id) │ monitors the scheduler      │                        │
//!    │◀───────── Event SUBSCRIBED │                             │                        │
//!    │◀──────────── Event OFFERS  │                             │                        │
//!    │ SchedulerCall ACCEPT ─────▶│ RunTask ───────────────────▶│ starts the executor    │
//!    │                            │                             │◀─ ExecutorCall SUBSCRIBE │
//!    │                            │                             │ Event SUBSCRIBED ─────▶│
//!    │                            │                             │ Event LAUNCH ─────────▶│
//! ```
//!
//! The tasks of a LAUNCH_GROUP come in one `RunTaskGroup` and reach the executor in one Event LAUNCH_GROUP.
//!
//! **A status update** is stored by the agent before it is acknowledged to the executor and sent
//! until the scheduler acknowledges it (10 s, doubling, at most 10 min apart).
//!
//! ```text
//!  executor              agent                    master                scheduler
//!    │ ExecutorCall UPDATE ─▶│ stores it             │                       │
//!    │◀── Event ACKNOWLEDGED │                       │                       │
//!    │                       │ StatusUpdate ────────▶│ Event UPDATE ────────▶│
//!    │                       │◀────────── Acknowledge │◀─ SchedulerCall ACKNOWLEDGE │
//!    │                       │ forgets it, sends the next                    │
//! ```
//!
//! **A kill.** The answer is the ordinary status update that follows.
//!
//! ```text
//!  scheduler              master                 agent              executor
//!    │ SchedulerCall KILL ─▶│ KillTask ───────────▶│ Event KILL ──────▶│
//!    │                      │                      │◀─ ExecutorCall UPDATE (TASK_KILLED)
//! ```
//!
//! **An agent comes back**, after its own restart, a new master, or a broken link. Both sides
//! compare what they know: the master learns tasks it had forgotten, those that are over included, the
//! agent answers for tasks it never got.
//!
//! ```text
//!  agent                                    master
//!    │ ReregisterAgent(frameworks, executors, tasks) ─▶│
//!    │◀────────────────── Reregistered(reconcile: ..) │ what it thought was running there
//!    │◀────────────────────────────── UpdateFramework │ where each framework listens now
//!    │ StatusUpdate (unacknowledged ones, again) ────▶│
//! ```
//!
//! **An operation** changes what an agent has. The agent writes the change down before it answers;
//! a status with a uuid is sent until somebody acknowledges it. If the operation was decided on
//! resources that the agent does not have any more, it says first what it has.
//!
//! ```text
//!  scheduler                     master                          agent
//!    │ SchedulerCall ACCEPT ──────▶│ ApplyOperation ──────────────▶│ stores it, makes or removes volumes
//!    │                             │◀─ (AgentResources, if dropped) │
//!    │◀ UPDATE_OPERATION_STATUS ── │◀───────────── OperationUpdate │
//!    │ ACKNOWLEDGE_OPERATION_STATUS ▶ AcknowledgeOperation ────────▶│ forgets it
//! ```
//!
//! **An agent lends** what its tasks were given and do not use, and takes it back by killing those who
//! borrowed it.
//!
//! ```text
//!  agent                         master                     scheduler
//!    │ UpdateOversubscribed ──────▶│ Event RESCIND ───────────▶│ offers made of what was lent before
//!    │                             │ Event OFFERS (revocable) ▶│
//!    │ UpdateRecord (TASK_GONE) ──▶│ Event UPDATE ────────────▶│ the executor was preempted
//! ```

pub mod agent;
pub mod call;
pub mod executor;
pub mod files;
pub mod master;
pub mod names;
pub mod observer;
pub mod reader;
pub mod roles;
pub mod scheduler;

pub use agent::AgentProtocol;
pub use call::{CallAccepted, CallRejected, RejectionKind, Subscription};
pub use executor::ExecutorProtocol;
pub use files::FilesProtocol;
pub use master::{MasterProtocol, UpdateRecord};
pub use observer::ObserverProtocol;
pub use reader::ReaderProtocol;
pub use scheduler::SchedulerProtocol;

#[cfg(test)]
mod tests;
