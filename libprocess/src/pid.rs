//! Addresses of actors: [`Pid`] typed by its protocol, [`AnyPid`] without a type.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::protocol::Protocol;

/// The incarnation of a pid that means "whoever holds the name when the message arrives".
pub const ANY_INCARNATION: u64 = 0;

/// The address of an actor that speaks protocol `P`.
///
/// Made by [`Node::spawn`](crate::Node::spawn) (one life of one actor) or by [`Pid::named`] (whoever
/// holds the name). It may be stored, compared and sent to other nodes.
pub struct Pid<P> {
    any: AnyPid,
    protocol: PhantomData<fn() -> P>,
}

/// The address of an actor, its protocol forgotten: enough to watch it, to compare and to print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AnyPid {
    name: Arc<str>,
    address: SocketAddr,
    incarnation: u64,
}

impl AnyPid {
    pub(crate) fn new(name: Arc<str>, address: SocketAddr, incarnation: u64) -> Self {
        Self {
            name,
            address,
            incarnation,
        }
    }

    /// The actor's name, unique on its node.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of the node it lives on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which life of the name is meant; [`ANY_INCARNATION`] means whichever is there.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Gives the pid a protocol. Nothing is checked here: a wrong guess is answered by
    /// [`AskError::Refused`](crate::AskError::Refused), and its tells are dropped by the receiving node.
    pub fn assume<P: Protocol>(&self) -> Pid<P> {
        Pid::from_any(self.clone())
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }
}

impl fmt::Display for AnyPid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.address)
    }
}

impl fmt::Debug for AnyPid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{:x}", self.name, self.address, self.incarnation)
    }
}

impl<P: Protocol> Pid<P> {
    /// The pid of whoever holds `name` on the node at `address` when a message arrives there.
    pub fn named(name: impl AsRef<str>, address: SocketAddr) -> Self {
        Self::from_any(AnyPid::new(
            Arc::from(name.as_ref()),
            address,
            ANY_INCARNATION,
        ))
    }
}

impl<P> Pid<P> {
    pub(crate) fn from_any(any: AnyPid) -> Self {
        Self {
            any,
            protocol: PhantomData,
        }
    }

    /// The same address without its protocol.
    pub fn any(&self) -> AnyPid {
        self.any.clone()
    }

    /// The same address without its protocol, borrowed.
    pub fn as_any(&self) -> &AnyPid {
        &self.any
    }

    /// The actor's name, unique on its node.
    pub fn name(&self) -> &str {
        self.any.name()
    }

    /// The address of the node it lives on.
    pub fn address(&self) -> SocketAddr {
        self.any.address
    }

    /// Which life of the name is meant; [`ANY_INCARNATION`] means whichever is there.
    pub fn incarnation(&self) -> u64 {
        self.any.incarnation
    }
}

impl<P> From<Pid<P>> for AnyPid {
    fn from(pid: Pid<P>) -> Self {
        pid.any
    }
}

impl<P> From<&Pid<P>> for AnyPid {
    fn from(pid: &Pid<P>) -> Self {
        pid.any.clone()
    }
}

impl From<&AnyPid> for AnyPid {
    fn from(pid: &AnyPid) -> Self {
        pid.clone()
    }
}

// Derives would ask the same of `P`, which is only a name.

impl<P> Clone for Pid<P> {
    fn clone(&self) -> Self {
        Self::from_any(self.any.clone())
    }
}

impl<P> PartialEq for Pid<P> {
    fn eq(&self, other: &Self) -> bool {
        self.any == other.any
    }
}

impl<P> Eq for Pid<P> {}

impl<P> PartialOrd for Pid<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Ord for Pid<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.any.cmp(&other.any)
    }
}

impl<P> Hash for Pid<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.any.hash(state);
    }
}

impl<P> fmt::Display for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}

impl<P> fmt::Debug for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.any, f)
    }
}

impl<P> Serialize for Pid<P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.any.serialize(serializer)
    }
}

impl<'de, P> Deserialize<'de> for Pid<P> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnyPid::deserialize(deserializer).map(Self::from_any)
    }
}
