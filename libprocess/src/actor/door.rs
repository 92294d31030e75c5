//! What a simulated world does with what an actor is about to handle, or has answered: it writes it down, and its taps
//! act. A real world does nothing.

use std::sync::Arc;

use super::Context;
#[cfg(feature = "sim")]
use crate::error::Exited;
use crate::mailbox::Notice;
use crate::parcel::{Label, Parcel};
use crate::protocol::Process;
use crate::slot::Slot;

/// The message, if it is to be handled now.
#[cfg(feature = "sim")]
pub(super) fn pass<A: Process>(
    ctx: &Context<A>,
    label: Label,
    parcel: Box<dyn Parcel>,
) -> Option<Box<dyn Parcel>> {
    use crate::mailbox::{Delivery, HeldUp};
    use crate::protocol::Protocol;
    use crate::sim::{Judgement, Message};

    let Some(world) = ctx.node.seat().as_simulated() else {
        return Some(parcel);
    };
    let head = parcel.head();
    let from = match &head.source {
        Some(_) => None,
        None => ctx.hand.from().cloned(),
    };
    let sender = match &head.source {
        Some(source) => source.sender().cloned(),
        None => from.clone(),
    };
    let named = |(tag, _): &&(u32, &str)| *tag == label.tag;
    let name = A::Protocol::MESSAGES.iter().find(named);
    let message = Message {
        name: name.map_or("unknown", |(_, name)| name),
        is_ask: label.is_ask,
        sender: sender.as_ref(),
        peer: head.peer().map(|peer| &**peer),
        trace: head.trace.number,
        parcel: &*parcel,
    };
    let judgement = world.judge(&ctx.slot, &message);
    let held_up = |parcel| {
        Delivery::HeldUp(Box::new(HeldUp {
            label,
            from,
            parcel,
        }))
    };
    match judgement {
        Judgement::Handle => return Some(parcel),
        Judgement::Lose => world.lose(held_up(parcel)),
        Judgement::Hold => world.hold(&ctx.slot, sender, held_up(parcel)),
    }
    None
}

/// The notice of an end, if it is to be handled now.
#[cfg(feature = "sim")]
pub(super) fn pass_exit<A: Process>(ctx: &Context<A>, notice: Box<Notice>) -> Option<Notice> {
    use crate::mailbox::Delivery;

    let Some(world) = ctx.node.seat().as_simulated() else {
        return Some(*notice);
    };
    let Exited { pid, reason } = &notice.exited;
    if !world.holds_exit(&ctx.slot, pid, &reason.to_string()) {
        return Some(*notice);
    }
    world.hold(&ctx.slot, Some(pid.clone()), Delivery::Exited(notice));
    None
}

/// What is written down of an answer.
#[cfg(feature = "sim")]
pub(super) struct Answering {
    world: Option<Arc<crate::sim::Simulated>>,
    to: Option<crate::pid::AnyPid>,
    message: &'static str,
    trace: u64,
}

#[cfg(feature = "sim")]
impl Answering {
    /// To the message of type `M` that is being handled.
    pub(super) fn to<A, M>(ctx: &Context<A>) -> Self
    where
        A: actix::Actor<Context = Context<A>>,
    {
        Self {
            world: ctx.node.seat().as_simulated().cloned(),
            to: ctx.sender().cloned(),
            message: short(std::any::type_name::<M>()),
            trace: ctx.origin.trace.number,
        }
    }

    pub(super) fn note(&mut self, from: &Arc<Slot>) {
        if let Some(world) = self.world.take() {
            world.answered(&from.pid(), self.to.take(), self.message, self.trace);
        }
    }
}

/// A type's name without its path.
#[cfg(feature = "sim")]
fn short(path: &'static str) -> &'static str {
    let end = path.find('<').unwrap_or(path.len());
    let start = path[..end].rfind("::").map_or(0, |at| at + 2);
    &path[start..]
}

#[cfg(not(feature = "sim"))]
pub(super) fn pass<A: Process>(
    _: &Context<A>,
    _: Label,
    parcel: Box<dyn Parcel>,
) -> Option<Box<dyn Parcel>> {
    Some(parcel)
}

#[cfg(not(feature = "sim"))]
#[allow(clippy::boxed_local, reason = "a simulated world keeps the box")]
pub(super) fn pass_exit<A: Process>(_: &Context<A>, notice: Box<Notice>) -> Option<Notice> {
    Some(*notice)
}

#[cfg(not(feature = "sim"))]
pub(super) struct Answering;

#[cfg(not(feature = "sim"))]
impl Answering {
    #[allow(
        clippy::extra_unused_type_parameters,
        reason = "a simulated world notes it"
    )]
    pub(super) fn to<A, M>(_: &Context<A>) -> Self
    where
        A: actix::Actor<Context = Context<A>>,
    {
        Self
    }

    pub(super) fn note(&mut self, _: &Arc<Slot>) {}
}
