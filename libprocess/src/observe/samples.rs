//! Views for tests.

use std::sync::Arc;

use super::{AskView, LinkView, NodeView, ProcessView, Standing};
use crate::pid::AnyPid;
use crate::tls::PeerIdentity;

pub(crate) fn pid(name: &str, address: &str) -> AnyPid {
    AnyPid::new(Arc::from(name), address.parse().unwrap(), 1)
}

pub(crate) fn node(address: &str, actors: &[&str]) -> NodeView {
    let process = |name: &&str| ProcessView {
        pid: pid(name, address),
        protocol: "p".to_owned(),
        parent: None,
        depth: 0,
        capacity: 16,
        handled: 0,
        dropped: 0,
        busy_micros: 0,
        restarts: 0,
        blocked: false,
        asks: Vec::new(),
    };
    NodeView {
        address: address.parse().unwrap(),
        incarnation: 1,
        standing: Standing::Ready,
        alive: actors.len(),
        undelivered: 0,
        refused: 0,
        processes: actors.iter().map(process).collect(),
        links: Vec::new(),
    }
}

pub(crate) fn link(address: &str) -> LinkView {
    LinkView {
        address: address.parse().unwrap(),
        peer: Some(PeerIdentity::new("agent", "x")),
        rtt_micros: Some(250),
        bytes_out: 2_000_000,
        bytes_in: 1_000,
        messages_out: 30,
        messages_in: 20,
        dropped: 1,
        lost_packets: 0,
        waiting: 0,
        asks: 0,
    }
}

pub(crate) fn ask(from: AnyPid, begun: bool) -> AskView {
    AskView {
        from: Some(from),
        message: "Add".to_owned(),
        begun,
        left_millis: 4200,
    }
}
