//! The main future of every actor: takes deliveries from the mailbox, a bounded number per turn, and
//! polls the other futures.

use std::sync::atomic::Ordering;
use std::task::{self, Poll};

use actix::{ActorContext, AsyncContext};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::futures::Futures;
use super::{Context, door};
use crate::error::AskError;
use crate::mailbox::{Delivery, Notice};
use crate::observe::spans;
use crate::parcel::{Head, Parcel};
use crate::protocol::{Process, Serves};

/// Told when an actor has started: `started` has returned, and what it waits for is over.
pub(crate) type Ready = oneshot::Sender<()>;

/// One turn: messages up to the turn's budget, and the futures that were woken.
pub(super) fn drain<A: Process>(actor: &mut A, ctx: &mut Context<A>, task: &mut task::Context<'_>) {
    if let Some(ready) = ctx.ready.take() {
        // A supervisor that is gone no longer wants to know.
        let _ = ready.send(());
    }
    // While the actor waits or stops, this is called again when that is over.
    while !ctx.waiting() {
        if ctx.budget == 0 {
            task.waker().wake_by_ref();
            break;
        }
        ctx.budget -= 1;
        match ctx.slot.mailbox.poll_take(task) {
            Poll::Pending => break,
            Poll::Ready(Delivery::Local(parcel) | Delivery::Remote(parcel)) => {
                handle(actor, parcel, ctx);
            }
            Poll::Ready(Delivery::Answer(hand_over)) => {
                hand_over();
                // The future that waited for it runs before the next message is handled.
                Futures::poll_woken(actor, ctx, task);
            }
            Poll::Ready(Delivery::Exited(notice)) => {
                let Some(Notice { monitor, exited }) = door::pass_exit(ctx, notice) else {
                    continue;
                };
                let wanted = match ctx.take_monitor(&exited.pid, monitor) {
                    true => Some(exited),
                    false => ctx.take_bond(monitor, exited),
                };
                if let Some(exited) = wanted
                    && let Some(on_exit) = ctx.on_exit
                {
                    on_exit(actor, exited, ctx);
                }
            }
            Poll::Ready(Delivery::Bond(bonding)) => ctx.bonding(*bonding),
            Poll::Ready(Delivery::Stop) => ctx.stop(),
        }
    }
    Futures::poll_woken(actor, ctx, task);
}

fn handle<A: Process>(actor: &mut A, mut parcel: Box<dyn Parcel>, ctx: &mut Context<A>) {
    let deadline = parcel.head().deadline;
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return parcel.refuse(AskError::Timeout);
    }
    if parcel.cancelled() {
        return;
    }
    let Some(mut parcel) = door::pass(ctx, parcel) else {
        return;
    };
    let mut head = std::mem::take(parcel.head());
    let (tag, credit) = (head.tag, head.credit.take());
    let span = spans::message(&ctx.slot, tag, &head);
    let _entered = span.as_deref().map(|span| span.clone().entered());
    ctx.span = span;
    // Before its answer leaves: who has the answer can see that it was handled.
    ctx.slot.handled.fetch_add(1, Ordering::Relaxed);
    ctx.bound = head.deadline;
    ctx.origin = head;
    A::Protocol::dispatch(actor, tag, parcel, ctx);
    ctx.origin = Head::default();
    ctx.bound = None;
    ctx.span = None;
    // Only now: what a node may have in this mailbox includes the message being handled.
    drop(credit);
}
