//! A message on its way, its type hidden, and the way back for its answer.

use std::any::Any;
use std::sync::Arc;

use actix::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::AskError;
use crate::link::Source;
use crate::pid::AnyPid;
use crate::protocol::Protocol;
use crate::slot::Slot;
use crate::tls::PeerIdentity;
use crate::trace::Trace;
use crate::wire::frame::Written;
use crate::wire::{Age, Body, DecodeError, EncodeError, decode, encode_into};

/// A message with what belongs to it, its type hidden: what a mailbox holds. One allocation.
pub trait Parcel: Any + Send {
    /// What is known of it besides its content.
    fn head(&self) -> Head;

    /// Until when it matters, if it is an ask.
    fn deadline(&self) -> Option<Instant>;

    /// Whether it is an ask that nobody waits for any more.
    fn cancelled(&self) -> bool;

    /// Ends it unhandled.
    fn refuse(self: Box<Self>, why: AskError);
}

/// Where a message came from, and until when it matters.
#[derive(Clone, Default)]
pub struct Head {
    pub(crate) trace: Trace,
    /// For asks.
    pub(crate) deadline: Option<Instant>,
    /// The other node, and the actor there, that sent it.
    pub(crate) source: Option<Arc<Source>>,
}

/// What a parcel is, to be seen without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// The number of the message in its protocol.
    pub(crate) tag: u32,
    pub(crate) is_ask: bool,
}

/// What an observer wants to know of an ask.
pub(crate) struct Origin {
    pub(crate) sender: Option<AnyPid>,
    pub(crate) deadline: Option<Instant>,
}

impl Head {
    /// Who the other node is, if it came from one.
    pub(crate) fn peer(&self) -> Option<&Arc<PeerIdentity>> {
        self.source.as_ref()?.peer()
    }
}

/// The parcel of a tell of type `M` on one node. There are more of these than of all others, so it holds no more
/// than it must: see the test.
pub(crate) struct Told<M> {
    pub(crate) trace: Trace,
    pub(crate) message: M,
}

impl<M: Send + 'static> Parcel for Told<M> {
    fn head(&self) -> Head {
        Head {
            trace: self.trace,
            ..Head::default()
        }
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn refuse(self: Box<Self>, _: AskError) {}
}

/// The parcel of any message of type `M`.
pub(crate) struct Sealed<M: Message> {
    pub(crate) head: Head,
    pub(crate) message: M,
    pub(crate) reply: Reply<M::Result>,
}

impl<M> Parcel for Sealed<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn head(&self) -> Head {
        self.head.clone()
    }

    fn deadline(&self) -> Option<Instant> {
        self.head.deadline
    }

    fn cancelled(&self) -> bool {
        self.reply.cancelled()
    }

    fn refuse(self: Box<Self>, why: AskError) {
        self.reply.answer(Err(why));
    }
}

/// The message in a parcel, if it is an `M`.
#[cfg(feature = "sim")]
pub(crate) fn content<M>(parcel: &dyn Any) -> Option<&M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    match parcel.downcast_ref::<Told<M>>() {
        Some(told) => Some(&told.message),
        None => Some(&parcel.downcast_ref::<Sealed<M>>()?.message),
    }
}

/// What an ask resolves to.
pub(crate) type Answer<R> = Result<R, AskError>;

/// How an answer becomes bytes.
pub(crate) struct Write<R> {
    /// Of the protocol.
    version: u16,
    encode: fn(&R, &mut Body) -> Result<(), EncodeError>,
}

/// Where the answer to a message goes.
pub(crate) enum Reply<R> {
    /// A tell: nowhere.
    Nobody,
    /// To a future outside of any actor.
    Future(oneshot::Sender<Answer<R>>),
    /// To an actor of this node: through its mailbox, so that it keeps its place among the other
    /// messages from the same sender.
    Actor(Arc<Slot>, oneshot::Sender<Answer<R>>),
    /// To another node. In a box of its own, so that tells, which are more, are small: see the test.
    Remote(Box<(Replier, Write<R>)>),
}

