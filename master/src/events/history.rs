//! What happened lately, in order, for all who follow.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use mesos::historic::{Historic, Museum};
use mesos::recordio;
use mesos::v1::master::Event;
use mesos::wire::{self, ContentType};
use prost::Message;
use tokio::sync::{Notify, watch};

use super::changes;
use super::revision::Revision;
use super::seats::{End, Seats};
use super::subscription::{Start, Subscription};
use crate::state::Cluster;

/// Events that are kept: those of a busy cluster for a minute.
const MAX_EVENTS: usize = 16_384;

/// Their bytes as protobuf. In memory they are a few times that.
const MAX_BYTES: usize = 32 << 20;

/// Moments that may wait to be compared; with more the last two become one. They share what did not
/// change.
const MAX_MOMENTS: usize = 1_024;

/// The events of one leadership.
pub struct History {
    epoch: String,
    museum: Museum,
    /// Whether anybody follows or may come back, so that there is something to be done.
    wanted: AtomicBool,
    inner: Mutex<Inner>,
    /// Told when moments wait.
    pub(super) work: Notify,
    /// The number of the last entry.
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// How many events there have been.
    last: u64,
    /// The cluster after the last of them; absent while nothing is written down.
    base: Option<Cluster>,
    moments: VecDeque<Cluster>,
    seats: Seats,
    is_over: bool,
}

/// One event, with its forms as they are asked for.
#[derive(Debug)]
pub struct Entry {
    /// The event; carries its revision.
    pub event: Event,
    json: OnceLock<Bytes>,
    protobuf: OnceLock<Bytes>,
    size: usize,
}

/// Why there is no subscription.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The events after this revision are not kept any more, or were told by another leader.
    #[error(
        "The events after revision {0} are not kept here{1}; subscribe without 'revision', which \
         begins with the whole state"
    )]
    Gone(Revision, &'static str),
    /// Nobody can have been told of this revision.
    #[error("Revision {0} has not been reached")]
    Ahead(Revision),
    /// The master ends, or does not lead.
    #[error("This master tells no events; it does not lead")]
    Over,
}

impl Entry {
    fn new(event: Event) -> Entry {
        Entry {
            size: event.encoded_len(),
            event,
            json: OnceLock::new(),
            protobuf: OnceLock::new(),
        }
    }

