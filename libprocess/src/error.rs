//! What can go wrong between actors, one enum per operation.

use serde::{Deserialize, Serialize};

use crate::pid::AnyPid;

/// Why an actor, or the way to it, ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ExitReason {
    /// It stopped by itself or was stopped.
    #[error("stopped")]
    Normal,
    /// It panicked; the text of the panic.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The link to its node broke, or could not be made. The actor itself may well live on.
    #[error("its node cannot be reached")]
    Disconnected,
    /// No actor has this name, or not in this incarnation any more.
    #[error("no such process")]
    NoProcess,
    /// It, or the link to it, could not keep up: a bounded queue overflowed and a message was dropped.
    #[error("overloaded")]
    Overloaded,
    /// Its node was shut down.
    #[error("its node was shut down")]
    NodeDown,
    /// It gave up by itself, without a panic: by `Context::fail`, because of an actor to which it is
    /// linked, or as a supervisor whose children fail too often. The text says why.
    #[error("failed: {0}")]
    Failed(String),
    /// It was ended from outside, without being asked: by [`Node::kill`](crate::Node::kill), or by its
    /// supervisor because it did not end in time or the supervisor itself ended.
    #[error("killed")]
    Killed,
}

/// The notice that a monitored actor, or the way to it, ended. Arrives exactly once per monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exited {
    /// The pid as it was given to `monitor`.
    pub pid: AnyPid,
    /// Why.
    pub reason: ExitReason,
}

impl actix::Message for Exited {
    type Result = ();
}

/// Why an ask has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The deadline passed first. Whether the message was handled is unknown.
    #[error("no answer in time")]
    Timeout,
    /// The actor, or the way to it, ended first.
    #[error("{0}")]
    Exited(ExitReason),
    /// The message arrived and was not answered: the text says why (unknown message, answer dropped, ...).
    #[error("refused: {0}")]
    Refused(String),
}

/// Why a message could not be handed over by `tell_ready`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The actor, or the way to it, ended.
    #[error("{0}")]
    Exited(ExitReason),
    /// The message cannot cross between nodes: it is too large, of a local protocol, or does not encode.
    #[error("cannot be sent: {0}")]
    Unsendable(String),
}

/// Why an actor was not spawned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// Another living actor of this node has the name.
    #[error("the name `{0}` is taken on this node")]
    NameTaken(String),
    /// The name is empty or longer than [`MAX_NAME`](crate::limits::MAX_NAME) bytes.
    #[error("`{0}` is not a usable name: 1 to {max} bytes", max = crate::limits::MAX_NAME)]
    BadName(String),
    /// The node is shutting down.
    #[error("the node is shutting down")]
    NodeDown,
}
