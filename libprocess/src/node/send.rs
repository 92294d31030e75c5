//! Sending: tell, tell when ready, ask. Local targets get the value itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::Message;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Ask, Node, Way};
use crate::error::{AskError, ExitReason, SendError};
use crate::link::{Cancel, Done, Outgoing, Run};
use crate::mailbox::{Letter, Pushed};
use crate::observe::spans::Asking;
use crate::parcel::{Answer, Head, Label, Reply, Sealed, Told};
use crate::pid::{AnyPid, Pid};
use crate::protocol::Accepts;
use crate::slot::Slot;
use crate::trace::Trace;
use crate::wire::frame::Written;
use crate::wire::{Body, EncodeError};

/// On whose behalf something is sent.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) pid: Option<&'a AnyPid>,
    /// Of the message whose handler sends.
    pub(crate) trace: Trace,
    /// Until when somebody waits for what comes of it, if that is known: no ask waits longer.
    pub(crate) deadline: Option<Instant>,
}

impl Node {
    /// Sends a message and forgets it. Never blocks.
    ///
    /// Delivered at most once, in order with everything else from the same sender. Whether it arrived can
    /// be known by an ask or an answer in the protocol; if the way to the actor breaks, those who
    /// monitor it hear so.
    pub fn tell<P, M>(&self, to: &Pid<P>, message: M)
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.tell_from(self.outside(), to, message);
    }

    /// Sends a message as soon as there is room for it.
    pub async fn tell_ready<P, M>(&self, to: &Pid<P>, message: M) -> Result<(), SendError>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.tell_ready_from(self.outside(), to, message).await
    }

    /// Sends a message and waits for its answer for at most `timeout`. It is sent at once, not when the
    /// future is first polled; dropping the future takes it back if it is still queued.
    pub fn ask<P, M>(&self, to: &Pid<P>, message: M, timeout: Duration) -> Ask<M::Result>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.ask_from(self.outside(), None, to, message, timeout)
    }

    /// The sender of what is not sent by an actor: it begins a trace.
    fn outside(&self) -> Sender<'static> {
        Sender {
            pid: None,
            trace: Trace {
                number: self.number(&self.0.traces),
                span: 0,
            },
            deadline: None,
        }
    }

    /// A number for a span. Not one of those for traces, which are the same whether somebody wants spans or not.
    pub(crate) fn span_number(&self) -> u64 {
        self.number(&self.0.spans)
    }

    /// One that no other node has.
    fn number(&self, count: &AtomicU64) -> u64 {
        let before = count.fetch_add(1, Ordering::Relaxed);
        self.0.incarnation.wrapping_add(before + 1)
    }

    pub(crate) fn tell_from<P, M>(&self, from: Sender<'_>, to: &Pid<P>, message: M)
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match self.way(to.as_any()) {
            Way::Here(slot) if slot.speaks::<P>() => {
                self.deliver(&slot, told::<P, M>(from, message));
            }
            Way::Here(_) | Way::Nowhere => self.count_undelivered(1),
            Way::There(link) => {
                let mut body = Body::default();
                match outgoing(from, to, &message, &mut body) {
                    Ok(outgoing) => link.tell(outgoing),
                    Err(error) => {
                        tracing::warn!(%to, %error, "message not sent");
                        self.count_undelivered(1);
                    }
                }
            }
        }
    }

    pub(crate) async fn tell_ready_from<P, M>(
        &self,
        from: Sender<'_>,
        to: &Pid<P>,
        message: M,
    ) -> Result<(), SendError>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let slot = match self.way(to.as_any()) {
            Way::Here(slot) if slot.speaks::<P>() => slot,
            Way::Here(_) | Way::Nowhere => {
                self.count_undelivered(1);
                return Err(SendError::Exited(ExitReason::NoProcess));
            }
            Way::There(link) => {
                let mut body = Body::default();
                let outgoing = outgoing(from, to, &message, &mut body)
                    .map_err(|error| SendError::Unsendable(error.to_string()))?;
                return link.tell_ready(outgoing).await.map_err(SendError::Exited);
            }
        };
        match slot.enter_ready(told::<P, M>(from, message)).await {
            true => Ok(()),
            false => Err(SendError::Exited(reason(&slot))),
        }
    }

    pub(crate) fn ask_from<P, M>(
        &self,
        from: Sender<'_>,
        asker: Option<&Arc<Slot>>,
        to: &Pid<P>,
        message: M,
        timeout: Duration,
    ) -> Ask<M::Result>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let now = Instant::now();
        let deadline = from
            .deadline
            .map_or(now + timeout, |outer| outer.min(now + timeout));
        let (answer, waiting) = oneshot::channel();
        let reply = match asker {
            Some(asker) => Reply::Actor(asker.clone(), answer),
            None => Reply::Future(answer),
        };
        let span = Asking::of::<M>(self, to, from.trace);
        if deadline <= now {
            reply.answer(Err(AskError::Timeout));
            return Ask::new(waiting, deadline, &self.0.timers, None, span);
        }
        let from = match &span {
            Some(span) => Sender {
                trace: from.trace.within(span.number),
                ..from
            },
            None => from,
        };
        let mut body = None;
        let mut near = false;
        let cancel = match self.way(to.as_any()) {
            Way::Here(slot) if slot.speaks::<P>() => {
                self.deliver(&slot, asked::<P, M>(from, message, reply, deadline));
                near = from.pid.is_some() || self.0.arbiters.are_here();
                None
            }
            Way::Here(_) | Way::Nowhere => {
                self.count_undelivered(1);
                reply.answer(Err(AskError::Exited(ExitReason::NoProcess)));
                None
            }
            Way::There(link) => match outgoing(from, to, &message, body.insert(Body::default())) {
                Ok(outgoing) => {
                    let done = decode_then::<P, M>(reply);
                    let ask = link.ask(outgoing, now, deadline, done);
                    Some(Cancel { link, ask })
                }
                Err(error) => {
                    reply.answer(Err(match error {
                        EncodeError::LocalProtocol => AskError::Exited(ExitReason::NoProcess),
                        error => AskError::Refused(error.to_string()),
                    }));
                    None
                }
            },
        };
        Ask::new(waiting, deadline, &self.0.timers, cancel, span).near(near)
    }

    /// Into the mailbox, or back to the asker.
    #[inline]
    pub(crate) fn deliver(&self, slot: &Slot, letter: Letter<'_>) {
        let pushed = slot.enter(letter);
        if !matches!(pushed, Pushed::Taken) {
            self.not_taken(slot, pushed);
        }
    }

    #[cold]
    fn not_taken(&self, slot: &Slot, pushed: Pushed) {
        match pushed {
            Pushed::Taken => {}
            Pushed::Full(parcel) => {
                parcel.refuse(AskError::Exited(ExitReason::Overloaded));
                slot.overflow();
            }
            Pushed::Ended(parcel) => {
                self.count_undelivered(1);
                parcel.refuse(AskError::Exited(reason(slot)));
            }
        }
    }

    /// Messages from another node: into the mailbox, or back to those who asked.
    pub(crate) fn deliver_run(&self, slot: &Slot, run: Run) {
        if let Err(mut run) = slot.mailbox.push_run(run) {
            self.count_undelivered(run.count());
            run.refuse(&AskError::Exited(reason(slot)));
        }
    }

    pub(crate) fn count_undelivered(&self, count: usize) {
        self.0
            .undelivered
            .fetch_add(count as u64, Ordering::Relaxed);
    }
}

