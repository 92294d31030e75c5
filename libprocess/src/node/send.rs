//! Sending: tell, tell when ready, ask. Local targets get the value itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::Message;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Ask, Node};
use crate::error::{AskError, ExitReason, SendError};
use crate::mailbox::{Letter, Origin, Refusal};
use crate::parcel::{Reply, Sealed};
use crate::pid::{AnyPid, Pid};
use crate::protocol::Accepts;
use crate::slot::Slot;

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
        self.tell_from(None, to, message);
    }

    /// Sends a message as soon as there is room for it.
    pub async fn tell_ready<P, M>(&self, to: &Pid<P>, message: M) -> Result<(), SendError>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.tell_ready_from(None, to, message).await
    }

    /// Sends a message and waits for its answer for at most `timeout`. It is sent at once, not when the
    /// future is first polled; dropping the future takes it back if it is still queued.
    pub fn ask<P, M>(&self, to: &Pid<P>, message: M, timeout: Duration) -> Ask<M::Result>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.ask_from(None, to, message, timeout)
    }

    pub(crate) fn tell_from<P, M>(&self, from: Option<&AnyPid>, to: &Pid<P>, message: M)
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match self.find_speaking::<P>(to) {
            Some(slot) => deliver(&slot, letter::<P, M>(from, message, Reply::Nobody, None)),
            None => self.count_undelivered(),
        }
    }

    pub(crate) async fn tell_ready_from<P, M>(
        &self,
        from: Option<&AnyPid>,
        to: &Pid<P>,
        message: M,
    ) -> Result<(), SendError>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let Some(slot) = self.find_speaking::<P>(to) else {
            self.count_undelivered();
            return Err(SendError::Exited(ExitReason::NoProcess));
        };
        let letter = letter::<P, M>(from, message, Reply::Nobody, None);
        slot.mailbox
            .push_ready(letter)
            .await
            .map_err(|_| SendError::Exited(reason(&slot)))
    }

    pub(crate) fn ask_from<P, M>(
        &self,
        from: Option<&Arc<Slot>>,
        to: &Pid<P>,
        message: M,
        timeout: Duration,
    ) -> Ask<M::Result>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let deadline = Instant::now() + timeout;
        let (answer, waiting) = oneshot::channel();
        match self.find_speaking::<P>(to) {
            Some(slot) => {
                let (from, reply) = match from {
                    Some(asker) => (Some(&asker.pid), Reply::Actor(asker.clone(), answer)),
                    None => (None, Reply::Future(answer)),
                };
                deliver(&slot, letter::<P, M>(from, message, reply, Some(deadline)));
            }
            None => {
                self.count_undelivered();
                let _ = answer.send(Err(AskError::Exited(ExitReason::NoProcess)));
            }
        }
        Ask::new(waiting, deadline, None)
    }

    /// The living actor of this node that `to` means, provided it speaks `P`.
    fn find_speaking<P: crate::Protocol>(&self, to: &Pid<P>) -> Option<Arc<Slot>> {
        self.find(to.as_any())
            .filter(|slot| slot.protocol == P::NAME)
    }

    pub(crate) fn count_undelivered(&self) {
        self.0.undelivered.fetch_add(1, Ordering::Relaxed);
    }
}

fn letter<P, M>(
    from: Option<&AnyPid>,
    message: M,
    reply: Reply<M::Result>,
    deadline: Option<Instant>,
) -> Letter
where
    P: Accepts<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    Letter {
        tag: P::TAG,
        parcel: Box::new(Sealed { message, reply }),
        origin: Origin {
            sender: from.cloned(),
            peer: None,
            deadline,
        },
        credit: None,
    }
}

/// Into the mailbox, or back to the asker.
pub(crate) fn deliver(slot: &Slot, letter: Letter) {
    match slot.mailbox.push(letter) {
        Ok(()) => {}
        Err(Refusal::Full(letter)) => {
            letter
                .parcel
                .refuse(AskError::Exited(ExitReason::Overloaded));
            slot.overflow();
        }
        Err(Refusal::Ended(letter)) => letter.parcel.refuse(AskError::Exited(reason(slot))),
    }
}

fn reason(slot: &Slot) -> ExitReason {
    slot.end_reason().unwrap_or(ExitReason::NoProcess)
}
