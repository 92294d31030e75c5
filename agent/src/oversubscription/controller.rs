//! Taking back what was lent.

use super::{Load, Observed};
use crate::state::ExecutorRef;

/// Says, now and then, what has to go so that tasks get what they were given for good.
pub trait Controller: Send {
    /// Looks at the load, where it is known, and at all containers.
    fn look(&mut self, load: Option<Load>, executors: &[Observed]) -> Verdict;
}

/// What a controller wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// What has to go, now.
    pub corrections: Vec<Correction>,
    /// Whether nothing is to be lent until the next verdict.
    pub hold: bool,
}

/// An executor to be killed, with all of its tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Which run.
    pub executor: ExecutorRef,
    /// Why, for people.
    pub why: String,
}

/// The loads above which nothing may be lent; Mesos' parameters `load_threshold_5min` and
/// `load_threshold_15min`. Without any, no load is too high.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadThresholds {
    /// For the average over five minutes.
    pub five: Option<f64>,
    /// For the average over fifteen minutes.
    pub fifteen: Option<f64>,
}

/// Kills every executor that has borrowed anything while the load is above a threshold.
#[derive(Clone, Copy, Debug)]
pub struct LoadController(pub LoadThresholds);

impl LoadController {
    /// What is too high, in words.
    fn excess(&self, load: Load) -> Option<String> {
        let checks = [
            ("5 minutes", load.five, self.0.five),
            ("15 minutes", load.fifteen, self.0.fifteen),
        ];
        let over = |(span, load, threshold): (&str, f64, Option<f64>)| {
            let threshold = threshold.filter(|threshold| load > *threshold)?;
            Some(format!(
                "the load over {span}, {load}, is above {threshold}"
            ))
        };
        checks.into_iter().find_map(over)
    }
}

impl Controller for LoadController {
    fn look(&mut self, load: Option<Load>, executors: &[Observed]) -> Verdict {
        let Some(why) = load.and_then(|load| self.excess(load)) else {
            return Verdict::default();
        };
        let borrowers = executors
            .iter()
            .filter(|e| e.resources.iter().any(|(key, _)| key.revocable));
        let kill = |e: &Observed| Correction {
            executor: e.executor.clone(),
            why: why.clone(),
        };
        Verdict {
            corrections: borrowers.map(kill).collect(),
            hold: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use mesos::resources::Resources;

    use super::super::lent;
    use super::*;

    fn executor(name: &str, resources: Resources) -> Observed {
        Observed {
            executor: ExecutorRef {
                framework_id: "f".into(),
                executor_id: name.into(),
                container_id: name.into(),
            },
            resources,
            usage: None,
        }
    }

    /// A regular one, one that borrowed, and one that did so beside what it has.
    fn executors() -> [Observed; 3] {
        let cpus = Resources::parse("cpus:1", "*").expect("resources");
        let mem = Resources::parse("mem:64", "*").expect("resources");
        [
            executor("regular", cpus.clone() + mem.clone()),
            executor("borrower", lent(&cpus)),
            executor("mixed", lent(&cpus) + mem),
        ]
    }

    #[track_caller]
    fn check(thresholds: (Option<f64>, Option<f64>), load: Option<(f64, f64)>, kills: bool) {
        let (five, fifteen) = thresholds;
        let mut controller = LoadController(LoadThresholds { five, fifteen });
        let load = load.map(|(five, fifteen)| Load {
            one: 100.0,
            five,
            fifteen,
        });
        let verdict = controller.look(load, &executors());
        let killed: Vec<_> = verdict
            .corrections
            .iter()
            .map(|c| c.executor.executor_id.value.as_str())
            .collect();
        let expected: &[&str] = if kills { &["borrower", "mixed"] } else { &[] };
        assert_eq!((killed.as_slice(), verdict.hold), (expected, kills));
    }

    #[test]
    fn those_who_borrowed_go_when_the_load_is_above_either_threshold() {
        let both = (Some(4.0), Some(2.0));
        check(both, Some((4.0, 2.0)), false);
        check(both, Some((4.1, 0.0)), true);
        check(both, Some((0.0, 2.1)), true);
        check((Some(4.0), None), Some((3.0, 50.0)), false);
        check((None, Some(2.0)), Some((50.0, 2.5)), true);
        check((None, None), Some((50.0, 50.0)), false);
        check(both, None, false);
    }

    #[test]
    fn a_correction_says_why() {
        let mut controller = LoadController(LoadThresholds {
            five: Some(4.0),
            fifteen: None,
        });
        let load = Load {
            one: 0.0,
            five: 5.5,
            fifteen: 0.0,
        };
        let verdict = controller.look(Some(load), &executors());
        assert_eq!(
            verdict.corrections[0].why,
            "the load over 5 minutes, 5.5, is above 4"
        );
    }
}
