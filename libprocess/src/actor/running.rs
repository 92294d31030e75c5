//! The loop of an actor: what actix's context does, without its channel, and with a bounded turn.

use std::task::{self, Poll};

use actix::{ActorState, AsyncContext, Running as Verdict};
use tokio::time::Instant;

use super::Context;
use super::drain::drain;
use crate::protocol::Process;

/// An actor and its context, as one future: it ends when the actor stops.
pub(super) struct Running<A: Process> {
    actor: A,
    ctx: Context<A>,
    started: bool,
}

impl<A: Process> Running<A> {
    pub(super) fn new(actor: A, ctx: Context<A>) -> Self {
        Self {
            actor,
            ctx,
            started: false,
        }
    }

    /// Drops it piece by piece, calling `drop_one` for each: every one of them may panic.
    pub(super) fn take_down(self, drop_one: impl Fn(&mut dyn FnMut())) {
        let Self { actor, mut ctx, .. } = self;
        let mut actor = Some(actor);
        drop_one(&mut || drop(actor.take()));
        while let Some(wait) = ctx.waits.pop() {
            let mut wait = Some(wait);
            drop_one(&mut || drop(wait.take()));
        }
        while let Some(future) = ctx.futures.pop() {
            let mut future = Some(future);
            drop_one(&mut || drop(future.take()));
        }
    }

    pub(super) fn ctx(&mut self) -> &mut Context<A> {
        &mut self.ctx
    }

    /// Polls what the actor waits for, the latest first, until there is nothing of it any more.
    fn poll_waits(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        let Self { actor, ctx, .. } = self;
        while ctx.life == ActorState::Running
            && let Some(mut wait) = ctx.waits.pop()
        {
            let at = ctx.waits.len();
            if wait.as_mut().poll(actor, ctx, task).is_pending() {
                let is_latest = ctx.waits.len() == at;
                ctx.waits.insert(at, wait);
                if is_latest {
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    /// Polls messages to the address that actix knows, if somebody asked for it.
    fn poll_address(&mut self, task: &mut task::Context<'_>) {
        let taken = self.ctx.actix.get().and_then(|actix| actix.mailbox.take());
        if let Some(mut mailbox) = taken {
            mailbox.poll(&mut self.actor, &mut self.ctx, task);
            if let Some(actix) = self.ctx.actix.get() {
                actix.mailbox.set(Some(mailbox));
            }
        }
    }
}

impl<A: Process> Running<A> {
    /// A turn, which begins `now`, if that is known. Ready when the actor has stopped.
    pub(super) fn poll(
        &mut self,
        task: &mut task::Context<'_>,
        mut now: Option<Instant>,
    ) -> Poll<()> {
        if !std::mem::replace(&mut self.started, true) {
            self.actor.started(&mut self.ctx);
        }
        loop {
            // What comes before the messages may take its time.
            now.take_if(|_| self.ctx.does_more_than_messages());
            if self.poll_waits(task).is_pending() {
                return Poll::Pending;
            }
            self.poll_address(task);
            if !self.ctx.waiting() {
                drain(&mut self.actor, &mut self.ctx, task, now.take());
            }
            match self.ctx.life {
                // It began to wait.
                ActorState::Running if self.ctx.waiting() => {}
                ActorState::Running | ActorState::Started => return Poll::Pending,
                ActorState::Stopping => {
                    if self.actor.stopping(&mut self.ctx) == Verdict::Stop {
                        break;
                    }
                    self.ctx.life = ActorState::Running;
                }
                ActorState::Stopped => break,
            }
        }
        self.ctx.life = ActorState::Stopped;
        self.actor.stopped(&mut self.ctx);
        Poll::Ready(())
    }
}
