//! What can be seen of a cluster: the views of its nodes, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::cycles::{Cycle, cycles};
use super::view::{NodeView, ProcessView};
use crate::pid::AnyPid;
use crate::tls::PeerIdentity;

/// One node and those that it is linked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// The node that looked around, first; then the others by address.
    pub nodes: Vec<NodeSight>,
    /// Linked nodes that were not asked, because there are too many.
    pub left_out: usize,
    /// Who waits for whom, on all these nodes.
    pub waits: Vec<Wait>,
    /// The circles among them.
    pub cycles: Vec<Cycle>,
}

/// What was seen of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSight {
    /// Its address.
    pub address: SocketAddr,
    /// Its identity; none if it is the node that looks.
    pub peer: Option<PeerIdentity>,
    /// What it says of itself.
    pub view: Option<NodeView>,
    /// Why it says nothing.
    pub unseen: Option<String>,
}

/// One actor waits for an answer of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wait {
    /// `name@address` of who waits.
    pub from: String,
    /// `name@address` of who is to answer.
    pub to: String,
    /// What was asked.
    pub message: String,
    /// The handler has begun; else the message waits in the mailbox.
    pub begun: bool,
    /// Who waits handles nothing else meanwhile.
    pub blocked: bool,
    /// How long it still waits, in milliseconds.
    pub left_millis: u64,
}

impl ClusterView {
    /// Puts together what was seen.
    pub fn of(nodes: Vec<NodeSight>, left_out: usize) -> Self {
        let waits = waits(nodes.iter().filter_map(|node| node.view.as_ref()));
        Self {
            cycles: cycles(&waits),
            waits,
            nodes,
            left_out,
        }
    }
}

/// Who waits for whom, across nodes: read off the asks that the asked actors have yet to answer.
pub fn waits<'a>(views: impl Iterator<Item = &'a NodeView> + Clone) -> Vec<Wait> {
    let processes = || views.clone().flat_map(|view| &view.processes);
    let blocked: BTreeSet<String> = processes()
        .filter(|process| process.blocked)
        .map(|process| process.pid.to_string())
        .collect();
    let mut waits = BTreeSet::new();
    for process in processes() {
        for ask in &process.asks {
            let Some(from) = &ask.from else { continue };
            let from = from.to_string();
            waits.insert(Wait {
                blocked: blocked.contains(&from),
                from,
                to: process.pid.to_string(),
                message: ask.message.clone(),
                begun: ask.begun,
                left_millis: ask.left_millis,
            });
        }
    }
    waits.into_iter().collect()
}

/// The actors of a node as a tree: each with its depth in it, parents before their children, by name.
/// Those whose parent is not listed (any more) stand at the top.
pub fn tree(view: &NodeView) -> Vec<(usize, &ProcessView)> {
    let listed: BTreeSet<&AnyPid> = view.processes.iter().map(|process| &process.pid).collect();
    let mut children: BTreeMap<Option<&AnyPid>, Vec<&ProcessView>> = BTreeMap::new();
    for process in &view.processes {
        let parent = process
            .parent
            .as_ref()
            .filter(|parent| listed.contains(parent));
        children.entry(parent).or_default().push(process);
    }
    for siblings in children.values_mut() {
        siblings.sort_by(|a, b| b.pid.name().cmp(a.pid.name()));
    }
    let mut lines = Vec::new();
    let mut stack: Vec<(usize, &ProcessView)> = Vec::new();
    let roots = children.remove(&None).unwrap_or_default();
    stack.extend(roots.into_iter().map(|root| (0, root)));
    while let Some((depth, process)) = stack.pop() {
        lines.push((depth, process));
        let below = children.remove(&Some(&process.pid)).unwrap_or_default();
        stack.extend(below.into_iter().map(|child| (depth + 1, child)));
    }
    lines
}
