//! Whom a tap means.

use std::net::SocketAddr;

use crate::node::Node;
use crate::pid::{ANY_INCARNATION, AnyPid, Pid};

/// One side of the messages that a tap looks at: an actor, a name on whatever node, a node, or anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// Everything.
    Any,
    /// What has this address, as a sender also if it is no actor.
    Node(SocketAddr),
    /// The actors of this name, on all nodes.
    Name(String),
    /// The actor that this pid means.
    Actor(AnyPid),
}

/// Anything at all: one side of what a tap looks at.
pub const ANY: Party = Party::Any;

impl Party {
    /// Whether it means `actor`, or what is no actor on the node at `address`.
    pub(super) fn means(&self, actor: Option<&AnyPid>, address: Option<SocketAddr>) -> bool {
        match self {
            Party::Any => true,
            Party::Node(node) => address == Some(*node),
            Party::Name(name) => actor.is_some_and(|actor| actor.name() == name),
            Party::Actor(pid) => actor.is_some_and(|actor| {
                let life = pid.incarnation();
                pid.name() == actor.name()
                    && pid.address() == actor.address()
                    && (life == ANY_INCARNATION || life == actor.incarnation())
            }),
        }
    }
}

impl From<&Node> for Party {
    fn from(node: &Node) -> Self {
        Party::Node(node.address())
    }
}

impl From<SocketAddr> for Party {
    fn from(address: SocketAddr) -> Self {
        Party::Node(address)
    }
}

impl From<&str> for Party {
    fn from(name: &str) -> Self {
        Party::Name(name.to_owned())
    }
}

impl From<&AnyPid> for Party {
    fn from(pid: &AnyPid) -> Self {
        Party::Actor(pid.clone())
    }
}

impl<P> From<&Pid<P>> for Party {
    fn from(pid: &Pid<P>) -> Self {
        Party::Actor(pid.any())
    }
}
