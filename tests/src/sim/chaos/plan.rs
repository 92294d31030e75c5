//! What goes wrong in a run, decided before it begins.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::misfortune::Misfortune;
use crate::sim::SimCluster;

/// Told apart from all other uses of the same seed.
const SALT: u64 = 0x6d69_7366_6f72_7475;

/// Shorter and longer than all timeouts of masters, agents and frameworks but the one for agents that do not come back.
const PAUSES_MILLIS: std::ops::Range<u64> = 100..90_000;

/// Misfortunes in their order. The same seed, steps and agents give the same plan, and a shorter plan of a seed is the
/// beginning of a longer one.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What.
    pub misfortune: Misfortune,
    /// How long it has its effect before the next one comes.
    pub pause: Duration,
}

impl Plan {
    /// The plan of a seed for a cluster with so many agents.
    pub fn of(seed: u64, steps: usize, agents: usize) -> Plan {
        let mut random = StdRng::seed_from_u64(seed ^ SALT);
        let step = |_| Step {
            misfortune: Misfortune::any(&mut random, agents),
            pause: Duration::from_millis(random.random_range(PAUSES_MILLIS)),
        };
        Plan {
            steps: (0..steps).map(step).collect(),
        }
    }

    /// Its first steps.
    pub fn beginning(&self, steps: usize) -> Plan {
        Plan {
            steps: self.steps.iter().take(steps).cloned().collect(),
        }
    }

    /// Lets it happen, with an eye on what must always hold, and repairs everything.
    pub async fn carry_out(&self, cluster: &mut SimCluster) {
        for Step { misfortune, pause } in &self.steps {
            cluster.net.note(&format!("misfortune: {misfortune}"));
            misfortune.strike(cluster).await;
            cluster.pass(*pause).await;
            cluster.bury_master();
        }
        cluster.net.note("repair");
        cluster.repair().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_plan_is_the_beginning_of_a_longer_one() {
        let plan = Plan::of(7, 20, 3);
        assert_eq!(Plan::of(7, 12, 3), plan.beginning(12));
        assert_ne!(Plan::of(8, 20, 3), plan);
    }

    #[test]
    fn every_misfortune_happens_to_somebody() {
        let names = |misfortune: &Misfortune| {
            let text = format!("{misfortune:?}");
            text.split(|c: char| !c.is_alphanumeric())
                .next()
                .map(str::to_owned)
        };
        let plan = Plan::of(1, 2_000, 3);
        let steps = plan.steps.iter().filter_map(|step| names(&step.misfortune));
        let met: std::collections::BTreeSet<String> = steps.collect();
        assert_eq!(met.len(), Misfortune::KINDS, "{met:?}");
    }
}
