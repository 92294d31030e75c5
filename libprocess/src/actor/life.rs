//! The task of an actor: runs it, catches its panics, announces its end.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use actix::ActorContext;
use tokio::time::Instant;

use super::Context;
use super::drain::Ready;
use super::running::Running;
use crate::error::ExitReason;
use crate::limits::MESSAGES_PER_TURN;
use crate::node::{Node, Watch};
use crate::protocol::Process;
use crate::slot::Slot;

/// The duty to announce the end of an actor: done when dropped, however that comes about.
pub(crate) struct Life {
    node: Node,
    slot: Arc<Slot>,
    /// Of a child: what ends it with its supervisor.
    _parent: Option<Watch>,
}

impl Life {
    pub(crate) fn new(node: Node, slot: Arc<Slot>, parent: Option<Watch>) -> Self {
        Self {
            node,
            slot,
            _parent: parent,
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Not yet set only if the task was dropped unfinished.
        self.slot.set_reason(self.slot.cut_off_reason());
        self.node.forget(&self.slot);
        self.slot.end();
        self.node.announced();
    }
}

/// An actor placed on its thread.
pub(crate) struct Placed<A: Process> {
    running: Option<Running<A>>,
    // After `running`: the end is announced when the actor is gone.
    life: Life,
}

impl<A: Process> Placed<A> {
    /// Builds the actor. A panic of `make` is its end.
    pub(crate) fn new<F>(life: Life, seed: u64, ready: Option<Ready>, make: F) -> Self
    where
        F: FnOnce(&mut Context<A>) -> A,
    {
        let mut ctx = Context::new(life.node.clone(), life.slot.clone(), seed, ready);
        let made = catch_unwind(AssertUnwindSafe(|| make(&mut ctx)));
        let mut placed = Self {
            running: None,
            life,
        };
        match made {
            Ok(actor) => placed.running = Some(Running::new(actor, ctx)),
            Err(panic) => placed.end(ExitReason::Panicked(text(&*panic))),
        }
        placed
    }

    fn end(&mut self, reason: ExitReason) {
        self.life.slot.set_reason(reason);
        if let Some(mut running) = self.running.take() {
            running.ctx().terminate();
            // Each of its parts may still panic; the reason is already known.
            running.take_down(|drop_one| {
                let _ = catch_unwind(AssertUnwindSafe(drop_one));
            });
        }
    }
}

impl<A: Process> Future for Placed<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(running) = &mut this.running else {
            return Poll::Ready(());
        };
        running.ctx().budget = MESSAGES_PER_TURN as u32;
        // In a simulated world handlers take no time.
        let began = (!this.life.node.seat().is_simulated()).then(Instant::now);
        let polled = catch_unwind(AssertUnwindSafe(|| running.poll(cx, began)));
        if let Some(began) = began {
            this.life.slot.was_busy(began.elapsed());
        }
        running.ctx().end_turn();
        let reason = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => match running.ctx().failure.take() {
                Some(failure) => *failure,
                None => ExitReason::Normal,
            },
            Err(panic) => ExitReason::Panicked(text(&*panic)),
        };
        self.end(reason);
        Poll::Ready(())
    }
}

impl<A: Process> Drop for Placed<A> {
    fn drop(&mut self) {
        if self.running.is_some() {
            let reason = self.life.slot.cut_off_reason();
            self.end(reason);
        }
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with something that is not text".to_owned())
}
