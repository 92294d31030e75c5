//! The actor that others ask what a node is doing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::cluster::{ClusterView, NodeSight};
use super::limits::{ACTORS, AT_ONCE, NODES, PATIENCE};
use super::readiness::Readiness;
use super::view::{LinkView, NodeView};
use crate::error::{AskError, ExitReason, SpawnError};
use crate::node::Node;
use crate::pid::Pid;
use crate::prelude::{Actor, Context, Handler, MessageResult, Process, ResponseFuture};
use crate::protocol;

/// The name under which a node's observer is found.
pub const OBSERVER: &str = "libprocess.observer";

/// Asks for the view of one node.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Look;

/// Asks for the views of a node and of all that it is linked to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LookAround {
    /// How long the other nodes may take, in milliseconds; at most [`PATIENCE`](super::limits::PATIENCE).
    pub patience_millis: u32,
    /// Nodes that are not to be looked at (again). Since version 2.
    pub seen: Vec<SocketAddr>,
}

protocol! {
    /// What an observer answers. Anybody who may send it learns the names of all actors: allow it to the
    /// roles of operators and of the nodes that show whole clusters.
    pub ObserverProtocol = "libprocess.observer" version 2 {
        1 => Look -> NodeView,
        2 => LookAround -> ClusterView,
    }
}

/// Answers what its node is doing. It has a thread of its own, so that it answers also while all others
/// are held up.
pub struct Observer {
    readiness: Readiness,
}

impl Observer {
    /// Starts the observer of `node`. Who may ask it is for the node's allow-list to say.
    ///
    /// # Errors
    /// If the node has one, or is shutting down.
    pub fn start(node: &Node, readiness: &Readiness) -> Result<Pid<ObserverProtocol>, SpawnError> {
        let readiness = readiness.clone();
        let observer = node.process(OBSERVER).mailbox(MAILBOX).own_thread();
        observer.spawn(move |_| Observer { readiness })
    }
}

/// Those who look are few; what is more is a flood.
const MAILBOX: usize = 256;

impl Actor for Observer {
    type Context = Context<Self>;
}

impl Process for Observer {
    type Protocol = ObserverProtocol;
}

impl Handler<Look> for Observer {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(self.readiness.seen_on(ctx.node().view()))
    }
}

impl Handler<LookAround> for Observer {
    type Result = ResponseFuture<ClusterView>;

    fn handle(&mut self, look: LookAround, ctx: &mut Context<Self>) -> Self::Result {
        let patience = Duration::from_millis(look.patience_millis.into());
        let left = |deadline: Instant| deadline.saturating_duration_since(ctx.now());
        // Done a little earlier than the asker gives up.
        let patience = ctx
            .deadline()
            .map_or(patience, |deadline| patience.min(left(deadline) * 9 / 10));
        let (node, readiness) = (ctx.node(), self.readiness.clone());
        Box::pin(async move { survey(&node, &readiness, patience, &look.seen).await })
    }
}

/// Looks at `node` and asks the observers of all nodes that it is linked to, for at most `patience` all together.
/// Those that do not answer are shown with the reason, those that were `seen` already are left out.
pub async fn survey(
    node: &Node,
    readiness: &Readiness,
    patience: Duration,
    seen: &[SocketAddr],
) -> ClusterView {
    let until = Instant::now() + patience.min(PATIENCE);
    let seen: BTreeSet<&SocketAddr> = seen.iter().collect();
    let mut own = readiness.seen_on(node.view());
    let is_new = |link: &&LinkView| !seen.contains(&link.address);
    let mut asked: Vec<LinkView> = own.links.iter().filter(is_new).cloned().collect();
    let left_out = asked.len().saturating_sub(NODES);
    asked.truncate(NODES);
    let asked = Arc::<[LinkView]>::from(asked);
    let share = ACTORS / (asked.len() + 1);
    own.keep_busiest(share);
    let sights = stream::iter(0..asked.len()).map(|at| {
        let (asked, node) = (asked.clone(), node.clone());
        async move {
            let left = until.saturating_duration_since(Instant::now());
            look_at(&node, &asked[at], left, share).await
        }
    });
    let mut nodes = Vec::new();
    if !seen.contains(&own.address) {
        nodes.push(NodeSight {
            address: own.address,
            peer: None,
            view: Some(own),
            unseen: None,
        });
    }
    let mut sights = sights.buffered(AT_ONCE);
    while let Some(sight) = sights.next().await {
        nodes.push(sight);
    }
    ClusterView::of(nodes, left_out)
}

async fn look_at(node: &Node, link: &LinkView, patience: Duration, share: usize) -> NodeSight {
    let observer = Pid::<ObserverProtocol>::named(OBSERVER, link.address);
    let answer = node.ask(&observer, Look, patience).await;
    let (view, unseen) = match answer {
        Ok(mut view) => {
            view.keep_busiest(share);
            (Some(view), None)
        }
        Err(AskError::Exited(ExitReason::NoProcess)) => {
            (None, Some("it has no observer".to_owned()))
        }
        Err(error) => (None, Some(error.to_string())),
    };
    NodeSight {
        address: link.address,
        peer: link.peer.clone(),
        view,
        unseen,
    }
}