    /// As a record of a stream; made once for all who follow.
    pub fn record(&self, form: ContentType) -> Bytes {
        let cell = match form {
            ContentType::Json => &self.json,
            ContentType::Protobuf => &self.protobuf,
        };
        let write = || recordio::encode(&wire::encode(form, &self.event));
        cell.get_or_init(write).clone()
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// That of a master that does not lead: it tells nothing.
impl Default for History {
    fn default() -> History {
        let history = History::new(String::new());
        history.end();
        history
    }
}

impl History {
    /// An empty one.
    pub fn new(epoch: String) -> History {
        History {
            epoch,
            museum: Museum::default(),
            wanted: AtomicBool::new(false),
            inner: Mutex::default(),
            work: Notify::new(),
            news: watch::Sender::new(0),
        }
    }

    /// With a failure of old on show.
    pub fn showing(self, museum: Museum) -> History {
        History { museum, ..self }
    }

    /// The revision with this number.
    pub fn revision(&self, number: u64) -> Revision {
        Revision {
            epoch: self.epoch.clone(),
            number,
        }
    }

    /// How many follow.
    pub fn subscribers(&self) -> usize {
        self.lock().seats.len()
    }

    /// How many were disconnected because they did not read, and because more came.
    pub fn disconnected(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.seats.slow, inner.seats.crowded)
    }

    /// Notes a moment after it has been published. Costs nothing while nobody follows.
    pub(crate) fn note(&self, cluster: &Cluster) {
        // Whoever begins to follow takes the published moment after it has set this, so that it
        // misses nothing.
        if !self.wanted.load(Ordering::SeqCst) {
            return;
        }
        let mut inner = self.lock();
        if inner.base.is_none() {
            return;
        }
        if inner.moments.len() >= MAX_MOMENTS {
            inner.moments.pop_back();
        }
        inner.moments.push_back(cluster.clone());
        drop(inner);
        self.work.notify_one();
    }

    /// Follows from now on, or from the events after `from`. `published` gives the moment that was
    /// published last; of more than `max` subscribers the oldest goes.
    ///
    /// # Errors
    /// If `from` is not in this history, or the history is over.
    pub fn subscribe(
        self: &Arc<History>,
        published: impl FnOnce() -> Cluster,
        from: Option<&Revision>,
        max: usize,
    ) -> Result<(Start, Subscription), SubscribeError> {
        let mut inner = self.lock();
        if inner.is_over {
            return Err(SubscribeError::Over);
        }
        let (number, snapshot) = match from {
            Some(revision) => (self.resume(&inner, revision)?, None),
            None => {
                if inner.base.is_none() {
                    inner.begin();
                    self.wanted.store(true, Ordering::SeqCst);
                    inner.base = Some(published());
                }
                (inner.last, inner.base.clone())
            }
        };
        let (seat_number, seat) = inner.seats.take(number + 1, max);
        drop(inner);
        let start = Start {
            revision: self.revision(number),
            snapshot,
        };
        let subscription =
            Subscription::new(self.clone(), seat_number, seat, self.news.subscribe());
        Ok((start, subscription))
    }

    /// The number to go on after.
    fn resume(&self, inner: &Inner, from: &Revision) -> Result<u64, SubscribeError> {
        let gone = |why| Err(SubscribeError::Gone(from.clone(), why));
        if from.epoch != self.epoch {
            return gone(" (another master led then)");
        }
        if from.number > inner.last {
            return Err(SubscribeError::Ahead(from.clone()));
        }
        if inner.base.is_none() || from.number + 1 < inner.first() {
            return gone(" any more");
        }
        if self.museum.shows(Historic::EventsGoBack) {
            return Ok(from.number.saturating_sub(1));
        }
        Ok(from.number)
    }

    /// The entry of a number: `Err` if it is not kept any more, `None` if it is not there yet.
    pub(super) fn entry(&self, number: u64) -> Result<Option<Arc<Entry>>, End> {
        let inner = self.lock();
        let Some(index) = number.checked_sub(inner.first()) else {
            return Err(End::Slow);
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        Ok(inner.entries.get(index).cloned())
    }

    pub(super) fn leave(&self, seat: u64) {
        self.lock().seats.leave(seat);
    }

    /// Compares what waits with what is known, and writes down what happened in between.
    pub(crate) fn write_down(&self) {
        loop {
            let (base, moment) = {
                let mut inner = self.lock();
                let moment = inner.moments.pop_front();
                match (inner.base.clone(), moment) {
                    (Some(base), Some(moment)) => (base, moment),
                    _ => return,
                }
            };
            let events = changes::between(&base, &moment);
            let mut inner = self.lock();
            if inner.is_over {
                return;
            }
            for mut event in events {
                inner.last += 1;
                event.revision = Some(self.revision(inner.last).to_string());
                inner.append(Entry::new(event));
            }
            inner.base = Some(moment);
            if inner.trim() && inner.seats.len() == 0 {
                // Whoever left has been away for a whole history.
                self.wanted.store(false, Ordering::SeqCst);
                inner.forget();
            }
            let last = inner.last;
            drop(inner);
            self.news.send_if_modified(|news| {
                let is_new = *news != last;
                *news = last;
                is_new
            });
        }
    }

    /// The leadership is over.
    pub(crate) fn end(&self) {
        self.wanted.store(false, Ordering::SeqCst);
        let mut inner = self.lock();
        inner.is_over = true;
        inner.forget();
        inner.seats.end_all(End::Over);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The number of the oldest entry, or of the next one if there is none.
    fn first(&self) -> u64 {
        self.last + 1 - self.entries.len() as u64
    }

    /// Nobody who left before can go on from here.
    fn begin(&mut self) {
        self.forget();
        self.last += 1;
    }

    fn forget(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.base = None;
        self.moments.clear();
    }

    fn append(&mut self, entry: Entry) {
        self.bytes += entry.size;
        self.entries.push_back(Arc::new(entry));
    }

    /// Forgets what is too much, and ends those who would have needed it. Whether there was any.
    fn trim(&mut self) -> bool {
        let before = self.entries.len();
        while self.entries.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            if let Some(entry) = self.entries.pop_front() {
                self.bytes -= entry.size;
            }
        }
        let trimmed = self.entries.len() < before;
        if trimmed {
            let first = self.first();
            self.seats.end_slow(first);
        }
        trimmed
    }
}
