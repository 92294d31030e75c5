//! Who follows a history, and how far each has come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It did not read for so long that what it needs next is no longer kept.
    Slow,
    /// More came, and it was the oldest.
    Crowded,
    /// The master ended, or leads no more.
    Over,
    /// Its reader went.
    Left,
}

/// The place of one subscription.
#[derive(Debug)]
pub(super) struct Seat {
    /// The number of the entry it reads next.
    pub(super) next: AtomicU64,
    end: watch::Sender<Option<End>>,
}

impl Seat {
    fn new(next: u64) -> Seat {
        Seat {
            next: AtomicU64::new(next),
            end: watch::Sender::new(None),
        }
    }

    /// Ends it, unless it has ended.
    pub(super) fn end(&self, why: End) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert(why);
            first
        });
    }

    pub(super) fn watch_end(&self) -> watch::Receiver<Option<End>> {
        self.end.subscribe()
    }
}

/// All of one history, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: BTreeMap<u64, Arc<Seat>>,
    /// Seats ever taken, for their numbers.
    count: u64,
    /// How many were ended because they did not read.
    pub(super) slow: u64,
    /// How many were ended because more came.
    pub(super) crowded: u64,
}

impl Seats {
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Takes one; beyond `max` the oldest goes, as in Mesos.
    pub(super) fn take(&mut self, next: u64, max: usize) -> (u64, Arc<Seat>) {
        while self.taken.len() >= max.max(1) {
            let Some((number, oldest)) = self.taken.pop_first() else {
                break;
            };
            tracing::warn!(
                subscriber = number,
                max,
                "too many subscribers of operator events; the oldest is disconnected \
                 (--max_operator_event_stream_subscribers)"
            );
            oldest.end(End::Crowded);
            self.crowded += 1;
        }
        let (number, seat) = (self.count, Arc::new(Seat::new(next)));
        self.count += 1;
        self.taken.insert(number, seat.clone());
        (number, seat)
    }

    pub(super) fn leave(&mut self, number: u64) {
        self.taken.remove(&number);
    }

    /// Ends those that need something older than `first`.
    pub(super) fn end_slow(&mut self, first: u64) {
        let slow = |seat: &Arc<Seat>| seat.next.load(Ordering::Acquire) < first;
        self.taken.retain(|number, seat| {
            let is_slow = slow(seat);
            if is_slow {
                tracing::warn!(
                    subscriber = number,
                    "a subscriber of operator events does not read them; it is disconnected"
                );
                seat.end(End::Slow);
                self.slow += 1;
            }
            !is_slow
        });
    }

    pub(super) fn end_all(&mut self, why: End) {
        for (_, seat) in std::mem::take(&mut self.taken) {
            seat.end(why);
        }
    }
}
