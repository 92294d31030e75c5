//! Those who wait until they may send: who came first is served first.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::MESSAGES_PER_TURN;

/// So many messages go past those who wait before all others queue behind them: it is cheaper not to change between
/// senders with every message, and nobody waits for long.
const PASSES: u32 = MESSAGES_PER_TURN as u32;

/// Senders to one receiver, in the order in which they came.
pub(crate) struct Line {
    /// Held by the first.
    first: Semaphore,
    waiting: AtomicU32,
    /// Messages that went past the line since the first was served.
    passed: AtomicU32,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            first: Semaphore::new(1),
            waiting: AtomicU32::new(0),
            passed: AtomicU32::new(0),
        }
    }
}

impl Line {
    /// Whether somebody who has just come may try, though others may wait.
    pub(crate) fn lets_pass(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
            || self.passed.fetch_add(1, Ordering::Relaxed) < PASSES
    }

    /// Somebody is about to wait.
    pub(crate) fn join(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody waits no longer. Whether nobody does.
    pub(crate) fn leave(&self) -> bool {
        self.waiting.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Waits until all who came before are served or gone.
    pub(crate) async fn first(&self) -> First<'_> {
        First {
            line: self,
            // It is never closed.
            _permit: self.first.acquire().await.ok(),
        }
    }
}

/// The first place in a line, until dropped.
pub(crate) struct First<'a> {
    line: &'a Line,
    _permit: Option<SemaphorePermit<'a>>,
}

impl First<'_> {
    pub(crate) fn served(self) {
        self.line.passed.store(0, Ordering::Relaxed);
    }
}
