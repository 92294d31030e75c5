//! Messages of one actor to another as they came over a lane: however many they are, they take one
//! place in the mailbox, and are decoded where they are handled.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Link;
use super::credit::{Account, Credit};
use super::outbox::Pair;
use crate::error::AskError;
use crate::parcel::{OpenError, Origin, Replier};
use crate::pid::{Address, AnyPid};
use crate::tls::PeerIdentity;
use crate::trace::Trace;
use crate::wire::frame::{self, Asked, Frame, Head};

/// Whom messages came from, and the way back.
pub(crate) struct Source {
    pub(super) link: Arc<Link>,
    pub(super) account: Arc<Account>,
    /// The receiver and the sender.
    pub(super) back: Pair,
    sender: Option<AnyPid>,
    /// Of the protocol, as the sender has it.
    version: u16,
    peer: Option<Arc<PeerIdentity>>,
}

/// Messages in their order, from one source.
pub(crate) struct Run {
    source: Arc<Source>,
    /// Whole frames: tells and asks.
    frames: Bytes,
    /// How much of `frames` was taken.
    read: usize,
    /// Messages left.
    count: usize,
    /// When they came: from then on the deadlines of asks count.
    since: Instant,
    /// Given back when all are handled.
    credit: Option<Credit>,
}

/// One message of a run.
pub(crate) struct Arrived<'a> {
    pub(crate) tag: u32,
    pub(crate) trace: Trace,
    pub(crate) deadline: Option<Instant>,
    pub(crate) ask: Option<u64>,
    pub(crate) body: &'a [u8],
}

impl Source {
    pub(super) fn new(
        link: &Arc<Link>,
        to: Arc<str>,
        sender: Option<AnyPid>,
        version: u16,
    ) -> Arc<Self> {
        let asker = match &sender {
            Some(pid) => pid.shared_name().clone(),
            None => link.nobody.clone(),
        };
        Arc::new(Self {
            link: link.clone(),
            account: link.account(&to),
            back: Pair::new(to, asker),
            sender,
            version,
            peer: link.up.get().map(|up| up.peer.clone()),
        })
    }

    pub(crate) fn sender(&self) -> Option<&AnyPid> {
        self.sender.as_ref()
    }

    /// Of the protocol, as the sender has it.
    pub(crate) fn version(&self) -> u16 {
        self.version
    }

    pub(crate) fn peer(&self) -> Option<&Arc<PeerIdentity>> {
        self.peer.as_ref()
    }

    /// Takes note of a message from it that `to` does not understand.
    pub(crate) fn complain(&self, to: &Address, error: &OpenError) {
        let link = &self.link;
        link.count_dropped(1);
        link.links.complaints.say(|more| {
            tracing::warn!(%to, from = %link.remote, %error, more, "message refused");
        });
    }

    /// The way back for the answer to an ask.
    pub(crate) fn replier(self: &Arc<Self>, ask: u64) -> Replier {
        Link::replier(self.clone(), ask)
    }
}

impl Run {
    pub(super) fn new(source: Arc<Source>, frames: Bytes, count: usize, credit: Credit) -> Self {
        Self {
            source,
            frames,
            read: 0,
            count,
            since: Instant::now(),
            credit: Some(credit),
        }
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Messages left.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Takes the next message, and gives it to `handle`.
    pub(crate) fn next<R>(&mut self, handle: impl FnOnce(Arrived<'_>) -> R) -> Option<R> {
        // The reader has seen all of it already, so nothing of this fails.
        let (content, length) = frame::split(self.frames.get(self.read..)?).ok()??;
        let (head, asked, body) = match frame::parse(content).ok()? {
            Frame::Tell(head, body) => (head, None, body),
            Frame::Ask(head, asked, body) => (head, Some(asked), body),
            _ => return None,
        };
        // Before it is handled: it is not to come again if that panics.
        self.read += length;
        self.count -= 1;
        let Head { tag, trace, .. } = head;
        Some(handle(Arrived {
            tag,
            trace,
            deadline: asked.map(|asked| deadline(self.since, asked)),
            ask: asked.map(|asked| asked.id),
            body,
        }))
    }

    /// What is left of it, if anything; this is empty then.
    pub(crate) fn take_left(&mut self) -> Option<Self> {
        (self.count > 0).then(|| Self {
            source: self.source.clone(),
            frames: std::mem::take(&mut self.frames),
            read: std::mem::take(&mut self.read),
            count: std::mem::take(&mut self.count),
            since: self.since,
            credit: self.credit.take(),
        })
    }

    /// The asks among the messages left that somebody waits for: number and origin.
    pub(crate) fn asks(&self) -> Vec<(u32, Origin)> {
        let mut rest = &self.frames[self.read..];
        let mut asks = Vec::new();
        while let Ok(Some((content, length))) = frame::split(rest) {
            if let Ok(Frame::Ask(head, asked, _)) = frame::parse(content)
                && self.source.link.serves(asked.id)
            {
                let origin = Origin {
                    sender: self.source.sender.clone(),
                    deadline: Some(deadline(self.since, asked)),
                };
                asks.push((head.tag, origin));
            }
            rest = &rest[length..];
        }
        asks
    }

    /// Ends all that is left unhandled.
    pub(crate) fn refuse(&mut self, why: &AskError) {
        let source = self.source.clone();
        let refuse = |message: Arrived<'_>| {
            if let Some(ask) = message.ask {
                source.replier(ask).0.answer(Err(why.clone()));
            }
        };
        while self.next(refuse).is_some() {}
    }
}

fn deadline(since: Instant, asked: Asked) -> Instant {
    since + Duration::from_millis(u64::from(asked.milliseconds))
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.count > 0 {
            self.refuse(&AskError::Refused("the message was dropped".to_owned()));
        }
    }
}
