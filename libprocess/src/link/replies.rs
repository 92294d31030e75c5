//! Answers to what the peer asked.

use std::sync::Arc;

use super::run::Source;
use super::{ASKS, Link};
use crate::error::{AskError, ExitReason};
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

impl Link {
    /// Takes note of an ask of the peer. False if it has too many already; it is refused then.
    pub(super) fn serve(source: &Arc<Source>, ask: u64) -> bool {
        {
            let mut tables = source.link.tables();
            if !tables.ended && tables.serving.len() < ASKS {
                tables.serving.insert(ask);
                return true;
            }
        }
        let overloaded = AskError::Exited(ExitReason::Overloaded);
        Link::replier(source.clone(), ask).0.answer(Err(overloaded));
        false
    }

    /// Whether the peer waits for the answer to its ask.
    pub(super) fn serves(&self, ask: u64) -> bool {
        self.tables().serving.contains(&ask)
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
        link.tables().serving.remove(&self.ask);
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
