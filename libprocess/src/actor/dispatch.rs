//! From a parcel to the handler, and from the handler to the answer.
//!
//! One of the two files that name `actix::dev`.

use std::any::Any;
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
use crate::parcel::{Answer, Parcel, Reply, Sealed};
use crate::slot::Slot;

/// Handles one message; called by the code that [`protocol!`](crate::protocol) writes.
#[doc(hidden)]
pub fn dispatch<A, M>(actor: &mut A, parcel: Box<dyn Parcel>, ctx: &mut Context<A>)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let parcel: Box<dyn Any> = parcel;
    // Number and type come from the same protocol, so they fit; if not, it is our bug, not the sender's.
    let Ok(sealed) = parcel.downcast::<Sealed<M>>() else {
        tracing::error!(actor = %ctx.me_any(), "a message does not have the type of its number");
        return;
    };
    let Sealed { message, reply, .. } = *sealed;
    if !reply.wanted() {
        actor.handle(message, ctx).handle(ctx, None);
        return;
    }
    let owed = Owed::new(reply, ctx.slot.clone(), Answering::to::<A, M>(ctx));
    let (answer, mut answered) = oneshot::channel();
    let response = actor.handle(message, ctx);
    ctx.respond(|ctx| response.handle(ctx, Some(answer)));
    // An answer that is there already leaves before anything that a later handler sends.
    match answered.try_recv() {
        Ok(value) => owed.answer(Ok(value)),
        Err(TryRecvError::Closed) => owed.answer(Err(dropped())),
        Err(TryRecvError::Empty) => {
            let begun = Begun::note::<M>(&ctx.slot, &ctx.origin);
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
            self.slot
                .orphan(Box::new(move |error| reply.answer(Err(error))));
        }
    }
}
