//! What a simulated world does with what an actor is about to handle, or has answered: it writes it down, and its taps
//! act. A real world does nothing.

use std::sync::Arc;

use super::Context;
use crate::error::Exited;
use crate::mailbox::Letter;
use crate::protocol::Process;
use crate::slot::Slot;

/// The letter, if it is to be handled now.
#[cfg(feature = "sim")]
pub(super) fn pass<A: Process>(ctx: &Context<A>, letter: Letter) -> Option<Letter> {
    use crate::mailbox::Delivery;
    use crate::protocol::Protocol;
    use crate::sim::{Judgement, Message};

    let Some(world) = ctx.node.seat().as_simulated() else {
        return Some(letter);
    };
    let named = |(tag, _): &&(u32, &str)| *tag == letter.tag;
    let name = A::Protocol::MESSAGES.iter().find(named);
    let origin = &letter.origin;
    let message = Message {
        name: name.map_or("unknown", |(_, name)| name),
        is_ask: origin.deadline.is_some(),
        sender: origin.sender.as_ref(),
        peer: origin.peer.as_deref(),
        trace: origin.trace,
        parcel: &*letter.parcel,
    };
    match world.judge(&ctx.slot, &message) {
        Judgement::Handle => return Some(letter),
        Judgement::Lose => world.lose(Delivery::Message(letter)),
        Judgement::Hold => {
            let sender = origin.sender.clone();
            world.hold(&ctx.slot, sender, Delivery::Message(letter));
        }
    }
    None
}

/// Whether the notice of an end is to be handled now.
#[cfg(feature = "sim")]
pub(super) fn pass_exit<A: Process>(ctx: &Context<A>, monitor: u64, notice: &Exited) -> bool {
    use crate::mailbox::Delivery;

    let Some(world) = ctx.node.seat().as_simulated() else {
        return true;
    };
    if !world.holds_exit(&ctx.slot, &notice.pid, &notice.reason.to_string()) {
        return true;
    }
    let (sender, notice) = (Some(notice.pid.clone()), notice.clone());
    world.hold(&ctx.slot, sender, Delivery::Exited { monitor, notice });
    false
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
            to: ctx.origin.sender.clone(),
            message: short(std::any::type_name::<M>()),
            trace: ctx.origin.trace,
        }
    }

    pub(super) fn note(&mut self, from: &Arc<Slot>) {
        if let Some(world) = self.world.take() {
            world.answered(&from.pid, self.to.take(), self.message, self.trace);
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
pub(super) fn pass<A: Process>(_: &Context<A>, letter: Letter) -> Option<Letter> {
    Some(letter)
}

#[cfg(not(feature = "sim"))]
pub(super) fn pass_exit<A: Process>(_: &Context<A>, _: u64, _: &Exited) -> bool {
    true
}

#[cfg(not(feature = "sim"))]
pub(super) struct Answering;

#[cfg(not(feature = "sim"))]
impl Answering {
    pub(super) fn to<A, M>(_: &Context<A>) -> Self
    where
        A: actix::Actor<Context = Context<A>>,
    {
        Self
    }

    pub(super) fn note(&mut self, _: &Arc<Slot>) {}
}
