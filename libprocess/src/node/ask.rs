//! The future of an answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::AskError;
use crate::link::Cancel;
use crate::parcel::Answer;

/// The answer to an ask, or the error in its place: it is always one of them, at its deadline at the latest.
///
/// The message is sent when this is made. Dropping it takes the message back if it is still queued.
#[must_use = "an ask that is dropped is taken back"]
pub struct Ask<R> {
    waiting: oneshot::Receiver<Answer<R>>,
    deadline: Instant,
    /// Armed at the first poll that finds no answer.
    timer: Option<Pin<Box<Sleep>>>,
    /// For asks to other nodes: tells the callee when dropped.
    _cancel: Option<Cancel>,
}

impl<R> Ask<R> {
    pub(super) fn new(
        waiting: oneshot::Receiver<Answer<R>>,
        deadline: Instant,
        cancel: Option<Cancel>,
    ) -> Self {
        Self {
            waiting,
            deadline,
            timer: None,
            _cancel: cancel,
        }
    }
}

impl<R> Future for Ask<R> {
    type Output = Result<R, AskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(answer) = Pin::new(&mut this.waiting).poll(cx) {
            let dropped = || Err(AskError::Refused("the message was dropped".into()));
            return Poll::Ready(answer.unwrap_or_else(|_| dropped()));
        }
        let deadline = this.deadline;
        let timer = this
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(AskError::Timeout))
    }
}
