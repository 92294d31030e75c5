//! Lending what containers were given and, by measurement, do not use.
//!
//! For each container, from one look to the next:
//!
//! ```text
//! rate  = processor seconds / seconds                     since the last look
//! used  = the higher of  rate  and  average(used, rate)   weighted by age: half of it is as old as half_life
//! slack = given x (1 - margin) - used, not below 0
//! ```
//!
//! So a peak counts at once and for a while, and is forgotten by halves. A container that is new, or
//! has been given more, is taken to use all of that at first. What is lent is the sum of the slack,
//! rounded down: an estimate that changes with every breath would rescind offers with every breath.
//!
//! Only cpus are lent. A task that wants its processor back has it within milliseconds, as those
//! who borrowed weigh next to nothing; memory that somebody else has filled is only had back by
//! killing, and whom the kernel kills first is not for us to say.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::resources::{Quantity, Resources};

use super::estimator::Estimator;
use super::{CpuUsage, Observed, lent};
use crate::state::ExecutorRef;

/// How usage is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// The part of what was given that is never lent, from 0 to 1.
    pub margin: f64,
    /// The age at which a measurement counts half.
    pub half_life: Duration,
}

impl Default for Measurement {
    /// A tenth is kept, for what comes up between two looks; a minute is a few looks.
    fn default() -> Measurement {
        Measurement {
            margin: 0.1,
            half_life: Duration::from_secs(60),
        }
    }
}

/// What is lent is a multiple of this, in thousandths of a cpu.
const STEP_MILLI: i64 = 100;

/// Lends what was given and is not used.
#[derive(Clone, Debug)]
pub struct MeasuredEstimator {
    measurement: Measurement,
    /// Exactly the containers of the last look whose usage was known.
    tracks: BTreeMap<ExecutorRef, Track>,
}

/// A container at the last look.
#[derive(Clone, Copy, Debug)]
struct Track {
    last: CpuUsage,
    /// Cpus it was given for good.
    given: f64,
    /// Cpus it is taken to use.
    used: f64,
}

impl MeasuredEstimator {
    /// Knows nothing yet, and so lends nothing.
    pub fn new(measurement: Measurement) -> MeasuredEstimator {
        MeasuredEstimator {
            measurement,
            tracks: BTreeMap::new(),
        }
    }

    /// What a container was last seen with, and what it has now, as of now.
    fn track(&self, container: &Observed, now: CpuUsage) -> Track {
        let given = container.resources.non_revocable().cpus().to_f64();
        let Some(before) = self.tracks.get(&container.executor) else {
            return Track {
                last: now,
                given,
                used: given,
            };
        };
        let more = (given - before.given).max(0.0);
        let (elapsed, used) = (now.at - before.last.at, before.used + more);
        let burnt = now.cpu_secs - before.last.cpu_secs;
        if elapsed <= 0.0 || burnt < 0.0 {
            // Nothing to be learnt: counters of process trees fall when a process ends.
            let last = CpuUsage {
                at: before.last.at.max(now.at),
                ..now
            };
            return Track { last, given, used };
        }
        let rate = burnt / elapsed;
        let old = 0.5_f64.powf(elapsed / self.measurement.half_life.as_secs_f64());
        let average = old * used + (1.0 - old) * rate;
        Track {
            last: now,
            given,
            used: rate.max(average),
        }
    }
}

impl Estimator for MeasuredEstimator {
    fn needs_usage(&self) -> bool {
        true
    }

