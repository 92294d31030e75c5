//! What goes wrong in a run, decided before it begins.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::misfortune::{Misfortune, Reach};
use crate::sim::SimCluster;

/// Told apart from all other uses of the same seed.
const SALT: u64 = 0x6d69_7366_6f72_7475;

/// Shorter and longer than all timeouts of masters, agents and frameworks but the one for agents that do not come back.
const PAUSES_MILLIS: std::ops::Range<u64> = 100..90_000;

/// Misfortunes in their order. The same seed, steps and reach give the same plan, and a shorter plan of a seed is the
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
    /// The plan of a seed for a cluster of that size.
    pub fn of(seed: u64, steps: usize, reach: &Reach) -> Plan {
        let mut random = StdRng::seed_from_u64(seed ^ SALT);
        let step = |_| Step {
            misfortune: Misfortune::any(&mut random, reach),
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
            cluster.tally.add(misfortune.kind());
            misfortune.strike(cluster).await;
            cluster.live_through(*pause).await;
            cluster.bury().await;
        }
        cluster.net.note("repair");
        cluster.repair().await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const REACH: Reach = Reach {
        masters: 3,
        agents: 3,
        services: 3,
        orders: true,
    };

    #[test]
    fn a_shorter_plan_is_the_beginning_of_a_longer_one() {
        let plan = Plan::of(7, 20, &REACH);
        assert_eq!(Plan::of(7, 12, &REACH), plan.beginning(12));
        assert_ne!(Plan::of(8, 20, &REACH), plan);
    }

    #[test]
    fn a_group_is_not_harmed_where_there_is_none() {
        let alone = Reach {
            masters: 1,
            orders: false,
            ..REACH
        };
        let kinds = |reach: &Reach| -> BTreeSet<String> {
            let plan = Plan::of(1, 5_000, reach);
            let kinds = plan.steps.iter().map(|step| step.misfortune.kind());
            kinds.collect()
        };
        let (with, without) = (kinds(&REACH), kinds(&alone));
        assert!(with.is_superset(&without));
        for kind in [
            "SessionLoss",
            "GroupOutage",
            "IsolateLeader",
            "Drain",
            "Teardown",
        ] {
            assert!(with.contains(kind) && !without.contains(kind), "{kind}");
        }
    }
}