fn told<'a, P, M>(from: Sender<'a>, message: M) -> Letter<'a>
where
    P: Accepts<M>,
    M: Message + Send + 'static,
{
    Letter {
        label: Label {
            tag: P::TAG,
            is_ask: false,
        },
        from: from.pid,
        parcel: Box::new(Told {
            trace: from.trace,
            message,
        }),
    }
}

fn asked<'a, P, M>(
    from: Sender<'a>,
    message: M,
    reply: Reply<M::Result>,
    deadline: Instant,
) -> Letter<'a>
where
    P: Accepts<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let head = Head {
        trace: from.trace,
        deadline: Some(deadline),
        source: None,
    };
    Letter {
        label: Label {
            tag: P::TAG,
            is_ask: true,
        },
        from: from.pid,
        parcel: Box::new(Sealed {
            head,
            message,
            reply,
        }),
    }
}

/// Hands an answer from another node to whom it is for.
fn decode_then<P, M>(reply: Reply<M::Result>) -> Done
where
    P: Accepts<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    Box::new(move |answer: Answer<Written<&[u8]>>| {
        reply.answer(answer.and_then(|body| {
            let refused = |error| AskError::Refused(format!("its answer: {error}"));
            P::decode_answer(body.version, body.bytes).map_err(refused)
        }));
    })
}

fn outgoing<'a, P, M>(
    from: Sender<'a>,
    to: &'a Pid<P>,
    message: &M,
    body: &'a mut Body,
) -> Result<Outgoing<'a>, EncodeError>
where
    P: Accepts<M>,
    M: Message,
{
    P::encode(message, body)?;
    Ok(Outgoing {
        protocol: P::NAME,
        version: P::VERSION,
        to: to.as_any(),
        from: from.pid,
        tag: P::TAG,
        trace: from.trace,
        ask: None,
        body,
    })
}

fn reason(slot: &Slot) -> ExitReason {
    slot.end_reason().unwrap_or(ExitReason::NoProcess)
}
