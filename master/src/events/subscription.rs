//! Following a history.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::history::{Entry, History};
use super::revision::Revision;
use super::seats::{End, Seat};
use crate::state::Cluster;

/// What a subscription begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The events after this one follow.
    pub revision: Revision,
    /// The cluster at that moment; absent for who has come back.
    pub snapshot: Option<Cluster>,
}

/// A place in a history. It is given up when this is dropped.
#[derive(Debug)]
pub struct Subscription {
    history: Arc<History>,
    number: u64,
    seat: Arc<Seat>,
    news: watch::Receiver<u64>,
    end: watch::Receiver<Option<End>>,
}

impl Subscription {
    pub(super) fn new(
        history: Arc<History>,
        number: u64,
        seat: Arc<Seat>,
        news: watch::Receiver<u64>,
    ) -> Subscription {
        Subscription {
            history,
            number,
            end: seat.watch_end(),
            seat,
            news,
        }
    }

    /// The next event, when it is there; what ended the subscription instead.
    ///
    /// Nothing is lost if the wait is given up.
    ///
    /// # Errors
    /// Why there will be none.
    pub async fn next(&mut self) -> Result<Arc<Entry>, End> {
        loop {
            if let Some(end) = *self.end.borrow() {
                return Err(end);
            }
            self.news.borrow_and_update();
            let next = self.seat.next.load(Ordering::Acquire);
            if let Some(entry) = self.history.entry(next)? {
                self.seat.next.store(next + 1, Ordering::Release);
                return Ok(entry);
            }
            tokio::select! {
                changed = self.news.changed() => changed.map_err(|_| End::Over)?,
                end = self.end.changed() => end.map_err(|_| End::Over)?,
            }
        }
    }

    /// The revision that was read last.
    pub fn revision(&self) -> Revision {
        let next = self.seat.next.load(Ordering::Acquire);
        self.history.revision(next.saturating_sub(1))
    }

    /// A hand on the end of this subscription, for whoever does not read it.
    pub fn ending(&self) -> Ending {
        Ending {
            seat: self.seat.clone(),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.seat.end(End::Left);
        self.history.leave(self.number);
    }
}

/// See [`Subscription::ending`].
#[derive(Clone, Debug)]
pub struct Ending {
    seat: Arc<Seat>,
}

impl Ending {
    /// Resolves when the subscription has ended.
    pub async fn ended(&self) -> End {
        let mut end = self.seat.watch_end();
        let ended = end.wait_for(Option::is_some).await;
        ended.ok().and_then(|end| *end).unwrap_or(End::Left)
    }

    /// Ends it: its reader has gone.
    pub fn leave(&self) {
        self.seat.end(End::Left);
    }
}
