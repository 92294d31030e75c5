//! Waiting in a simulated cluster, with an eye on what must always hold.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use master::view::View;
use tokio::time::{Instant, timeout};

use super::cluster::SimCluster;
use super::invariants::{self, Sight};
use super::service::Service;

/// How often a condition is looked at. Costs nothing while nothing else happens.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a cluster may take to settle before it is looked at whether something has to be taken back again.
const ROUND: Duration = Duration::from_secs(60);

/// How often a poller reads the leader's state.
const READ_EVERY: Duration = Duration::from_secs(1);

/// What has happened so far, in so far as invariants look at it.
#[derive(Default)]
pub(super) struct Moment {
    updates: usize,
    runs: usize,
    view: Option<Arc<View>>,
}

impl PartialEq for Moment {
    fn eq(&self, other: &Moment) -> bool {
        let same_view = match (&self.view, &other.view) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same_view && self.updates == other.updates && self.runs == other.runs
    }
}

impl SimCluster {
    /// Lets time pass, with an eye on what must always hold.
    pub async fn pass(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.next_event(until - Instant::now()).await;
        }
    }

    /// Lets time pass with an eye on what must always hold, and the power of machines go that are doomed.
    pub async fn live_through(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.next_event(until - Instant::now()).await;
            self.meet_doom();
        }
    }

    /// Waits until something holds, with an eye on what must always hold; answers how long it took.
    #[track_caller]
    pub fn eventually(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&SimCluster) -> bool,
    ) -> impl Future<Output = Duration> {
        let check = move |cluster: &SimCluster| match holds(cluster) {
            true => Ok(()),
            false => Err(format!(
                "it does not hold; services: {}",
                cluster.describe()
            )),
        };
        self.until_ok(what, within, check)
    }

    /// As [`SimCluster::eventually`], with a reason for what does not hold yet.
    #[track_caller]
    pub fn until_ok(
        &self,
        what: &str,
        within: Duration,
        check: impl Fn(&SimCluster) -> Result<(), String>,
    ) -> impl Future<Output = Duration> {
        let (at, what) = (Location::caller(), what.to_owned());
        async move {
            let began = Instant::now();
            while let Err(why) = check(self) {
                let waited = began.elapsed();
                assert!(
                    waited < within,
                    "not within {within:?}: {what} ({at}): {why}"
                );
                let look = Instant::now() + LOOK_EVERY;
                while Instant::now() < look {
                    self.next_event(look - Instant::now()).await;
                }
            }
            began.elapsed()
        }
    }

    /// Once faults are over: all views become the same, and all that ended is known to have ended.
    #[track_caller]
    pub fn settles(&self, within: Duration) -> impl Future<Output = Duration> {
        self.until_ok("the cluster settles", within, invariants::settled)
    }

    /// Takes all orders back and starts what ended, until all views are the same: some things end only when others are
    /// known, like an agent that is given up once it is drained.
    ///
    /// # Panics
    ///
    /// It is not so within that time.
    pub async fn calms_down(&mut self, within: Duration) {
        let until = Instant::now() + within;
        loop {
            self.tidy_up(within).await;
            let round = Instant::now() + ROUND;
            let why = loop {
                match invariants::settled(self) {
                    Ok(()) => return,
                    Err(why) if Instant::now() >= round => break why,
                    Err(_) => self.pass(LOOK_EVERY).await,
                }
            };
            assert!(
                Instant::now() < until,
                "not settled within {within:?}: {why}"
            );
        }
    }

    /// Waits until a master publishes something or a service is told something, but not for longer than this; then
    /// looks at what must always hold.
    async fn next_event(&self, within: Duration) {
        let due = [self.polled.get(), self.look_again.get()];
        let due = due.into_iter().flatten().min();
        let within = due.map_or(within, |due| {
            within.min(due.saturating_duration_since(Instant::now()))
        });
        let again = self.look_again.get();
        if timeout(within, self.bell.notified()).await.is_ok() {
            self.check();
        }
        if again.is_some_and(|again| again <= Instant::now()) {
            self.look_again.set(None);
            self.checked.take();
            self.check();
        }
        self.read_if_due();
    }

    /// Invariants are to be looked at again then, even if nothing happens.
    pub(super) fn look_again_at(&self, at: Instant) {
        let sooner = self.look_again.get().map_or(at, |again| again.min(at));
        self.look_again.set(Some(sooner));
    }

    /// Whoever polls a master reads again, whether or not the last read was answered.
    fn read_if_due(&self) {
        if self.polled.get().is_some_and(|next| next <= Instant::now()) {
            self.polled.set(Some(Instant::now() + READ_EVERY));
            self.read_state();
        }
    }

    /// Checks what must always hold, if anything has happened since it was checked last.
    fn check(&self) {
        let now = Moment {
            updates: self.services.iter().map(|s| s.heard.len()).sum(),
            runs: self.ledger.len(),
            view: self.view(),
        };
        if *self.checked.borrow() != now {
            let sight = Sight::of(self);
            let view = sight.view.iter();
            let ended = view.flat_map(|view| view.cluster.completed_frameworks.iter());
            self.ended
                .borrow_mut()
                .extend(ended.map(|framework| framework.id.clone()));
            self.invariants.borrow_mut().check(&sight);
            self.checked.replace(now);
        }
    }

    pub(super) fn describe(&self) -> String {
        let services = self.services.iter().map(Service::copies);
        format!("{:?}", services.collect::<Vec<_>>())
    }
}
