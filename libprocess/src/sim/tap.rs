//! The typed tap: what a scenario says about single messages between actors.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use actix::Message;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::envelope::Envelope;
use super::net::Net;
use super::party::Party;
use super::taps::{Act, Condition, Tap};
use super::world::World;

/// How long a tap that is awaited waits, in virtual time, unless [`Expect::within`] says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How many lines of what came instead are printed.
const INSTEAD: usize = 20;

/// Single messages, by their type. A tap sees a message when its actor is about to handle it: after decoding, in the
/// order in which the actor gets it.
///
/// `from` and `to` may be a node, the name of an actor, a pid, or [`ANY`](super::ANY). What one `drop_next` or
/// `delay_next` took is not there for another; `expect` only looks.
impl Net {
    /// Waits for a message of type `M`, from now on: set it before what causes the message, await it after.
    ///
    /// Awaiting it panics, with what came instead, when [`PATIENCE`] is at its end; see [`Expect::within`].
    pub fn expect<M>(&self, from: impl Into<Party>, to: impl Into<Party>) -> Expect<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.tap(Act::See, from.into(), to.into(), true)
    }

    /// Loses the next message of type `M`. If it is an ask, it gets no answer: whoever asked waits until the deadline.
    ///
    /// It happens whether or not what is returned is kept.
    pub fn drop_next<M>(&self, from: impl Into<Party>, to: impl Into<Party>) -> Intercept<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Intercept(self.tap(Act::Drop, from.into(), to.into(), false))
    }

    /// Lets the next message of type `M` be handled so much later. The order of a pair holds: all messages and exit
    /// notices from the same sender to the same actor wait behind it. Answers do not.
    ///
    /// It happens whether or not what is returned is kept.
    pub fn delay_next<M>(
        &self,
        from: impl Into<Party>,
        to: impl Into<Party>,
        by: Duration,
    ) -> Intercept<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        // Zero stands for those that wait behind.
        let by = by.max(Duration::from_millis(1));
        Intercept(self.tap(Act::Delay(by), from.into(), to.into(), false))
    }

    /// While its guard lives, a message of type `M` fails the run. It is not handled.
    pub fn never<M>(&self, from: impl Into<Party>, to: impl Into<Party>) -> Never<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Never(self.tap(Act::Forbid, from.into(), to.into(), true))
    }

    fn tap<M>(&self, act: Act, from: Party, to: Party, ends_with_handle: bool) -> Expect<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let condition = Condition::new();
        let (tell, seen) = oneshot::channel();
        let number = self.world.taps(|taps| {
            taps.add(Tap {
                from: from.clone(),
                to: to.clone(),
                act,
                meant: condition.check(),
                seen: Some(tell),
            })
        });
        Expect {
            world: Arc::downgrade(&self.world),
            number,
            ends_with_handle,
            from,
            to,
            first: self.world.envelopes(|envelopes| envelopes.count()),
            condition,
            seen,
            deadline: Instant::now() + PATIENCE,
            timer: None,
        }
    }
}

/// Resolves to the envelope of the first message that was meant.
#[must_use = "an expectation that is not awaited expects nothing"]
pub struct Expect<M> {
    world: Weak<World>,
    number: u64,
    ends_with_handle: bool,
    from: Party,
    to: Party,
    /// How many envelopes there were before.
    first: u64,
    condition: Condition<M>,
    seen: oneshot::Receiver<Envelope>,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<M: Message + 'static> Expect<M> {
    /// Means only messages for which this holds. It must not use the `Net`.
    pub fn matching(self, predicate: impl Fn(&M) -> bool + Send + 'static) -> Self {
        self.condition.set(predicate);
        self
    }

    /// Waits for at most so long, in virtual time, from now on.
    pub fn within(mut self, patience: Duration) -> Self {
        self.deadline = Instant::now() + patience;
        self
    }

    fn missed(&self) -> String {
        let wanted = std::any::type_name::<M>();
        let came = self.world.upgrade().map(|world| {
            world.envelopes(|envelopes| envelopes.between(&self.from, &self.to, self.first))
        });
        let came = came.unwrap_or_default();
        let last = &came[came.len().saturating_sub(INSTEAD)..];
        let (from, to) = (&self.from, &self.to);
        match last {
            [] => format!("no `{wanted}` from {from:?} to {to:?}, and nothing else"),
            lines => format!(
                "no `{wanted}` from {from:?} to {to:?}; what came instead, of {} the last:\n{}",
                came.len(),
                lines.join("\n")
            ),
        }
    }
}

impl<M: Message + 'static> Future for Expect<M> {
    type Output = Envelope;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Envelope> {
        if let Poll::Ready(Ok(envelope)) = Pin::new(&mut self.seen).poll(cx) {
            return Poll::Ready(envelope);
        }
        let deadline = self.deadline;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => panic!("{}", self.missed()),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<M> Drop for Expect<M> {
    fn drop(&mut self) {
        if self.ends_with_handle
            && let Some(world) = self.world.upgrade()
        {
            let number = self.number;
            world.taps(|taps| taps.remove(number));
        }
    }
}

/// What is to become of one message. Dropping this changes nothing.
pub struct Intercept<M>(Expect<M>);

impl<M: Message + 'static> Intercept<M> {
    /// Means only messages for which this holds. It must not use the `Net`.
    pub fn matching(self, predicate: impl Fn(&M) -> bool + Send + 'static) -> Self {
        Intercept(self.0.matching(predicate))
    }

    /// Waits until it happened, for at most [`PATIENCE`], as [`Net::expect`] does.
    pub async fn done(self) -> Envelope {
        self.0.await
    }
}

/// Forbids messages as long as it lives.
#[must_use = "what is never to pass may pass once this is dropped"]
pub struct Never<M>(Expect<M>);

impl<M: Message + 'static> Never<M> {
    /// Means only messages for which this holds. It must not use the `Net`.
    pub fn matching(self, predicate: impl Fn(&M) -> bool + Send + 'static) -> Self {
        Never(self.0.matching(predicate))
    }
}