impl<R: Send + 'static> Reply<R> {
    pub(crate) fn cancelled(&self) -> bool {
        match self {
            Self::Nobody => false,
            Self::Future(waiting) | Self::Actor(_, waiting) => waiting.is_closed(),
            Self::Remote(way) => way.0.0.cancelled(),
        }
    }

    pub(crate) fn answer(self, answer: Answer<R>) {
        match self {
            Self::Nobody => {}
            // An asker that went away no longer wants its answer.
            Self::Future(waiting) => drop(waiting.send(answer)),
            Self::Actor(asker, waiting) => asker.mailbox.answer(Box::new(move || {
                let _ = waiting.send(answer);
            })),
            Self::Remote(way) => {
                let (replier, Write { version, encode }) = *way;
                let mut body = Body::default();
                let encoded = answer.and_then(|value| {
                    let refused = |error| AskError::Refused(format!("its answer: {error}"));
                    encode(&value, &mut body).map_err(refused)
                });
                replier.0.answer(encoded.map(|()| Written {
                    version,
                    bytes: &body[..],
                }));
            }
        }
    }
}

/// The way back to an asker on another node.
#[doc(hidden)]
pub struct Replier(pub(crate) Box<dyn RemoteReply>);

pub(crate) trait RemoteReply: Send {
    fn cancelled(&self) -> bool;
    fn answer(self: Box<Self>, answer: Answer<Written<&[u8]>>);
}

/// Why bytes from another node did not become a message.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The protocol has no such number: the sender knows a later version of it.
    #[error("message number {0} is unknown")]
    Unlisted(u32),
    /// The protocol never crosses nodes.
    #[error("its protocol is local to a node")]
    LocalProtocol,
    /// The body does not decode.
    #[error("its body does not decode: {0}")]
    Body(#[from] DecodeError),
}

/// Decodes a message from another node; called by the code that [`protocol!`](crate::protocol) writes.
#[doc(hidden)]
pub fn open<P, M>(
    version: u16,
    body: &[u8],
    head: Head,
    reply: Option<Replier>,
) -> Result<Box<dyn Parcel>, OpenError>
where
    P: Protocol,
    M: Message + DeserializeOwned + Send + 'static,
    M::Result: Serialize + Send,
{
    let message = match decode::<M>(body, Age::of(version, P::VERSION)) {
        Ok(message) => message,
        Err(error) => return refuse(error.into(), reply),
    };
    let reply = match reply {
        Some(replier) => {
            let write = Write {
                version: P::VERSION,
                encode: encode_into::<M::Result>,
            };
            Reply::Remote(Box::new((replier, write)))
        }
        None => Reply::Nobody,
    };
    Ok(Box::new(Sealed {
        head,
        message,
        reply,
    }))
}

/// Tells the asker, if there is one, why its message was not opened.
#[doc(hidden)]
pub fn refuse(error: OpenError, reply: Option<Replier>) -> Result<Box<dyn Parcel>, OpenError> {
    if let Some(Replier(reply)) = reply {
        reply.answer(Err(AskError::Refused(error.to_string())));
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use actix::Message;
    use bytes::Bytes;

    use super::{Sealed, Told, Trace};

    /// As many small messages are.
    struct Small(#[expect(dead_code, reason = "only its size matters")] Bytes);

    impl Message for Small {
        type Result = ();
    }

    /// What glibc's allocator keeps in its fast lists. A larger parcel costs a third of a local tell
    /// more as soon as many of them wait in a mailbox.
    const QUICKLY_ALLOCATED: usize = 120;

    #[test]
    fn the_parcel_of_a_small_message_is_quick_to_allocate() {
        assert!(size_of::<Sealed<Small>>() <= QUICKLY_ALLOCATED);
        // A tell has nothing but its trace besides its content.
        let besides = size_of::<Told<Small>>() - size_of::<Small>();
        assert_eq!(besides, size_of::<Trace>());
    }
}
