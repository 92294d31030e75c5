//! All streams of an agent: what to send now, what to send again, and when.
//!
//! ```text
//! executor ── update ──▶ judge ──▶ (disk) ──▶ accept ──▶ send ──▶ master ──▶ framework
//!                                    ▲                    ▲                      │
//!                                    │        retry 10 s × 2ⁿ, at most 10 min    │
//!                                    └── acknowledged ◀── expects ◀──────────────┘
//! ```
//!
//! Pure: the time is an argument (since the start of the manager), and the disk is between the
//! calls. Semantics: Mesos' task status update manager.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos::v1::FrameworkId;
use uuid::Uuid;

use super::stream::{Reported, Stream, Verdict};

/// The first wait for an acknowledgement.
pub const MIN_RETRY: Duration = Duration::from_secs(10);

/// The longest wait for an acknowledgement.
pub const MAX_RETRY: Duration = Duration::from_secs(600);

/// What became of an acknowledgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged<U> {
    /// The update that is done with.
    pub update: Arc<U>,
    /// The next one, to be sent now.
    pub next: Option<Arc<U>>,
}

/// The streams of all tasks, or of all operations.
#[derive(Debug)]
pub struct Streams<U: Reported> {
    streams: BTreeMap<U::Key, Entry<U>>,
    /// Deadlines of the updates in flight.
    retries: BTreeSet<(Duration, U::Key)>,
    paused: bool,
}

#[derive(Debug)]
struct Entry<U> {
    stream: Stream<U>,
    retry: Option<Retry>,
}

