//! The actor that knows who leads.
//!
//! While its group cannot be reached it stays with what it knew: a leader that cannot reach the group either steps
//! down by itself, and nobody gains from forgetting one that can.

use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Leader;
use super::group::{Group, GroupError, Session, Waits};

/// Looked at so often even if nobody tells of a change: a watch that was lost must not blind it for good.
const LOOK_EVERY: Duration = Duration::from_secs(60);

protocol! {
    /// Nobody speaks to a detector: it says who leads on a channel.
    pub local DetectorProtocol = "mesos.detector" {}
}

/// See the module's documentation.
pub(super) struct Detector {
    pub(super) group: Arc<dyn Group>,
    pub(super) leader: watch::Sender<Option<Leader>>,
    /// Why nobody is known, if something is wrong.
    pub(super) problem: watch::Sender<Option<GroupError>>,
}

impl Actor for Detector {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let chance = StdRng::seed_from_u64(ctx.random().random());
        let detection = Detection {
            group: self.group.clone(),
            leader: self.leader.clone(),
            problem: self.problem.clone(),
        };
        ctx.spawn(detection.run(chance).into_actor(self));
    }
}

impl Process for Detector {
    type Protocol = DetectorProtocol;
}

struct Detection {
    group: Arc<dyn Group>,
    leader: watch::Sender<Option<Leader>>,
    problem: watch::Sender<Option<GroupError>>,
}

impl Detection {
    async fn run(self, mut chance: StdRng) {
        let mut waits = Waits::new();
        loop {
            let error = match self.group.connect().await {
                Ok(session) => self.in_session(session.as_ref(), &mut waits).await,
                Err(error) => error,
            };
            // The first one is said aloud, the others only repeat it.
            if self.problem.borrow().is_none() {
                tracing::warn!("cannot see who leads: {error}; trying again");
            }
            self.problem.send_replace(Some(error));
            sleep(waits.next(chance.random())).await;
        }
    }

    /// Follows the first member until the session ends; answers why it did.
    async fn in_session(&self, session: &dyn Session, waits: &mut Waits) -> GroupError {
        loop {
            let look = match timeout(session.timeout(), session.look()).await {
                Ok(Ok(look)) => look,
                Ok(Err(error)) => return error,
                Err(_) => return self.unreachable(),
            };
            *waits = Waits::new();
            self.problem
                .send_if_modified(|problem| problem.take().is_some());
            let leader = look.first.and_then(|(_, data)| self.understood(&data));
            self.leader.send_if_modified(|known| {
                let changed = *known != leader;
                if changed {
                    let address = leader.as_ref().map(|leader| leader.address.to_string());
                    tracing::info!(leader = address.as_deref().unwrap_or("nobody"), "detected");
                }
                *known = leader;
                changed
            });
            tokio::select! {
                biased;
                () = session.ended() => return GroupError::Over(self.group.name()),
                () = look.changed => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn understood(&self, data: &[u8]) -> Option<Leader> {
        let leader = Leader::from_json(data);
        if let Err(why) = &leader {
            tracing::warn!(
                group = self.group.name(),
                "the first member is no master: {why}"
            );
        }
        leader.ok()
    }

    fn unreachable(&self) -> GroupError {
        GroupError::Unreachable {
            group: self.group.name(),
            reason: "it does not answer".to_owned(),
        }
    }
}
