//! Taking a snapshot of a node.

use std::cmp::Reverse;

use super::limits::{LINKS, PROCESSES};
use super::view::{LinkView, NodeView, ProcessView, Standing};
use crate::link::LinkInfo;
use crate::node::Node;

impl Node {
    /// A snapshot of this node: its actors, their mailboxes, its links.
    ///
    /// Counters are read one after the other, while the node runs on: they need not fit each other exactly.
    pub fn view(&self) -> NodeView {
        let slots = self.slots();
        let alive = slots.len();
        let processes = slots.iter().map(|slot| slot.view()).collect();
        let mut links: Vec<LinkView> = self.links().into_iter().map(LinkView::from).collect();
        links.truncate(LINKS);
        let mut view = NodeView {
            address: self.address(),
            incarnation: self.incarnation(),
            standing: Standing::Unknown,
            alive,
            undelivered: self.undelivered(),
            refused: self.refused(),
            processes,
            links,
        };
        view.keep_busiest(PROCESSES);
        view
    }
}

impl NodeView {
    /// Keeps at most `limit` of the actors: those with the most to do.
    pub(super) fn keep_busiest(&mut self, limit: usize) {
        if self.processes.len() > limit {
            let most_to_do = |process: &ProcessView| Reverse((process.depth, process.handled));
            self.processes.sort_by_key(most_to_do);
            self.processes.truncate(limit);
            self.processes
                .sort_by(|a, b| a.pid.name().cmp(b.pid.name()));
        }
    }
}

impl From<LinkInfo> for LinkView {
    fn from(info: LinkInfo) -> Self {
        let up = info.peer.is_some();
        let traffic = info.traffic.unwrap_or_default();
        // The last ping's; before the first the transport's estimate.
        let rtt = info.round_trip.unwrap_or(traffic.rtt);
        let rtt = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
        Self {
            address: info.address,
            peer: info.peer,
            rtt_micros: up.then_some(rtt),
            bytes_out: traffic.bytes_out,
            bytes_in: traffic.bytes_in,
            messages_out: info.messages_out,
            messages_in: info.messages_in,
            dropped: info.dropped,
            lost_packets: traffic.lost_packets,
            waiting: info.waiting,
            asks: info.asks,
        }
    }
}
