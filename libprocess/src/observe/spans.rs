//! Spans of `tracing` that follow a message across nodes.
//!
//! | Span | Target | Fields |
//! |---|---|---|
//! | `message` | `libprocess::message` | `actor`, `message`, `sender`, `trace`, `span`, `parent` |
//! | `ask` | `libprocess::ask` | `to`, `message`, `answer`, `trace`, `span`, `parent` |
//!
//! Both are of level DEBUG. `message` is entered while a handler runs, and again whenever a future of that handler
//! does; an `ask` lives until its answer is there.
//!
//! `trace` is the same number in all spans that one message from outside of actors has led to, on all nodes. `span`
//! is a span's own number, and `parent` that of the span which caused it: of a `message` the `ask` that it is, or
//! the `message` in whose handler it was told; of an `ask` the `message` in whose handler it was made. Both travel
//! with messages, so parents are known across nodes, also across one where nobody wants spans. Exporters
//! (OpenTelemetry, Jaeger, a file of JSON lines) join the parts of a trace by these numbers; a `parent` that is
//! missing is outside of actors.
//!
//! Nothing is made unless a subscriber wants it: without one, a message costs one load and one comparison.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{self, Poll};

use actix::ActorFuture;
use tokio::time::Instant;
use tracing::field::{Empty, display};
use tracing::{Level, Span};

use super::begun::short;
use crate::actor::Context;
use crate::error::AskError;
use crate::node::Node;
use crate::pid::AnyPid;
use crate::slot::Slot;
use crate::trace::Trace;

const MESSAGE: &str = "libprocess::message";
const ASK: &str = "libprocess::ask";

/// Whether anybody wants to know of messages.
#[inline]
pub(crate) fn wanted() -> bool {
    tracing::enabled!(target: MESSAGE, Level::DEBUG)
}

/// The span of a message about to be handled, and its number.
pub(crate) fn message(
    node: &Node,
    slot: &Slot,
    tag: u32,
    trace: Trace,
    sender: Option<&AnyPid>,
) -> (Box<Span>, u64) {
    let sender: &dyn Display = match sender {
        Some(sender) => sender,
        None => &"outside",
    };
    let number = node.span_number();
    let span = tracing::debug_span!(
        target: MESSAGE,
        "message",
        actor = %slot.address,
        message = slot.message_name(tag),
        trace = trace.number,
        span = number,
        parent = parent(trace),
        sender = display(sender),
    );
    (Box::new(span), number)
}

fn parent(trace: Trace) -> Option<u64> {
    (trace.span != 0).then_some(trace.span)
}

/// The span of an ask until its answer; none if nobody wants it.
pub(crate) struct Asking {
    span: Span,
    pub(crate) number: u64,
}

impl Asking {
    /// Of an `M` to `to`.
    pub(crate) fn of<M>(node: &Node, to: &dyn Display, trace: Trace) -> Option<Box<Self>> {
        if !tracing::enabled!(target: ASK, Level::DEBUG) {
            return None;
        }
        let number = node.span_number();
        let span = tracing::debug_span!(
            target: ASK,
            "ask",
            to = display(to),
            message = short(std::any::type_name::<M>()),
            trace = trace.number,
            span = number,
            parent = parent(trace),
            answer = Empty,
        );
        Some(Box::new(Self { span, number }))
    }

    /// It is over.
    pub(crate) fn answered<R>(&self, answer: &Result<R, AskError>) {
        match answer {
            Ok(_) => self.span.record("answer", "ok"),
            Err(error) => self.span.record("answer", display(error)),
        };
    }
}

/// What the futures of a handler inherit from it: the trace, and the span if there is one.
#[derive(Clone, Default)]
pub(crate) struct Cause {
    pub(crate) trace: Trace,
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
