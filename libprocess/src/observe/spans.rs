//! Spans of `tracing` that follow a message across nodes.
//!
//! | Span | Target | Fields |
//! |---|---|---|
//! | `message` | `libprocess::message` | `actor`, `message`, `trace`, `sender` |
//! | `ask` | `libprocess::ask` | `to`, `message`, `trace`, `answer` |
//!
//! Both are of level DEBUG. `message` is entered while a handler runs, and again whenever a future of that handler
//! does; an `ask` lives until its answer is there, and its parent is the `message` in whose handler it was made.
//! `trace` is the same number in all spans that one message from outside of actors has led to, on all nodes:
//! exporters (OpenTelemetry, Jaeger, a file of JSON lines) join the parts of a trace by it, and see by `sender`
//! which `ask` a `message` belongs to.
//!
//! Nothing is made unless a subscriber wants it: without one, a message costs one load and one comparison.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use actix::ActorFuture;
use tokio::time::Instant;
use tracing::field::{Empty, display};
use tracing::{Level, Span};

use super::begun::short;
use crate::actor::Context;
use crate::error::AskError;
use crate::parcel::Head;
use crate::slot::Slot;

const MESSAGE: &str = "libprocess::message";
const ASK: &str = "libprocess::ask";

/// The span of a message about to be handled.
pub(crate) fn message(slot: &Arc<Slot>, tag: u32, head: &Head) -> Option<Box<Span>> {
    if !tracing::enabled!(target: MESSAGE, Level::DEBUG) {
        return None;
    }
    let sender: &dyn Display = match head.sender() {
        Some(sender) => sender,
        None => &"outside",
    };
    Some(Box::new(tracing::debug_span!(
        target: MESSAGE,
        "message",
        actor = %slot.pid(),
        message = slot.message_name(tag),
        trace = head.trace,
        sender = display(sender),
    )))
}

/// The span of an ask until its answer; none if nobody wants it.
pub(crate) struct Asking(Span);

impl Asking {
    /// Of an `M` to `to`.
    pub(crate) fn of<M>(to: &dyn Display, trace: u64) -> Option<Box<Self>> {
        if !tracing::enabled!(target: ASK, Level::DEBUG) {
            return None;
        }
        let span = tracing::debug_span!(
            target: ASK,
            "ask",
            to = display(to),
            message = short(std::any::type_name::<M>()),
            trace,
            answer = Empty,
        );
        Some(Box::new(Self(span)))
    }

    /// It is over.
    pub(crate) fn answered<R>(&self, answer: &Result<R, AskError>) {
        match answer {
            Ok(_) => self.0.record("answer", "ok"),
            Err(error) => self.0.record("answer", display(error)),
        };
    }
}

/// What the futures of a handler inherit from it: the trace, and the span if there is one.
#[derive(Clone, Default)]
pub(crate) struct Cause {
    pub(crate) trace: u64,
    pub(crate) span: Option<Box<Span>>,
    /// Until when somebody waits for it, if it is part of an answer.
    pub(crate) deadline: Option<Instant>,
}

impl Cause {
    /// Polls a future of it.
    pub(crate) fn poll<A, F>(
        &self,
        future: Pin<&mut F>,
        actor: &mut A,
        ctx: &mut Context<A>,
        task: &mut task::Context<'_>,
    ) -> Poll<F::Output>
    where
        A: actix::Actor<Context = Context<A>>,
        F: ActorFuture<A> + ?Sized,
    {
        let _entered = self.span.as_ref().map(|span| span.enter());
        let outer = ctx.set_cause(self.clone());
        let polled = future.poll(actor, ctx, task);
        ctx.set_cause(outer);
        polled
    }
}

/// A future with its cause.
pub(crate) struct Inherited<F> {
    future: Pin<Box<F>>,
    cause: Cause,
}

impl<F> Inherited<F> {
    pub(crate) fn new(future: F, cause: Cause) -> Self {
        Self {
            future: Box::pin(future),
            cause,
        }
    }
}

impl<A, F> ActorFuture<A> for Inherited<F>
where
    A: actix::Actor<Context = Context<A>>,
    F: ActorFuture<A>,
{
    type Output = F::Output;

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Context<A>,
        task: &mut task::Context<'_>,
    ) -> Poll<F::Output> {
        let this = &mut *self;
        this.cause.poll(this.future.as_mut(), actor, ctx, task)
    }
}
