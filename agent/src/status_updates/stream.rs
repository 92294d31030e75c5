//! The updates of one task or operation, in the order in which they must reach its framework.

use std::collections::VecDeque;
use std::sync::Arc;

use mesos::v1::FrameworkId;
use uuid::Uuid;

use crate::inbox::Inbound;

/// Updates of one stream that may wait for their acknowledgement. A framework that is gone for long
/// must not fill the disk; the terminal update is always accepted.
pub const MAX_PENDING: usize = 1024;

/// Acknowledged updates of one stream whose ids are remembered to recognise a repetition. An executor
/// repeats what the agent has not acknowledged to it, which is far less.
pub const MAX_REMEMBERED: usize = 1024;

/// A status on its way to somebody who acknowledges it.
pub trait Reported: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// What one stream is about.
    type Key: Clone + std::fmt::Debug + Ord + Send + Sync + 'static;

    /// The stream it belongs to.
    fn key(&self) -> Self::Key;

    /// What an acknowledgement repeats.
    fn uuid(&self) -> Uuid;

    /// Whether no update may follow.
    fn is_terminal(&self) -> bool;

    /// The status as bytes.
    fn encode(&self) -> Vec<u8>;

    /// What [`Reported::encode`] made bytes of; `None` if they are something else.
    fn decode(key: &Self::Key, bytes: &[u8]) -> Option<Self>;

    /// Whether nobody is left to acknowledge once `framework` is gone.
    fn belongs_to(key: &Self::Key, framework: &FrameworkId) -> bool;

    /// How the agent is told to send it.
    fn inbound(update: Arc<Self>) -> Inbound;
}

/// What to do with an update that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write it down, then [`Stream::push`] it.
    New,
    /// It is written down already: confirm it again, do nothing else.
    Repeated,
    /// The stream has ended: confirm it, drop it. The first terminal update wins.
    TooLate,
    /// Too many wait already: do not confirm it.
    Overflow,
}

/// The updates of one task or operation. Exactly one is in flight: the first.
#[derive(Clone, Debug)]
pub struct Stream<U> {
    pending: VecDeque<Arc<U>>,
    acknowledged: VecDeque<Uuid>,
    has_ended: bool,
}

impl<U> Default for Stream<U> {
    fn default() -> Self {
        Stream {
            pending: VecDeque::new(),
            acknowledged: VecDeque::new(),
            has_ended: false,
        }
    }
}

impl<U: Reported> Stream<U> {
    /// What to do with `update`.
    pub fn judge(&self, update: &U) -> Verdict {
        if self.knows(&update.uuid()) {
            Verdict::Repeated
        } else if self.has_ended {
            Verdict::TooLate
        } else if self.pending.len() >= MAX_PENDING && !update.is_terminal() {
            Verdict::Overflow
        } else {
            Verdict::New
        }
    }

    /// Queues a new update; it is in flight if it is the only one.
    pub fn push(&mut self, update: Arc<U>) {
        self.has_ended |= update.is_terminal();
        self.pending.push_back(update);
    }

    /// The update that is in flight.
    pub fn in_flight(&self) -> Option<&Arc<U>> {
        self.pending.front()
    }

    /// Whether `uuid` acknowledges the update in flight. Any other is a repetition or a mistake.
    pub fn expects(&self, uuid: &Uuid) -> bool {
        self.in_flight().is_some_and(|u| u.uuid() == *uuid)
    }

    /// Takes the acknowledged update off; the next one is in flight.
    pub fn pop(&mut self) -> Option<Arc<U>> {
        let update = self.pending.pop_front()?;
        if self.acknowledged.len() == MAX_REMEMBERED {
            self.acknowledged.pop_front();
        }
        self.acknowledged.push_back(update.uuid());
        Some(update)
    }

    fn knows(&self, uuid: &Uuid) -> bool {
        self.pending.iter().any(|u| u.uuid() == *uuid) || self.acknowledged.contains(uuid)
    }
}
