//! The loop of an actor: what actix's context does, without its channel, and with a bounded turn.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use actix::{ActorState, AsyncContext, Running as Verdict};

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

// Actor and context are never pinned: what is, is in a box.
impl<A: Process> Unpin for Running<A> {}

impl<A: Process> Future for Running<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !std::mem::replace(&mut this.started, true) {
            this.actor.started(&mut this.ctx);
        }
        loop {
            if this.poll_waits(task).is_pending() {
                return Poll::Pending;
            }
            this.poll_address(task);
            if !this.ctx.waiting() {
                drain(&mut this.actor, &mut this.ctx, task);
            }
            match this.ctx.life {
                // It began to wait.
                ActorState::Running if this.ctx.waiting() => {}
                ActorState::Running | ActorState::Started => return Poll::Pending,
                ActorState::Stopping => {
                    if this.actor.stopping(&mut this.ctx) == Verdict::Stop {
                        break;
                    }
                    this.ctx.life = ActorState::Running;
                }
                ActorState::Stopped => break,
            }
        }
        this.ctx.life = ActorState::Stopped;
        this.actor.stopped(&mut this.ctx);
        Poll::Ready(())
    }
}
