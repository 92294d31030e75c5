//! Timers for the deadlines of asks, used again and again.
//!
//! To make a timer, and to take it back when the answer is there, costs as much as all the rest of an ask on one
//! thread. So it is not taken back: it is kept, and the next ask takes it over as it is, since a timer that rings too
//! early can be set anew. Then a sequence of asks sets a timer once per deadline, not once per ask.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep, sleep_until};

/// Timers kept. More asks than that at once, which then end without one, are a burst.
const KEPT: usize = 64;

/// The timers that no ask of a node uses at the moment.
#[derive(Default)]
pub(super) struct Timers(Mutex<Boxed>);

/// In their boxes, since each ask takes one and gives it back.
type Boxed = Vec<Box<Kept>>;

/// Ready from its deadline on.
pub(super) struct Timer {
    /// Taken when it is first polled.
    kept: Option<Box<Kept>>,
    deadline: Instant,
    home: Arc<Timers>,
}

struct Kept {
    sleep: Pin<Box<Sleep>>,
    /// The runtime that moves it: elsewhere it may never ring.
    runtime: Id,
    rings: Instant,
    /// Woken when it rings.
    whom: Option<Known>,
}

/// A task that is known by its waker.
struct Known {
    waker: Waker,
    /// Of the waker that it was cloned from, whose task is the same if it is a clone.
    vtable: usize,
}

impl Known {
    fn of(waker: &Waker) -> Self {
        Self {
            waker: waker.clone(),
            vtable: vtable(waker),
        }
    }

    /// Whether it is surely the one. A waker and its clone may have different tables for the same functions, so that
    /// [`Waker::will_wake`] does not know them as the same.
    fn is(&self, waker: &Waker) -> bool {
        self.waker.data() == waker.data() && self.vtable == vtable(waker)
    }
}

fn vtable(waker: &Waker) -> usize {
    std::ptr::from_ref(waker.vtable()).addr()
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Boxed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that rings at the deadline or earlier, for a task.
    fn timer(&self, deadline: Instant, task: &Waker) -> Box<Kept> {
        let mut kept = self.last_of(task).unwrap_or_else(|| {
            let runtime = Handle::current().id();
            let taken = self.any_of(runtime);
            taken.unwrap_or_else(|| Box::new(Kept::new(runtime, deadline)))
        });
        if kept.rings > deadline {
            kept.set(deadline);
        }
        kept
    }

    /// The one that was kept last, if it is the task's: then it needs nothing but to be taken.
    fn last_of(&self, task: &Waker) -> Option<Box<Kept>> {
        let mut timers = self.lock();
        timers.pop_if(|kept| kept.whom.as_ref().is_some_and(|whom| whom.is(task)))
    }

    fn any_of(&self, runtime: Id) -> Option<Box<Kept>> {
        let mut timers = self.lock();
        let last = timers.iter().rposition(|kept| kept.runtime == runtime)?;
        Some(timers.swap_remove(last))
    }

    fn keep(&self, kept: Box<Kept>) {
        let mut timers = self.lock();
        if timers.len() == KEPT {
            // It may be one of a runtime that is no more.
            timers.swap_remove(0);
        }
        timers.push(kept);
    }
}

impl Timer {
    pub(super) fn at(deadline: Instant, home: &Arc<Timers>) -> Self {
        Self {
            kept: None,
            deadline,
            home: home.clone(),
        }
    }

    /// Whether the deadline is reached. It belongs to the runtime in which it is first polled.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self {
            kept,
            deadline,
            home,
        } = self;
        let kept = kept.get_or_insert_with(|| home.timer(*deadline, cx.waker()));
        loop {
            ready!(kept.poll(cx));
            if kept.rings >= *deadline {
                return Poll::Ready(());
            }
            // It was set for somebody else, who is no longer interested.
            kept.set(*deadline);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.home.keep(kept);
        }
    }
}

impl Kept {
    fn new(runtime: Id, rings: Instant) -> Self {
        Self {
            sleep: Box::pin(sleep_until(rings)),
            runtime,
            rings,
            whom: None,
        }
    }

    fn set(&mut self, rings: Instant) {
        self.sleep.as_mut().reset(rings);
        self.rings = rings;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let known = self.whom.as_ref().is_some_and(|whom| whom.is(cx.waker()));
        if known && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        let polled = self.sleep.as_mut().poll(cx);
        // One that has rung forgets whom it woke.
        self.whom = polled.is_pending().then(|| Known::of(cx.waker()));
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn until(deadline: Instant, home: &Arc<Timers>) {
        let mut timer = Timer::at(deadline, home);
        poll_fn(|cx| timer.poll(cx)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_taken_over_rings_for_its_new_deadline() {
        let (home, start) = (Arc::default(), Instant::now());
        // Not awaited to the end, so that what is taken over is set already, to an earlier or a later time.
        for seconds in [2, 3, 1, 4] {
            let timer = until(start + seconds * SECOND, &home);
            let given_up = tokio::time::timeout(SECOND / 10, timer).await;
            assert!(given_up.is_err());
            assert_eq!(home.lock().len(), 1);
        }
        until(start + 5 * SECOND, &home).await;
        assert_eq!(start.elapsed(), 5 * SECOND);
        until(start + 6 * SECOND, &home).await;
        assert_eq!(start.elapsed(), 6 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn timers_at_the_same_time_have_their_own_and_few_are_kept() {
        let (home, start) = (Arc::default(), Instant::now());
        let timers = (0..100).map(|n| {
            let home = &home;
            async move {
                let deadline = start + n * SECOND;
                until(deadline, home).await;
                assert_eq!(Instant::now(), deadline);
            }
        });
        futures_util::future::join_all(timers).await;
        assert!((1..=KEPT).contains(&home.lock().len()));
    }

    #[test]
    fn a_timer_of_another_runtime_is_not_taken_over() {
        let home = Arc::default();
        for _ in 0..2 {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            let soon = async { until(Instant::now() + SECOND / 1000, &home).await };
            runtime.expect("a runtime").block_on(soon);
        }
        assert_eq!(home.lock().len(), 2);
    }
}
