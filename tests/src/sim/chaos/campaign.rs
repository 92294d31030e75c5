//! Many seeds, one after the other; and of a seed that fails, the shortest plan.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use libprocess::sim;

use super::plan::{Plan, Step};
use crate::sim::SimCluster;

/// Longer than anything that is waited for on purpose: ten minutes until agents that do not come back are given up, and
/// as long for whatever follows.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What all runs have in common.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// How many agents there are.
    pub agents: usize,
    /// How many tasks the service keeps running.
    pub tasks: usize,
    /// How many things go wrong.
    pub steps: usize,
}

/// A run that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What it has in common with others.
    pub scenario: Scenario,
    /// Its seed.
    pub seed: u64,
    /// The shortest beginning of the seed's plan that fails.
    pub plan: Plan,
    /// What does not hold.
    pub why: String,
    /// The last messages, oldest first.
    pub last_lines: Vec<String>,
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            agents: 3,
            tasks: 6,
            steps: 20,
        }
    }
}

impl Scenario {
    /// The plan of a seed.
    pub fn plan(&self, seed: u64) -> Plan {
        Plan::of(seed, self.steps, self.agents)
    }

    /// Runs one plan in the world of its seed.
    fn run(&self, seed: u64, plan: &Plan) -> Option<Failure> {
        let Scenario { agents, tasks, .. } = *self;
        let found = sim::search(seed..seed + 1, |net| async move {
            let mut cluster = SimCluster::builder().agents(agents).start(&net).await;
            cluster.keep_running(tasks, "work").await;
            plan.carry_out(&mut cluster).await;
            cluster.settles(PATIENCE).await;
        })?;
        Some(Failure {
            scenario: *self,
            seed,
            plan: plan.clone(),
            why: found.why,
            last_lines: found.last_lines,
        })
    }

    /// Runs a seed. If it fails, gives the shortest beginning of its plan that fails as well.
    ///
    /// A shorter plan is repaired earlier and goes another way from there, so that what fails need not fail with every
    /// longer one: all beginnings are tried, the shortest first.
    fn try_seed(&self, seed: u64) -> Option<Failure> {
        let plan = self.plan(seed);
        let failure = self.run(seed, &plan)?;
        let shorter = (0..plan.steps.len()).map(|steps| plan.beginning(steps));
        let shortest = shorter.filter_map(|plan| self.run(seed, &plan)).next();
        Some(shortest.unwrap_or(failure))
    }
}

impl fmt::Display for Failure {
    /// Of many lines: what failed, the way there, the last messages, and the command that repeats it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            scenario,
            seed,
            plan,
            why,
            last_lines,
        } = self;
        writeln!(f, "seed {seed} fails: {why}\n")?;
        let steps = plan.steps.len();
        writeln!(f, "the shortest way there ({steps} misfortunes):")?;
        for Step { misfortune, pause } in &plan.steps {
            writeln!(f, "  {misfortune}, then {:.1} s", pause.as_secs_f64())?;
        }
        writeln!(f, "\nthe last {} messages:", last_lines.len())?;
        for line in last_lines {
            writeln!(f, "  {line}")?;
        }
        let Scenario { agents, tasks, .. } = scenario;
        write!(
            f,
            "\nto repeat it:\n  cargo run -p tests --bin soak -- --seeds 1 --from {seed} --steps {steps} \
             --agents {agents} --tasks {tasks}",
        )
    }
}

/// Runs seeds on so many threads until one fails; `each` hears how many have not.
pub fn search(
    scenario: Scenario,
    seeds: Range<u64>,
    threads: usize,
    each: impl Fn(u64) + Sync,
) -> Option<Failure> {
    let next = AtomicU64::new(seeds.start);
    let done = AtomicU64::new(0);
    let failed = OnceLock::new();
    let work = || {
        while failed.get().is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            match scenario.try_seed(seed) {
                // Another thread may have found one at the same time: one is enough.
                Some(failure) => drop(failed.set(failure)),
                None => each(done.fetch_add(1, Ordering::Relaxed) + 1),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    failed.into_inner()
}
