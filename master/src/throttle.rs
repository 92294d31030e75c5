//! How fast frameworks may call, by principal (Mesos' `docs/framework-rate-limiting.md`): `--rate_limits`.
//!
//! ```text
//!            lane of the principal: free again ?────── yes ──▶ decided at once
//! call ──▶   (or the one of all others)    │ no
//!                                          ├─ room ─▶ waits for its turn, in order
//!                                          └─ full ─▶ refused
//! ```
//!
//! Mesos limits its old drivers only; here every call of a framework counts, whatever way it came. Where nobody is
//! authenticated it counts for the principal that the framework subscribed with.
//! The end of a subscription does not wait: what is left of it in the lane is refused when its turn
//! comes, as any call without a subscription.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mesos::v1::RateLimits;

use crate::state::Timestamp;

/// Calls that may wait in a lane without a capacity of its own. Mesos knows no bound then.
const DEFAULT_CAPACITY: u64 = 10_000;

/// The longest time between two calls: a smaller rate means this one.
const MAX_SPACING: Duration = Duration::from_secs(24 * 60 * 60);

/// Calls of frameworks that wait for their turn.
pub(crate) struct Throttle<T> {
    /// `None` is a principal without a limit.
    lanes: BTreeMap<String, Option<Lane<T>>>,
    /// Of everybody else.
    others: Option<Lane<T>>,
}

struct Lane<T> {
    spacing: Duration,
    capacity: u64,
    free_at: Timestamp,
    waiting: VecDeque<T>,
}

/// Names a lane; none is that of everybody else.
pub(crate) type LaneName = Option<String>;

/// What becomes of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Admitted<T> {
    /// It is decided now.
    Now(T),
    /// It waits. If it is the first, [`Throttle::next`] is to be asked after that time.
    Waits(Option<(Duration, LaneName)>),
    /// Too many wait already.
    Refused,
}

impl<T> Throttle<T> {
    pub(crate) fn new(limits: Option<&RateLimits>) -> Throttle<T> {
        let Some(limits) = limits else {
            return Throttle {
                lanes: BTreeMap::new(),
                others: None,
            };
        };
        let lanes = limits.limits.iter();
        let lanes = lanes.map(|limit| {
            let lane = Lane::new(limit.qps, limit.capacity);
            (limit.principal.clone(), lane)
        });
        let (qps, capacity) = (
            limits.aggregate_default_qps,
            limits.aggregate_default_capacity,
        );
        Throttle {
            lanes: lanes.collect(),
            others: Lane::new(qps, capacity),
        }
    }

    /// Whether nobody ever waits.
    pub(crate) fn is_off(&self) -> bool {
        self.others.is_none() && self.lanes.values().all(Option::is_none)
    }

    /// A call arrives.
    pub(crate) fn admit(
        &mut self,
        now: Timestamp,
        principal: Option<&str>,
        call: T,
    ) -> Admitted<T> {
        let listed = principal.filter(|principal| self.lanes.contains_key(*principal));
        let name = listed.map(str::to_owned);
        let Some(lane) = self.lane(&name) else {
            return Admitted::Now(call);
        };
        let is_first = lane.waiting.is_empty();
        if is_first && lane.free_at <= now {
            lane.free_at = now + lane.spacing;
            return Admitted::Now(call);
        }
        if lane.waiting.len() as u64 >= lane.capacity {
            return Admitted::Refused;
        }
        lane.waiting.push_back(call);
        let wait = lane.free_at.since(now);
        Admitted::Waits(is_first.then_some((wait, name)))
    }

    /// The turn of the first call that waits has come. The time is when to ask again.
    pub(crate) fn next(
        &mut self,
        now: Timestamp,
        name: &LaneName,
    ) -> (Option<T>, Option<Duration>) {
        let Some(lane) = self.lane(name) else {
            return (None, None);
        };
        let call = lane.waiting.pop_front();
        lane.free_at = now + lane.spacing;
        let again = (!lane.waiting.is_empty()).then_some(lane.spacing);
        (call, again)
    }

    fn lane(&mut self, name: &LaneName) -> Option<&mut Lane<T>> {
        match name {
            Some(principal) => self.lanes.get_mut(principal)?.as_mut(),
            None => self.others.as_mut(),
        }
    }
}

impl<T> Lane<T> {
    /// None without a rate.
    fn new(qps: Option<f64>, capacity: Option<u64>) -> Option<Lane<T>> {
        let spacing = Duration::try_from_secs_f64(1.0 / qps?).unwrap_or(MAX_SPACING);
        Some(Lane {
            spacing: spacing.min(MAX_SPACING),
            capacity: capacity.unwrap_or(DEFAULT_CAPACITY),
            free_at: Timestamp::default(),
            waiting: VecDeque::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_nanos(milliseconds * 1_000_000)
    }

    fn throttle(json: &str) -> Throttle<u32> {
        Throttle::new(Some(&serde_json::from_str(json).expect("limits")))
    }

    #[test]
    fn calls_of_a_principal_are_spaced_and_stay_in_order() {
        let mut throttle = throttle(r#"{"limits":[{"principal":"p","qps":1,"capacity":2}]}"#);
        let p = Some("p");
        assert_eq!(throttle.admit(at(1000), p, 1), Admitted::Now(1));
        let lane = Some("p".to_owned());
        let wait = Duration::from_millis(700);
        assert_eq!(
            throttle.admit(at(1300), p, 2),
            Admitted::Waits(Some((wait, lane.clone())))
        );
        assert_eq!(throttle.admit(at(1400), p, 3), Admitted::Waits(None));
        assert_eq!(throttle.admit(at(1500), p, 4), Admitted::Refused);
        assert_eq!(throttle.next(at(2000), &lane), (Some(2), Some(SECOND)));
        assert_eq!(throttle.admit(at(2100), p, 5), Admitted::Waits(None));
        assert_eq!(throttle.next(at(3000), &lane), (Some(3), Some(SECOND)));
        assert_eq!(throttle.next(at(4000), &lane), (Some(5), None));
        assert_eq!(
            throttle.admit(at(4500), p, 6),
            Admitted::Waits(Some((SECOND / 2, lane.clone())))
        );
        assert_eq!(throttle.next(at(5000), &lane), (Some(6), None));
        assert_eq!(throttle.admit(at(6000), p, 7), Admitted::Now(7));
    }

    #[test]
    fn who_is_not_listed_shares_one_lane_and_who_is_listed_without_a_rate_has_none() {
        let mut throttle = throttle(
            r#"{"limits":[{"principal":"free"}],"aggregate_default_qps":0.1,
                "aggregate_default_capacity":0}"#,
        );
        for call in 0..9 {
            assert_eq!(
                throttle.admit(at(0), Some("free"), call),
                Admitted::Now(call)
            );
        }
        assert_eq!(throttle.admit(at(0), Some("p"), 1), Admitted::Now(1));
        assert_eq!(throttle.admit(at(0), None, 2), Admitted::Refused);
        assert_eq!(throttle.admit(at(9_999), Some("q"), 3), Admitted::Refused);
        assert_eq!(throttle.admit(at(10_000), None, 4), Admitted::Now(4));
    }

    #[test]
    fn without_limits_nobody_waits() {
        let mut throttle = Throttle::new(None);
        for call in 0..9 {
            assert_eq!(throttle.admit(at(0), None, call), Admitted::Now(call));
        }
    }
}
