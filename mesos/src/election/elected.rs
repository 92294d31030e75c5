//! Elections among the members of a group, by two actors: [`Contender`](super::contender) and
//! [`Detector`](super::detector).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libprocess::prelude::*;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::contender::{Attempt, Contender};
use super::detector::{Detector, DetectorProtocol};
use super::group::{Group, GroupError};
use super::{Candidacy, Election, Leader, Leadership};

/// The election of a group, by actors on a node.
pub struct Elected {
    node: Node,
    group: Arc<dyn Group>,
    /// Candidacies so far, for the names of their actors.
    candidacies: AtomicU64,
    leader: watch::Sender<Option<Leader>>,
    problem: watch::Sender<Option<GroupError>>,
    /// Started with the first who asks; it lives as long as the node.
    detector: Mutex<Option<Pid<DetectorProtocol>>>,
}

/// Nobody leads that could be spoken to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLeader {
    /// The group has no member.
    #[error("no master leads at {0}; start one with --zk={0}")]
    Nobody(String),
    /// The group does not say.
    #[error(transparent)]
    Unknown(#[from] GroupError),
}

impl Elected {
    /// By actors on `node`.
    pub fn new(node: &Node, group: Arc<dyn Group>) -> Elected {
        Elected {
            node: node.clone(),
            group,
            candidacies: AtomicU64::new(0),
            leader: watch::Sender::new(None),
            problem: watch::Sender::new(None),
            detector: Mutex::new(None),
        }
    }

    /// Waits for a leader.
    ///
    /// # Errors
    /// None is known within `patience`, with the reason.
    pub async fn leader(&self, patience: Duration) -> Result<Leader, NoLeader> {
        let mut detected = self.detect();
        let known = timeout(patience, detected.wait_for(Option::is_some)).await;
        let leader = known.ok().and_then(|known| known.ok()?.clone());
        leader.ok_or_else(|| match self.problem.borrow().clone() {
            Some(problem) => NoLeader::Unknown(problem),
            None => NoLeader::Nobody(self.group.name()),
        })
    }

    fn start_detector(&self) {
        let mut detector = self.detector.lock().unwrap_or_else(PoisonError::into_inner);
        if detector.is_some() {
            return;
        }
        let (group, leader, problem) = (
            self.group.clone(),
            self.leader.clone(),
            self.problem.clone(),
        );
        let spawned = self.node.spawn("detector", move |_| Detector {
            group,
            leader,
            problem,
        });
        match spawned {
            Ok(pid) => *detector = Some(pid),
            // Only when the node is going down.
            Err(error) => tracing::warn!(%error, "nobody detects who leads"),
        }
    }
}

impl Election for Elected {
    fn contend(&self, me: Leader) -> Candidacy {
        let (standing, leadership) = watch::channel(Leadership::Contending);
        let (withdraw, withdrawn) = oneshot::channel();
        let attempt = Attempt {
            group: self.group.clone(),
            data: me.to_json(),
            standing: standing.clone(),
            withdrawn,
        };
        let number = self.candidacies.fetch_add(1, Ordering::Relaxed);
        let name = format!("contender({number})");
        match self.node.spawn(name, move |_| Contender::new(attempt)) {
            Ok(contender) => {
                let ended = self.node.monitor(&contender);
                let ended = async move {
                    ended.await;
                };
                Candidacy::new(leadership, move || drop(withdraw)).ending(ended)
            }
            // Only when the node is going down.
            Err(error) => {
                tracing::warn!(%error, "not contending");
                standing.send_replace(Leadership::Lost);
                Candidacy::new(leadership, || {})
            }
        }
    }

    fn detect(&self) -> watch::Receiver<Option<Leader>> {
        self.start_detector();
        self.leader.subscribe()
    }
}
