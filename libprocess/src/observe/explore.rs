//! A whole cluster, from outside: its nodes ask those that they are linked to, further and further.
//!
//! ```text
//!   who looks ──LookAround──▶ start ──Look──▶ its neighbours
//!       │ ────LookAround────▶ those of them that have neighbours not seen yet ──Look──▶ these
//!       ▼
//!   ClusterView: each node once
//! ```
//!
//! So a node need not let everybody look, nor be reachable from everywhere: those that it is linked to may ask it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::cluster::{ClusterView, NodeSight};
use super::limits::{AT_ONCE, NODES};
use super::observer::{LookAround, OBSERVER, ObserverProtocol};
use crate::error::AskError;
use crate::node::Node;
use crate::pid::Pid;

/// How much longer an answer may take than looking around does.
const WAY: Duration = Duration::from_secs(1);

/// Looks from `node` at the node at `start`, at all that it is linked to, at all that those are linked to, and so on:
/// nearer ones first, at most [`NODES`](super::limits::NODES). `node` itself is left out. Each step takes at most
/// `patience` and a little, however many nodes do not answer: those are shown with the reason.
///
/// # Errors
/// If the observer at `start` does not answer.
pub async fn explore(
    node: &Node,
    start: SocketAddr,
    patience: Duration,
) -> Result<ClusterView, AskError> {
    let mut explored = Explored::new(node.address());
    let first = look_around(node, start, patience, explored.seen()).await?;
    explored.add(start, first);
    loop {
        let frontier = explored.frontier();
        if frontier.is_empty() {
            return Ok(explored.into_view());
        }
        let seen = explored.seen();
        let looks = frontier.into_iter().map(|at| {
            let seen = seen.clone();
            async move { (at, look_around(node, at, patience, seen).await) }
        });
        let mut answers = stream::iter(looks).buffered(AT_ONCE);
        while let Some((at, answer)) = answers.next().await {
            // One that others see, but that does not answer here, has neighbours nobody knows more of.
            if let Ok(view) = answer {
                explored.add(at, view);
            }
        }
    }
}

async fn look_around(
    node: &Node,
    at: SocketAddr,
    patience: Duration,
    seen: Vec<SocketAddr>,
) -> Result<ClusterView, AskError> {
    let observer = Pid::<ObserverProtocol>::named(OBSERVER, at);
    let patience_millis = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    let look = LookAround {
        patience_millis,
        seen,
    };
    node.ask(&observer, look, patience + WAY).await
}

/// What is known of a cluster so far.
struct Explored {
    /// Who looks.
    own: SocketAddr,
    /// In the order in which they were found.
    nodes: Vec<NodeSight>,
    /// Where each is in `nodes`.
    places: BTreeMap<SocketAddr, usize>,
    /// Those that were asked to look around.
    asked: BTreeSet<SocketAddr>,
}

impl Explored {
    fn new(own: SocketAddr) -> Self {
        Self {
            own,
            nodes: Vec::new(),
            places: BTreeMap::new(),
            asked: BTreeSet::new(),
        }
    }

    /// What nobody needs to look at again.
    fn seen(&self) -> Vec<SocketAddr> {
        let seen = self.nodes.iter().filter(|node| node.view.is_some());
        let own = std::iter::once(self.own);
        own.chain(seen.map(|node| node.address)).collect()
    }

    /// Adds what the node at `asked` saw.
    fn add(&mut self, asked: SocketAddr, view: ClusterView) {
        self.asked.insert(asked);
        for mut sight in view.nodes {
            if sight.address == self.own {
                continue;
            }
            if let Some(view) = &mut sight.view {
                view.links.retain(|link| link.address != self.own);
            }
            match self.places.get(&sight.address) {
                // One may see what another does not.
                Some(at) if self.nodes[*at].view.is_none() => self.nodes[*at] = sight,
                Some(_) => {}
                None if self.nodes.len() < NODES => {
                    self.places.insert(sight.address, self.nodes.len());
                    self.nodes.push(sight);
                }
                None => {}
            }
        }
    }

    /// All links that were seen: from where, to where.
    fn links(&self) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        let views = self.nodes.iter().filter_map(|node| node.view.as_ref());
        views.flat_map(|view| view.links.iter().map(|link| (view.address, link.address)))
    }

    /// Whom to ask next: who is linked to somebody whom nobody has seen yet, or could see; each node once.
    fn frontier(&mut self) -> Vec<SocketAddr> {
        if self.nodes.len() >= NODES {
            return Vec::new();
        }
        let seen: BTreeSet<_> = self.seen().into_iter().collect();
        let unseen = self.links().filter(|(_, to)| !seen.contains(to));
        let linked: BTreeSet<_> = unseen.map(|(from, _)| from).collect();
        let frontier: Vec<_> = linked.difference(&self.asked).copied().collect();
        self.asked.extend(&frontier);
        frontier
    }

    fn into_view(self) -> ClusterView {
        let ends = self.links().map(|(_, to)| to);
        let left_out: BTreeSet<_> = ends.filter(|to| !self.places.contains_key(to)).collect();
        let left_out = left_out.len();
        ClusterView::of(self.nodes, left_out)
    }
}
