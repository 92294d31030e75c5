//! What can be seen of a node at one moment.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::pid::AnyPid;
use crate::tls::PeerIdentity;

/// A snapshot of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// The address that its pids carry.
    pub address: SocketAddr,
    /// Which life of the node this is.
    pub incarnation: u64,
    /// Whether it takes work.
    pub standing: Standing,
    /// Actors alive, also those that are not listed.
    pub alive: usize,
    /// Messages that found no actor, since the start.
    pub undelivered: u64,
    /// Messages that peers were not allowed to send, since the start.
    pub refused: u64,
    /// The actors, by name: if there are more than [`PROCESSES`](super::limits::PROCESSES), those with the most to do.
    pub processes: Vec<ProcessView>,
    /// The links to other nodes, by address; at most [`LINKS`](super::limits::LINKS).
    pub links: Vec<LinkView>,
}

/// Whether a node takes work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nobody said; nodes that are no daemons.
    #[default]
    Unknown,
    /// Not yet.
    Starting,
    /// It does.
    Ready,
    /// It runs, but something that it needs does not.
    Unfit,
    /// Not any more.
    Draining,
}

/// A snapshot of one actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    /// Its address.
    pub pid: AnyPid,
    /// The name of its protocol.
    pub protocol: String,
    /// Who supervises it.
    pub parent: Option<AnyPid>,
    /// Deliveries waiting in its mailbox.
    pub depth: usize,
    /// Messages from its own node that may wait there.
    pub capacity: usize,
    /// Messages handled since its start.
    pub handled: u64,
    /// Messages from its own node that were dropped because its mailbox was full.
    pub dropped: u64,
    /// Time spent running it, in microseconds.
    pub busy_micros: u64,
    /// How often it was built anew by its supervisor.
    pub restarts: u64,
    /// It waits for a future (`ctx.wait`) and handles nothing meanwhile.
    pub blocked: bool,
    /// Asks of it that have no answer yet, the oldest first; at most [`ASKS`](super::limits::ASKS).
    pub asks: Vec<AskView>,
}

/// An ask without an answer yet, as seen by who was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskView {
    /// Who asked; none if it was no actor.
    pub from: Option<AnyPid>,
    /// The message.
    pub message: String,
    /// Its handler has begun; else it waits in the mailbox.
    pub begun: bool,
    /// How long the asker still waits, in milliseconds.
    pub left_millis: u64,
}

/// A snapshot of one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// The other node.
    pub address: SocketAddr,
    /// Its identity, once the link is up.
    pub peer: Option<PeerIdentity>,
    /// The estimated duration of a round trip in microseconds, once the link is up.
    pub rtt_micros: Option<u64>,
    /// Bytes that went out, all told: what the network carried, not only messages.
    pub bytes_out: u64,
    /// Bytes that came in, likewise.
    pub bytes_in: u64,
    /// Messages that went out.
    pub messages_out: u64,
    /// Messages that came in.
    pub messages_in: u64,
    /// Messages that came in and found no actor, or were refused.
    pub dropped: u64,
    /// Packets that were lost and sent again.
    pub lost_packets: u64,
    /// Bytes that wait to be sent.
    pub waiting: usize,
    /// Asks there that are not answered yet.
    pub asks: usize,
}
