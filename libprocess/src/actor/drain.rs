//! The main future of every actor: takes deliveries from the mailbox, a bounded number per turn, and
//! polls the other futures.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};

use actix::{ActorContext, AsyncContext};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::futures::Futures;
use super::{Context, door};
use crate::error::AskError;
use crate::link::{Arrived, Run, Source};
use crate::mailbox::{Delivery, Notice};
use crate::observe::spans;
use crate::parcel::{Head, Parcel};
use crate::protocol::{Process, Serves};
use crate::slot::Slot;

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
            Poll::Ready(Delivery::Run(run)) => handle_run(actor, *run, ctx),
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
    let tag = head.tag;
    let span = spans::message(&ctx.node, &ctx.slot, &mut head);
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
}

/// Handles messages from another node, as many as may be handled in this turn.
fn handle_run<A: Process>(actor: &mut A, run: Run, ctx: &mut Context<A>) {
    let source = run.source().clone();
    let slot = ctx.slot.clone();
    let mut rest = Rest { run, slot: &slot };
    while rest
        .run
        .next(|message| open(actor, message, &source, ctx))
        .is_some()
    {
        if ctx.budget == 0 || ctx.waiting() {
            break;
        }
        ctx.budget -= 1;
    }
}

/// Decodes a message from another node and handles it.
fn open<A: Process>(
    actor: &mut A,
    message: Arrived<'_>,
    source: &Arc<Source>,
    ctx: &mut Context<A>,
) {
    let reply = message.ask.map(|ask| source.replier(ask));
    match (ctx.slot.open)(message.tag, source.version(), message.body, reply) {
        Ok(mut parcel) => {
            *parcel.head() = Head {
                tag: message.tag,
                trace: message.trace,
                sender: None,
                deadline: message.deadline,
                source: Some(source.clone()),
            };
            handle(actor, parcel, ctx);
        }
        Err(error) => source.complain(&ctx.slot.address, &error),
    }
}

/// A run being handled. What is left of it goes back into the mailbox, also if a handler panics.
struct Rest<'a> {
    run: Run,
    slot: &'a Slot,
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if let Some(left) = self.run.take_left() {
            self.slot.mailbox.put_back(left);
        }
    }
}
