//! Answers to what the peer asked.

use std::sync::Arc;

use super::Link;
use super::asks::{NONE, PLACES};
use super::run::Source;
use crate::error::AskError;
use crate::parcel::{Answer, RemoteReply, Replier};
use crate::wire::frame::{self, Written};

/// What an answer's frame has besides its body; an error's text is short.
const FRAME: usize = 64;

/// The way back to the asker. Dropped without an answer, it says so.
struct Reply {
    source: Arc<Source>,
    ask: u64,
    answered: bool,
}

/// Asks of the peer that somebody there waits for, in the places that they have there (see [`asks`](super::asks)). As
/// many as it may have, since a place that is taken again has lost who waited in it.
#[derive(Default)]
pub(super) struct Serving(Vec<u64>);

impl Serving {
    pub(super) fn begin(&mut self, ask: u64) {
        let place = place(ask);
        if place >= self.0.len() {
            self.0.resize(place + 1, NONE);
        }
        // A later ask may have come first, on another lane: then nobody waits for this one any more.
        let there = &mut self.0[place];
        *there = ask.max(*there);
    }

    pub(super) fn end(&mut self, ask: u64) {
        if let Some(there) = self.0.get_mut(place(ask))
            && *there == ask
        {
            *there = NONE;
        }
    }

    fn has(&self, ask: u64) -> bool {
        ask != NONE && self.0.get(place(ask)) == Some(&ask)
    }

    #[cfg(feature = "fuzzing")]
    pub(super) fn places(&self) -> usize {
        self.0.len()
    }
}

fn place(ask: u64) -> usize {
    (ask % PLACES) as usize
}

impl Link {
    /// Takes note of an ask of the peer.
    pub(super) fn serve(&self, ask: u64) {
        self.tables().serving.begin(ask);
    }

    /// Whether the peer waits for the answer to its ask.
    pub(super) fn serves(&self, ask: u64) -> bool {
        self.tables().serving.has(ask)
    }

    /// The way back for the answer to an ask.
    pub(super) fn replier(source: Arc<Source>, ask: u64) -> Replier {
        Replier(Box::new(Reply {
            source,
            ask,
            answered: false,
        }))
    }
}

impl Reply {
    fn send(&mut self, answer: Answer<Written<&[u8]>>) {
        self.answered = true;
        let link = &self.source.link;
        link.tables().serving.end(self.ask);
        let length = FRAME + answer.as_ref().map_or(0, |body| body.bytes.len());
        let added = link.outbox().add_frame(&self.source.back, length, |out| {
            frame::put_answer(out, self.ask, answer.as_ref().copied());
        });
        // If the link has ended, the asker learns the same from that.
        let _ = link.follow_up(added);
    }
}

impl RemoteReply for Reply {
    fn cancelled(&self) -> bool {
        !self.source.link.serves(self.ask)
    }

    fn answer(mut self: Box<Self>, answer: Answer<Written<&[u8]>>) {
        self.send(answer);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered {
            let why = "the message was dropped".to_owned();
            self.send(Err(AskError::Refused(why)));
        }
    }
}
