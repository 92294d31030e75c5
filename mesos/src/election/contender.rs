//! The actor that contends for a master.
//!
//! ```text
//!   connect ─▶ join ─▶ first? ──no──▶ wait for a change ─┐
//!      ▲                ▲ │yes                            │
//!      │                │ ▼                               │
//!      │             Leading ── confirmed every lease/3 ──┤
//!      │                │                                 │
//!      │                └ lease over, session over ─▶ Lost, for good
//!      └──────────── session over while contending ───────┘
//! ```
//!
//! Whoever leads does so on a *lease*: half a session timeout from the moment at which the last confirmation
//! was asked for. So it has stepped down before its group can give the leadership to somebody else, and knows so
//! without hearing from anybody: after a pause of the whole process, too, before it does anything else for long.
//! The client of a group learns of the end of its session later than others learn of it.

use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::group::{Group, GroupError, Look, Membership, Session, Waits};
use super::{Leadership, Term};

/// A session's timeout is so many leases. Two leave room for what a server that follows another one tells late
/// of its clients (a tick), and for confirmations that are under way.
const LEASES: u32 = 2;

/// Confirmations asked for in one lease: one may be lost.
const CONFIRMATIONS: u32 = 3;

/// A master that ends waits no longer for its group to notice.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);

protocol! {
    /// Nobody speaks to a contender: it says where it stands on a channel.
    pub local ContenderProtocol = "mesos.contender" {}
}

/// See the module's documentation.
pub(super) struct Contender {
    attempt: Option<Attempt>,
}

/// What one candidacy is made of.
pub(super) struct Attempt {
    pub(super) group: Arc<dyn Group>,
    /// What others are to see.
    pub(super) data: Vec<u8>,
    pub(super) standing: watch::Sender<Leadership>,
    /// Closed when the candidacy is withdrawn.
    pub(super) withdrawn: oneshot::Receiver<()>,
}

impl Contender {
    pub(super) fn new(attempt: Attempt) -> Contender {
        Contender {
            attempt: Some(attempt),
        }
    }
}

impl Actor for Contender {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        let chance = StdRng::seed_from_u64(ctx.random().random());
        let contending = attempt.run(chance);
        ctx.spawn(contending.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

impl Process for Contender {
    type Protocol = ContenderProtocol;
}

/// How a session ended.
enum End {
    /// The candidacy was withdrawn.
    Withdrawn,
    /// It led, and does so no more.
    Lost,
    /// It did not lead; a new session may.
    Over(GroupError),
}

impl Attempt {
    async fn run(mut self, mut chance: StdRng) {
        let mut waits = Waits::new();
        loop {
            let connected = tokio::select! {
                biased;
                _ = &mut self.withdrawn => return,
                connected = self.group.connect() => connected,
            };
            let end = match connected {
                Ok(session) => self.in_session(session.as_ref(), &mut waits).await,
                Err(error) => End::Over(error),
            };
            match end {
                End::Withdrawn => return,
                End::Lost => {
                    tracing::warn!(group = self.group.name(), "the leadership is lost");
                    self.standing.send_replace(Leadership::Lost);
                    return;
                }
                End::Over(error) => tracing::warn!("not contending: {error}; trying again"),
            }
            tokio::select! {
                biased;
                _ = &mut self.withdrawn => return,
                () = sleep(waits.next(chance.random())) => {}
            }
        }
    }

    async fn in_session(&mut self, session: &dyn Session, waits: &mut Waits) -> End {
        let lease = session.timeout() / LEASES;
        let mut confirmed = Instant::now();
        let joined = timeout(session.timeout(), session.join(self.data.clone()));
        let member = match joined.await {
            Ok(Ok(member)) => member,
            Ok(Err(error)) => return End::Over(error),
            Err(_) => return End::Over(self.silent()),
        };
        *waits = Waits::new();
        tracing::info!(node = &*member.node, "contending");
        loop {
            // How long what is known may be relied upon; who does not lead relies upon nothing.
            let until = match self.leads() {
                true => confirmed + lease,
                false => Instant::now() + session.timeout(),
            };
            let asked = Instant::now();
            let step = tokio::select! {
                biased;
                _ = &mut self.withdrawn => return self.leave(session, &member).await,
                () = session.ended() => Err(GroupError::Over(self.group.name())),
                step = timeout_at(until, confirm_and_look(session, &member)) => {
                    step.unwrap_or_else(|_| Err(self.silent()))
                }
            };
            let look = match step {
                Ok(look) => look,
                Err(_) if self.leads() => return End::Lost,
                Err(error) => return End::Over(error),
            };
            confirmed = asked;
            let first = look.first.as_ref().map(|(sequence, _)| *sequence);
            if first == Some(member.sequence) && !self.leads() {
                tracing::info!(node = &*member.node, "elected");
                let term = Term {
                    node: Some(member.node.clone()),
                };
                self.standing.send_replace(Leadership::Leading(term));
            }
            tokio::select! {
                biased;
                _ = &mut self.withdrawn => return self.leave(session, &member).await,
                () = session.ended() => {}
                () = look.changed => {}
                () = sleep_until(confirmed + lease / CONFIRMATIONS) => {}
            }
        }
    }

    /// Lets the next one lead without a wait.
    async fn leave(&self, session: &dyn Session, member: &Membership) -> End {
        self.standing.send_replace(Leadership::Lost);
        // The session's end, which follows, does the same, only later.
        let _ = timeout(LEAVE_WITHIN, session.leave(member)).await;
        End::Withdrawn
    }

    fn leads(&self) -> bool {
        matches!(*self.standing.borrow(), Leadership::Leading(_))
    }

    fn silent(&self) -> GroupError {
        GroupError::Unreachable {
            group: self.group.name(),
            reason: "it does not answer".to_owned(),
        }
    }
}

async fn confirm_and_look(session: &dyn Session, member: &Membership) -> Result<Look, GroupError> {
    session.confirm(member).await?;
    session.look().await
}
