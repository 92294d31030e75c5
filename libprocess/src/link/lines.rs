//! Senders that wait until a message to another node would leave at once: a line for each receiver, so that nobody
//! waits for somebody who sends to another one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::line::Line;

/// By the name of the receiver. As many as senders wait.
#[derive(Default)]
pub(super) struct Lines {
    lines: Mutex<BTreeMap<Arc<str>, Arc<Line>>>,
    /// How many lines there are: mostly none.
    count: AtomicUsize,
}

impl Lines {
    /// Whether somebody who has just come may try, though others may wait.
    pub(super) fn let_pass(&self, to: &str) -> bool {
        self.count.load(Ordering::Relaxed) == 0
            || self.lock().get(to).is_none_or(|line| line.lets_pass())
    }

    /// Takes a place in the line of a receiver.
    pub(super) fn join(&self, to: &Arc<str>) -> Place<'_> {
        let mut lines = self.lock();
        let line = lines.entry(to.clone()).or_default().clone();
        line.join();
        self.count.store(lines.len(), Ordering::Relaxed);
        Place {
            lines: self,
            to: to.clone(),
            line,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a line, given up when dropped.
pub(super) struct Place<'a> {
    lines: &'a Lines,
    to: Arc<str>,
    pub(super) line: Arc<Line>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.lines.lock();
        if self.line.leave() {
            lines.remove(&self.to);
            self.lines.count.store(lines.len(), Ordering::Relaxed);
        }
    }
}
