//! From a parcel to the handler, and from the handler to the answer.
//!
//! One of the two files that name `actix::dev`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use actix::dev::MessageResponse;
use actix::fut::wrap_future;
use actix::{Actor, AsyncContext, Handler, Message};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::Context;
use super::door::Answering;
use crate::error::AskError;
use crate::observe::Begun;
use crate::parcel::{Answer, Head, Parcel, Reply, Sealed, Told};
use crate::slot::Slot;

/// Handles one message; called by the code that [`protocol!`](crate::protocol) writes.
#[doc(hidden)]
pub fn dispatch<A, M>(actor: &mut A, tag: u32, parcel: Box<dyn Parcel>, ctx: &mut Context<A>)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let parcel: Box<dyn Any> = parcel;
    let parcel = match parcel.downcast::<Told<M>>() {
        Ok(told) => {
            let Told { trace, message } = *told;
            return ctx.during_tell(tag, trace, |ctx| {
                actor.handle(message, ctx).handle(ctx, None);
            });
        }
        Err(parcel) => parcel,
    };
    // Number and type come from the same protocol, so they fit; if not, it is our bug, not the sender's.
    let Ok(sealed) = parcel.downcast::<Sealed<M>>() else {
        tracing::error!(actor = %ctx.me_any(), "a message does not have the type of its number");
        return;
    };
    let Sealed {
        head,
        message,
        reply,
    } = *sealed;
    match reply {
        Reply::Nobody => tell(actor, tag, head, message, ctx),
        reply => ask(actor, tag, head, message, reply, ctx),
    }
}

fn tell<A, M>(actor: &mut A, tag: u32, head: Head, message: M, ctx: &mut Context<A>)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
{
    let _entered = ctx.begin(tag, head);
    actor.handle(message, ctx).handle(ctx, None);
    ctx.over();
}

fn ask<A, M>(
    actor: &mut A,
    tag: u32,
    head: Head,
    message: M,
    reply: Reply<M::Result>,
    ctx: &mut Context<A>,
) where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let _entered = ctx.begin(tag, head);
    let handled = catch_unwind(AssertUnwindSafe(|| actor.handle(message, ctx)));
    let response = match handled {
        Ok(response) => response,
        Err(panic) => {
            orphan(&ctx.slot, reply);
            resume_unwind(panic);
        }
    };
    // An answer that is there already leaves before anything that a later handler sends.
    match at_once::<_, M::Result>(response) {
        Ok(value) => {
            Answering::to::<A, M>(ctx).note(&ctx.slot);
            reply.answer(Ok(value));
        }
        Err(response) => respond::<A, M>(response, reply, ctx),
    }
    ctx.over();
}

/// The answer itself, if that is what a handler returned, as most do: actix would send it through a channel to
/// itself.
fn at_once<T: 'static, R: 'static>(response: T) -> Result<R, T> {
    let mut response = Some(response);
    let any: &mut dyn Any = &mut response;
    match any.downcast_mut::<Option<R>>().and_then(Option::take) {
        Some(value) => Ok(value),
        None => Err(response.expect("nobody took it")),
    }
}

/// Lets a response that is more than a value give the answer, now or later.
fn respond<A, M>(response: A::Result, reply: Reply<M::Result>, ctx: &mut Context<A>)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let owed = Owed::new(reply, ctx.slot.clone(), Answering::to::<A, M>(ctx));
    let (answer, mut answered) = oneshot::channel();
    ctx.respond(|ctx| response.handle(ctx, Some(answer)));
    match answered.try_recv() {
        Ok(value) => owed.answer(Ok(value)),
        Err(TryRecvError::Closed) => owed.answer(Err(dropped())),
        Err(TryRecvError::Empty) => {
            let begun = Begun::note::<M>(&ctx.slot, ctx.origin());
            ctx.spawn(wrap_future::<_, A>(async move {
                let answer = answered.await.map_err(|_| dropped());
                drop(begun);
                owed.answer(answer);
            }));
        }
    }
}

/// Refuses a message whose number the protocol does not have.
#[doc(hidden)]
pub fn dispatch_unlisted(tag: u32, parcel: Box<dyn Parcel>) {
    parcel.refuse(AskError::Refused(format!(
        "message number {tag} is unknown"
    )));
}

fn dropped() -> AskError {
    AskError::Refused("the actor dropped the answer".into())
}

/// The duty to answer. If the actor ends first, the asker is told why it did.
struct Owed<R: Send + 'static> {
    reply: Option<Reply<R>>,
    slot: Arc<Slot>,
    note: Answering,
}

impl<R: Send + 'static> Owed<R> {
    fn new(reply: Reply<R>, slot: Arc<Slot>, note: Answering) -> Self {
        Self {
            reply: Some(reply),
            slot,
            note,
        }
    }

    fn answer(mut self, answer: Answer<R>) {
        if let Some(reply) = self.reply.take() {
            self.note.note(&self.slot);
            reply.answer(answer);
        }
    }
}

impl<R: Send + 'static> Drop for Owed<R> {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            orphan(&self.slot, reply);
        }
    }
}

/// The actor ends before it answers.
fn orphan<R: Send + 'static>(slot: &Slot, reply: Reply<R>) {
    slot.orphan(Box::new(move |error| reply.answer(Err(error))));
}
