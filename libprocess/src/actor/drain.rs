//! The main future of every actor: takes deliveries from the mailbox, a bounded number per turn, and
//! polls the other futures.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};

use actix::{ActorContext, ActorFuture, AsyncContext};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::futures::Futures;
use super::{Context, door};
use crate::error::AskError;
use crate::mailbox::{Delivery, Letter, Origin};
use crate::protocol::{Process, Serves};
use crate::slot::Slot;

/// Told when an actor has started: `started` has returned, and what it waits for is over.
pub(crate) type Ready = oneshot::Sender<()>;

pub(super) struct Drain(pub(super) Arc<Slot>);

impl<A: Process> ActorFuture<A> for Drain {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Context<A>,
        task: &mut task::Context<'_>,
    ) -> Poll<()> {
        if let Some(ready) = ctx.ready.take() {
            // A supervisor that is gone no longer wants to know.
            let _ = ready.send(());
        }
        // While the actor waits or stops, actix polls this again when that is over.
        while !ctx.waiting() {
            if ctx.budget == 0 {
                task.waker().wake_by_ref();
                break;
            }
            ctx.budget -= 1;
            match self.0.mailbox.poll_take(task) {
                Poll::Pending => break,
                Poll::Ready(Delivery::Message(letter)) => handle(actor, letter, ctx),
                Poll::Ready(Delivery::Answer(hand_over)) => {
                    hand_over();
                    // The future that waited for it runs before the next message is handled.
                    Futures::poll_woken(actor, ctx, task);
                }
                Poll::Ready(Delivery::Exited { monitor, notice }) => {
                    if !door::pass_exit(ctx, monitor, &notice) {
                        continue;
                    }
                    if ctx.take_monitor(&notice.pid, monitor)
                        && let Some(on_exit) = ctx.on_exit
                    {
                        on_exit(actor, notice, ctx);
                    }
                }
                Poll::Ready(Delivery::Stop) => ctx.stop(),
            }
        }
        Futures::poll_woken(actor, ctx, task);
        Poll::Pending
    }
}

fn handle<A: Process>(actor: &mut A, letter: Letter, ctx: &mut Context<A>) {
    let deadline = letter.origin.deadline;
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return letter.parcel.refuse(AskError::Timeout);
    }
    if letter.parcel.cancelled() {
        return;
    }
    let Some(letter) = door::pass(ctx, letter) else {
        return;
    };
    let Letter {
        tag,
        parcel,
        origin,
        credit,
    } = letter;
    tracing::trace!(actor = %ctx.slot.pid, tag, trace = origin.trace, "message");
    // Before its answer leaves: who has the answer can see that it was handled.
    ctx.slot.handled.fetch_add(1, Ordering::Relaxed);
    ctx.origin = origin;
    A::Protocol::dispatch(actor, tag, parcel, ctx);
    ctx.origin = Origin::default();
    // Only now: what a node may have in this mailbox includes the message being handled.
    drop(credit);
}