impl<U> Default for Entry<U> {
    fn default() -> Self {
        Entry {
            stream: Stream::default(),
            retry: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Retry {
    at: Duration,
    interval: Duration,
}

impl<U: Reported> Streams<U> {
    /// Nothing is sent before the first [`Streams::resume`].
    pub fn paused() -> Self {
        Streams {
            streams: BTreeMap::new(),
            retries: BTreeSet::new(),
            paused: true,
        }
    }

    /// What to do with an update.
    pub fn judge(&self, update: &U) -> Verdict {
        match self.streams.get(&update.key()) {
            Some(entry) => entry.stream.judge(update),
            None => Verdict::New,
        }
    }

    /// Takes over a new update that was written down; returns it if it is to be sent now.
    pub fn accept(&mut self, now: Duration, update: Arc<U>) -> Option<Arc<U>> {
        let key = update.key();
        let entry = self.streams.entry(key.clone()).or_default();
        entry.stream.push(update);
        match entry.retry {
            Some(_) => None,
            None => self.send(now, &key),
        }
    }

    /// Takes over a stream from an earlier life of the agent.
    pub fn recover(&mut self, key: U::Key, stream: Stream<U>) {
        let entry = Entry {
            stream,
            retry: None,
        };
        self.streams.insert(key, entry);
    }

    /// Whether `uuid` acknowledges the update in flight of the stream.
    pub fn expects(&self, key: &U::Key, uuid: &Uuid) -> bool {
        self.streams
            .get(key)
            .is_some_and(|e| e.stream.expects(uuid))
    }

    /// Takes over an expected acknowledgement that was written down.
    pub fn acknowledge(&mut self, now: Duration, key: &U::Key) -> Option<Acknowledged<U>> {
        let entry = self.streams.get_mut(key)?;
        let update = entry.stream.pop()?;
        if let Some(retry) = entry.retry.take() {
            self.retries.remove(&(retry.at, key.clone()));
        }
        if update.is_terminal() {
            self.streams.remove(key);
        }
        let next = self.send(now, key);
        Some(Acknowledged { update, next })
    }

    /// The updates whose acknowledgement is overdue, to be sent again.
    pub fn due(&mut self, now: Duration) -> Vec<Arc<U>> {
        let mut due = Vec::new();
        while let Some((at, key)) = self.retries.first().cloned() {
            if at > now {
                break;
            }
            self.retries.pop_first();
            due.extend(self.send(now, &key));
        }
        due
    }

    /// When [`Streams::due`] has something next.
    pub fn next_due(&self) -> Option<Duration> {
        self.retries.first().map(|(at, _)| *at)
    }

    /// Stops sending: there is no master to send to.
    pub fn pause(&mut self) {
        self.paused = true;
        self.retries.clear();
        for entry in self.streams.values_mut() {
            entry.retry = None;
        }
    }

    /// Sends again at once whatever is in flight, with fresh intervals.
    pub fn resume(&mut self, now: Duration) -> Vec<Arc<U>> {
        self.pause();
        self.paused = false;
        let keys: Vec<U::Key> = self.streams.keys().cloned().collect();
        keys.iter().filter_map(|key| self.send(now, key)).collect()
    }

    /// Forgets the streams of a framework that is gone: nobody will acknowledge.
    pub fn forget(&mut self, framework: &FrameworkId) {
        self.streams.retain(|key, _| !U::belongs_to(key, framework));
        self.retries
            .retain(|(_, key)| !U::belongs_to(key, framework));
    }

    /// How many streams there are.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Marks the update in flight as sent now and returns it.
    fn send(&mut self, now: Duration, key: &U::Key) -> Option<Arc<U>> {
        if self.paused {
            return None;
        }
        let entry = self.streams.get_mut(key)?;
        let update = entry.stream.in_flight()?.clone();
        let interval = entry
            .retry
            .map_or(MIN_RETRY, |r| (r.interval * 2).min(MAX_RETRY));
        let at = now + interval;
        entry.retry = Some(Retry { at, interval });
        self.retries.insert((at, key.clone()));
        Some(update)
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::{MAX_PENDING, MAX_REMEMBERED};
    use super::super::task::Update;
    use super::*;
    use mesos::v1::{TaskId, TaskState, TaskStatus};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn framework(id: &str) -> FrameworkId {
        FrameworkId { value: id.into() }
    }

    fn update(task: &str, number: u128, state: TaskState) -> Arc<Update> {
        let uuid = Uuid::from_u128(number);
        Arc::new(Update {
            framework_id: framework("f"),
            status: TaskStatus {
                task_id: TaskId { value: task.into() },
                state: state as i32,
                uuid: Some(uuid.as_bytes().to_vec()),
                ..Default::default()
            },
            uuid,
            terminal: matches!(state, TaskState::TaskFinished),
        })
    }

    fn running(task: &str, number: u128) -> Arc<Update> {
        update(task, number, TaskState::TaskRunning)
    }

    fn finished(task: &str, number: u128) -> Arc<Update> {
        update(task, number, TaskState::TaskFinished)
    }

    fn streams() -> Streams<Update> {
        let mut streams = Streams::paused();
        assert!(streams.resume(secs(0)).is_empty());
        streams
    }

    fn numbers(updates: &[Arc<Update>]) -> Vec<u128> {
        updates.iter().map(|u| u.uuid.as_u128()).collect()
    }

    #[test]
    fn one_update_of_a_task_is_in_flight_and_the_next_follows_its_acknowledgement() {
        let mut s = streams();
        assert!(s.accept(secs(0), running("a", 1)).is_some());
        assert!(s.accept(secs(0), finished("a", 2)).is_none());
        assert!(
            s.accept(secs(0), running("b", 3)).is_some(),
            "other tasks do not wait"
        );

        let key = running("a", 1).key();
        assert!(!s.expects(&key, &Uuid::from_u128(2)), "not in flight yet");
        assert!(s.expects(&key, &Uuid::from_u128(1)));
        let first = s.acknowledge(secs(1), &key).unwrap();
        assert_eq!(first.next.unwrap().uuid.as_u128(), 2);
        let last = s.acknowledge(secs(2), &key).unwrap();
        assert!(last.update.terminal && last.next.is_none());
        assert_eq!(s.len(), 1, "the stream of an ended task is gone");
        assert!(s.acknowledge(secs(3), &key).is_none());
    }

    #[test]
    fn an_unacknowledged_update_is_sent_again_at_doubling_intervals_up_to_ten_minutes() {
        let mut s = streams();
        s.accept(secs(0), running("a", 1));
        let mut sent_at = Vec::new();
        while sent_at.len() < 9 {
            let now = s.next_due().unwrap();
            assert!(s.due(now - Duration::from_millis(1)).is_empty());
            assert_eq!(numbers(&s.due(now)), [1]);
            sent_at.push(now.as_secs());
        }
        assert_eq!(sent_at, [10, 30, 70, 150, 310, 630, 1230, 1830, 2430]);
    }

    #[test]
    fn the_interval_starts_anew_with_each_update() {
        let mut s = streams();
        s.accept(secs(0), running("a", 1));
        s.accept(secs(0), finished("a", 2));
        s.due(secs(10));
        s.acknowledge(secs(11), &running("a", 1).key());
        assert_eq!(s.next_due(), Some(secs(21)));
    }

    #[test]
    fn nothing_is_sent_while_paused_and_everything_in_flight_at_once_afterwards() {
        let mut s = streams();
        s.accept(secs(0), running("a", 1));
        s.pause();
        assert_eq!(s.next_due(), None);
        assert!(s.accept(secs(1), running("a", 2)).is_none());
        assert!(s.accept(secs(1), running("b", 3)).is_none());
        assert_eq!(numbers(&s.resume(secs(100))), [1, 3]);
        assert_eq!(s.next_due(), Some(secs(110)));
    }

    #[test]
    fn an_acknowledgement_while_paused_counts_and_sends_nothing() {
        let mut s = streams();
        s.accept(secs(0), running("a", 1));
        s.accept(secs(0), finished("a", 2));
        s.pause();
        let done = s.acknowledge(secs(1), &running("a", 1).key()).unwrap();
        assert_eq!(done.next, None);
        assert_eq!(numbers(&s.resume(secs(2))), [2]);
    }

    #[test]
    fn what_to_do_with_an_update() {
        let mut s = streams();
        let table = [
            (running("a", 1), Verdict::New),
            (running("a", 1), Verdict::Repeated),
            (running("a", 2), Verdict::New),
            (finished("a", 3), Verdict::New),
            (finished("a", 3), Verdict::Repeated),
            (update("a", 4, TaskState::TaskFailed), Verdict::TooLate),
            (running("a", 5), Verdict::TooLate),
        ];
        for (update, verdict) in table {
            assert_eq!(s.judge(&update), verdict, "{update:?}");
            if verdict == Verdict::New {
                s.accept(secs(0), update);
            }
        }
        s.acknowledge(secs(0), &running("a", 1).key());
        assert_eq!(s.judge(&running("a", 1)), Verdict::Repeated);
    }

    #[test]
    fn a_flood_is_bounded_but_the_end_of_the_task_gets_through() {
        let mut s = streams();
        for number in 0..MAX_PENDING as u128 {
            s.accept(secs(0), running("a", number));
        }
        assert_eq!(s.judge(&running("a", 99_999)), Verdict::Overflow);
        assert_eq!(s.judge(&finished("a", 99_999)), Verdict::New);
        let key = running("a", 0).key();
        for number in 0..2 * MAX_REMEMBERED as u128 {
            s.accept(secs(0), running("a", 100_000 + number));
            s.acknowledge(secs(0), &key);
        }
        assert_eq!(
            s.streams[&key].stream.in_flight().unwrap().uuid.as_u128(),
            101_024
        );
    }

    #[test]
    fn the_streams_of_a_forgotten_framework_are_not_sent_again() {
        let mut s = streams();
        s.accept(secs(0), running("a", 1));
        s.forget(&framework("f"));
        assert!(s.is_empty());
        assert_eq!(s.next_due(), None);
    }
}
