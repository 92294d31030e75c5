//! The main future of every actor: takes deliveries from the mailbox, a bounded number per turn, and
//! polls the other futures.

use std::sync::Arc;
use std::task::{self, Poll};

use actix::{ActorContext, AsyncContext};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::futures::Futures;
use super::{Context, door};
use crate::error::AskError;
use crate::link::{Arrived, Run, Source};
#[cfg(feature = "sim")]
use crate::mailbox::HeldUp;
use crate::mailbox::{Delivery, Notice};
use crate::parcel::{Head, Label, Parcel};
use crate::protocol::{Process, Serves};
use crate::slot::Slot;

/// Told when an actor has started: `started` has returned, and what it waits for is over.
pub(crate) type Ready = oneshot::Sender<()>;

/// One turn: messages up to the turn's budget, and the futures that were woken. `now` is the present, if it is known.
pub(super) fn drain<A: Process>(
    actor: &mut A,
    ctx: &mut Context<A>,
    task: &mut task::Context<'_>,
    mut now: Option<Instant>,
) {
    if let Some(ready) = ctx.ready.take() {
        // A supervisor that is gone no longer wants to know.
        let _ = ready.send(());
    }
    ctx.hand.look();
    // While the actor waits or stops, this is called again when that is over.
    while !ctx.waiting() {
        if ctx.budget == 0 {
            task.waker().wake_by_ref();
            break;
        }
        let mailbox = &ctx.slot.mailbox;
        let delivery = match ctx.hand.next(mailbox) {
            Some(delivery) => delivery,
            None if ctx.hand.will_be_woken() => break,
            None => match mailbox.poll_take(&mut ctx.hand, ctx.budget as usize, task) {
                Poll::Ready(delivery) => delivery,
                Poll::Pending => break,
            },
        };
        ctx.budget -= 1;
        // By the next one, time has passed.
        let now = now.take();
        match delivery {
            // Its hand keeps these to itself.
            Delivery::From(_) => {}
            Delivery::Local(label, parcel) => handle(actor, label, parcel, now, ctx),
            #[cfg(feature = "sim")]
            Delivery::HeldUp(held) => {
                let HeldUp {
                    label,
                    from,
                    parcel,
                } = *held;
                let from = ctx.hand.set_from(from);
                handle(actor, label, parcel, now, ctx);
                ctx.hand.set_from(from);
            }
            Delivery::Run(run) => handle_run(actor, *run, ctx),
            Delivery::Answer(hand_over) => {
                hand_over();
                // The future that waited for it runs before the next message is handled.
                Futures::poll_woken(actor, ctx, task);
            }
            Delivery::Exited(notice) => {
                let Some(Notice { monitor, exited }) = door::pass_exit(ctx, notice) else {
                    continue;
                };
                let wanted = match ctx.take_monitor(&exited.pid, monitor) {
                    true => Some(exited),
                    false => ctx.take_bond(monitor, exited),
                };
                if let Some(exited) = wanted
                    && let Some(on_exit) = ctx.hooks.as_ref().and_then(|hooks| hooks.on_exit)
                {
                    on_exit(actor, exited, ctx);
                }
            }
            Delivery::Bond(bonding) => ctx.bonding(*bonding),
            Delivery::Stop => ctx.stop(),
        }
    }
    Futures::poll_woken(actor, ctx, task);
    if let Some(then) = ctx.hooks.as_mut().and_then(|hooks| hooks.after_turn.take()) {
        then(actor, ctx);
    }
}

fn handle<A: Process>(
    actor: &mut A,
    label: Label,
    parcel: Box<dyn Parcel>,
    now: Option<Instant>,
    ctx: &mut Context<A>,
) {
    if label.is_ask {
        let now = now.unwrap_or_else(Instant::now);
        if parcel.deadline().is_some_and(|deadline| deadline <= now) {
            return parcel.refuse(AskError::Timeout);
        }
        if parcel.cancelled() {
            return;
        }
    }
    if let Some(parcel) = door::pass(ctx, label, parcel) {
        A::Protocol::dispatch(actor, label.tag, parcel, ctx);
    }
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
    if let Some(left) = rest.run.take_left() {
        ctx.hand.put_back(Delivery::Run(Box::new(left)));
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
    let head = Head {
        trace: message.trace,
        deadline: message.deadline,
        source: Some(source.clone()),
    };
    let label = Label {
        tag: message.tag,
        is_ask: message.ask.is_some(),
    };
    match (ctx.slot.protocol.open)(label.tag, source.version(), message.body, head, reply) {
        Ok(parcel) => handle(actor, label, parcel, None, ctx),
        Err(error) => source.complain(&ctx.slot.address, &error),
    }
}

/// A run being handled. If a handler panics, what is left of it goes to the mailbox, to be refused with the reason.
struct Rest<'a> {
    run: Run,
    slot: &'a Slot,
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if let Some(left) = self.run.take_left() {
            let _ = self.slot.mailbox.push_run(left);
        }
    }
}
