//! What brokers say to each other, and to those who listen.

use std::net::SocketAddr;

use actix::Message;
use serde::{Deserialize, Serialize};

use crate::pid::AnyPid;
use crate::protocol;

/// Somebody joined or left a group.
///
/// A protocol lists it, as `n => GroupEvent`, if its actor is to be told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEvent {
    /// The group.
    pub group: String,
    /// Who.
    pub member: AnyPid,
    /// What it did.
    pub change: GroupChange,
}

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupChange {
    /// It is a member now.
    Joined,
    /// It is no member any more, or it cannot be reached.
    Left,
}

impl Message for GroupEvent {
    type Result = ();
}

protocol! {
    /// Between brokers. Whoever may send it can make others believe in members on its own node.
    pub GroupsProtocol = "libprocess.groups" {
        1 => Sync -> (),
        2 => Change -> (),
        3 => Resync -> (),
        4 => Wake -> (),
    }
}

/// All members on the sender's node, and whom it knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sync {
    /// The number of changes so far.
    pub(super) version: u64,
    pub(super) members: Vec<Entry>,
    pub(super) peers: Vec<SocketAddr>,
    /// The receiver is asked for the same.
    pub(super) answer: bool,
}

/// One change on the sender's node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Its number.
    pub(super) version: u64,
    pub(super) entry: Entry,
    pub(super) joined: bool,
}

/// The sender missed something, and asks for everything.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Resync;

/// Something changed in the roster. Only of use on the own node.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Wake;

/// A member on the sender's node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) incarnation: u64,
    pub(super) protocol: String,
}

#[cfg(test)]
pub(crate) mod examples {
    use super::{Change, Entry, Sync};

    fn entry() -> Entry {
        Entry {
            group: "lobby".into(),
            name: "guest".into(),
            incarnation: 300,
            protocol: "chat".into(),
        }
    }

    pub(crate) fn sync() -> Sync {
        Sync {
            version: 2,
            members: vec![entry()],
            peers: vec!["10.0.0.3:5050".parse().unwrap()],
            answer: true,
        }
    }

    pub(crate) fn change() -> Change {
        Change {
            version: 3,
            entry: entry(),
            joined: true,
        }
    }
}
