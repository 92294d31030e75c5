//! Answers to what the peer asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;

use super::{ASKS, Link};
use crate::error::{AskError, ExitReason};
use crate::parcel::{Answer, RemoteReply, Replier};
use crate::wire::frame::{self, Written};

/// The way back to the asker. Dropped without an answer, it says so.
struct Reply {
    link: Arc<Link>,
    ask: u64,
    /// Names of the actor that was asked and of the one that asked, if it was one.
    callee: Arc<str>,
    asker: Arc<str>,
    cancelled: Arc<AtomicBool>,
    answered: bool,
}

impl Link {
    /// Takes note of an ask of the peer. None if it has too many already; it was refused then.
    pub(super) fn serve(
        self: &Arc<Self>,
        ask: u64,
        callee: &Arc<str>,
        asker: &Arc<str>,
    ) -> Option<Replier> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let mut reply = Reply {
            link: self.clone(),
            ask,
            callee: callee.clone(),
            asker: asker.clone(),
            cancelled: cancelled.clone(),
            answered: false,
        };
        {
            let mut tables = self.tables();
            if !tables.ended && tables.serving.len() < ASKS {
                tables.serving.insert(ask, cancelled);
                return Some(Replier(Box::new(reply)));
            }
        }
        reply.send(&Err(AskError::Exited(ExitReason::Overloaded)));
        None
    }
}

impl Reply {
    fn send(&mut self, answer: &Answer<Written<Vec<u8>>>) {
        self.answered = true;
        self.link.tables().serving.remove(&self.ask);
        let mut frame = BytesMut::new();
        frame::put_answer(&mut frame, self.ask, answer);
        self.link.send_between(&self.callee, &self.asker, frame);
    }
}

impl RemoteReply for Reply {
    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn answer(mut self: Box<Self>, answer: Answer<Written<Vec<u8>>>) {
        self.send(&answer);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered {
            let why = "the message was dropped".to_owned();
            self.send(&Err(AskError::Refused(why)));
        }
    }
}
