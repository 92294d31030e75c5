//! The future of an answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::timers::{Timer, Timers};
use crate::error::AskError;
use crate::link::Cancel;
use crate::observe::spans::Asking;
use crate::parcel::Answer;

/// The answer to an ask, or the error in its place: it is always one of them, at its deadline at the latest.
///
/// The message is sent when this is made. Dropping it takes the message back if it is still queued.
#[must_use = "an ask that is dropped is taken back"]
pub struct Ask<R> {
    waiting: oneshot::Receiver<Answer<R>>,
    /// First polled when there is no answer yet.
    deadline: Timer,
    /// It is sent to an actor that may be of the same thread, and that thread had no turn since.
    near: bool,
    /// For asks to other nodes: tells the callee when dropped.
    cancel: Option<Cancel>,
    /// Present if a subscriber wants to know of it.
    span: Option<Box<Asking>>,
}

impl<R> Ask<R> {
    pub(super) fn new(
        waiting: oneshot::Receiver<Answer<R>>,
        deadline: Instant,
        timers: &Arc<Timers>,
        cancel: Option<Cancel>,
        span: Option<Box<Asking>>,
    ) -> Self {
        Self {
            waiting,
            deadline: Timer::at(deadline, timers),
            near: false,
            cancel,
            span,
        }
    }

    /// The same, to an actor that may be of the same thread.
    pub(super) fn near(mut self, near: bool) -> Self {
        self.near = near;
        self
    }
}

impl<R> Future for Ask<R> {
    type Output = Result<R, AskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.poll_answer(cx));
        if let Some(span) = self.span.take() {
            span.answered(&answer);
        }
        Poll::Ready(answer)
    }
}

impl<R> Ask<R> {
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, AskError>> {
        if let Poll::Ready(answer) = Pin::new(&mut self.waiting).poll(cx) {
            if let Some(cancel) = &mut self.cancel {
                cancel.answered();
            }
            let dropped = || Err(AskError::Refused("the message was dropped".into()));
            return Poll::Ready(answer.unwrap_or_else(|_| dropped()));
        }
        // An actor of the same thread answers within its next turn: then it takes no timer.
        if std::mem::take(&mut self.near) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.deadline.poll(cx));
        Poll::Ready(Err(AskError::Timeout))
    }
}