    fn estimate(&mut self, executors: &[Observed]) -> Resources {
        let tracks = executors.iter().filter_map(|container| {
            let track = self.track(container, container.usage?);
            Some((container.executor.clone(), track))
        });
        self.tracks = tracks.collect();
        let kept = 1.0 - self.measurement.margin;
        let slack = |track: &Track| (track.given * kept - track.used).max(0.0);
        let slack: f64 = self.tracks.values().map(slack).sum();
        // In thousandths first, so that what is a whole step but for the last bit of a double stays one.
        let milli = Quantity::from_f64(slack).unwrap_or_default().milli();
        let cpus = Quantity::from_milli(milli / STEP_MILLI * STEP_MILLI);
        match cpus.is_zero() {
            true => Resources::new(),
            false => lent(&Resources::scalar_of("cpus", cpus)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn measurement(margin: f64) -> Measurement {
        Measurement {
            margin,
            half_life: Duration::from_secs(10),
        }
    }

    /// A container with `given` cpus that has used `cpu_secs` by `at`.
    fn container(name: &str, given: &str, at: f64, cpu_secs: f64) -> Observed {
        Observed {
            executor: ExecutorRef {
                framework_id: "f".into(),
                executor_id: name.into(),
                container_id: name.into(),
            },
            resources: Resources::parse(given, "*").expect("resources"),
            usage: Some(CpuUsage { at, cpu_secs }),
        }
    }

    /// What one container lends, look after look: (at, processor seconds so far, thousandths lent).
    #[track_caller]
    fn check(margin: f64, looks: &[(f64, f64, i64)]) {
        let mut estimator = MeasuredEstimator::new(measurement(margin));
        for &(at, cpu_secs, expected) in looks {
            let lent = estimator.estimate(&[container("c", "cpus:4;mem:64", at, cpu_secs)]);
            assert_eq!(lent.cpus().milli(), expected, "at {at}");
            assert_eq!(lent, lent.revocable());
        }
    }

    #[test]
    fn an_idle_container_lends_more_with_every_half_life() {
        check(
            0.0,
            &[
                (0.0, 5.0, 0),
                (10.0, 5.0, 2000),
                (20.0, 5.0, 3000),
                (30.0, 5.0, 3500),
                (40.0, 5.0, 3700),
            ],
        );
    }

    #[test]
    fn the_margin_is_never_lent() {
        check(0.25, &[(0.0, 0.0, 0), (1000.0, 0.0, 3000)]);
        check(1.0, &[(0.0, 0.0, 0), (1000.0, 0.0, 0)]);
    }

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_by_halves() {
        check(
            0.0,
            &[
                (0.0, 0.0, 0),
                (1000.0, 0.0, 4000),
                // One second with all four cpus.
                (1001.0, 4.0, 0),
                (1011.0, 4.0, 2000),
                (1021.0, 4.0, 3000),
            ],
        );
    }

    #[test]
    fn counters_that_fall_and_clocks_that_stand_say_nothing() {
        check(
            0.0,
            &[
                (0.0, 9.0, 0),
                (1000.0, 9.0, 4000),
                (1001.0, 2.0, 4000),
                (1001.0, 3.0, 4000),
                (1002.0, 4.0, 3000),
            ],
        );
    }

    #[test]
    fn what_is_given_later_is_taken_to_be_used() {
        let mut estimator = MeasuredEstimator::new(measurement(0.0));
        let looks = [
            ("cpus:1", 0.0, 0),
            ("cpus:1", 1000.0, 1000),
            ("cpus:3", 1000.0, 1000),
            ("cpus:3", 1010.0, 2000),
            ("cpus:1", 1020.0, 500),
        ];
        for (given, at, expected) in looks {
            let lent = estimator.estimate(&[container("c", given, at, 0.0)]);
            assert_eq!(lent.cpus().milli(), expected, "{given} at {at}");
        }
    }

    #[test]
    fn what_is_borrowed_is_not_lent_again() {
        let mut estimator = MeasuredEstimator::new(measurement(0.0));
        for at in [0.0, 1000.0] {
            let mut borrower = container("b", "cpus:2", at, 0.0);
            borrower.resources = lent(&borrower.resources);
            let unknown = Observed {
                usage: None,
                ..container("u", "cpus:8", at, 0.0)
            };
            let all = [container("a", "cpus:1", at, 0.0), borrower, unknown];
            let lent = estimator.estimate(&all).cpus().milli();
            assert_eq!(lent, if at > 0.0 { 1000 } else { 0 });
        }
        assert_eq!(estimator.estimate(&[]), Resources::new());
        assert!(estimator.tracks.is_empty());
    }

    /// Whatever happens, no more is lent than was not used since the last look.
    #[test]
    fn never_more_than_the_slack() {
        let mut chance = StdRng::seed_from_u64(1);
        for _ in 0..200 {
            let margin = chance.random_range(0.0..1.0);
            let mut estimator = MeasuredEstimator::new(measurement(margin));
            let (mut at, mut cpu_secs) = (0.0, 0.0);
            estimator.estimate(&[container("c", "cpus:2", at, cpu_secs)]);
            for _ in 0..20 {
                let elapsed: f64 = chance.random_range(0.1..100.0);
                let rate: f64 = chance.random_range(0.0..2.0);
                at += elapsed;
                cpu_secs += rate * elapsed;
                let lent = estimator.estimate(&[container("c", "cpus:2", at, cpu_secs)]);
                let slack = (2.0 * (1.0 - margin) - rate).max(0.0);
                // Half of a thousandth: quantities are rounded to those.
                assert!(lent.cpus().to_f64() <= slack + 0.0005, "{lent} of {slack}");
            }
        }
    }
}
