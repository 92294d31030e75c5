//! Many seeds, one after the other; and of a seed that fails, the shortest plan.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use libprocess::sim::{self, Net};
use mesos::historic::Museum;

use super::misfortune::Reach;
use super::plan::{Plan, Step};
use super::tally::Tally;
use crate::sim::{SimCluster, Terms};

/// Within this time after the last fault, and with all orders taken back, everything is as it should be: longer than
/// what is waited for on purpose, which is ten minutes until agents and frameworks that do not come back are given up,
/// and as long again for what follows.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What each agent has: more than all tasks need on all of them, and not on two of three. Reservations take no task's
/// place, even if they are all on one agent.
const RESOURCES: &str = "cpus:4.2;mem:1024;disk:1024";

/// Of the second and third service.
const OTHERS_TASKS: usize = 2;

/// Of the framework that reserves, a twentieth of a cpu each.
const RESERVATIONS: usize = 3;

/// How long the tasks of the second service run on without it: longer than it is usually away.
const RETURNS_WITHIN: Duration = Duration::from_secs(15 * 60);

/// And those of the third, which may go for good.
const LEAVES_FOR: Duration = Duration::from_secs(2 * 60);

/// The roles of the second and third.
const ROLES: [&str; 2] = ["web", "batch"];

/// What all runs have in common.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// How many masters there are; one or three, by the seed, unless said.
    pub masters: Option<usize>,
    /// Whether there is only one service, and no operator; with one master this is the smallest whole cluster.
    pub small: bool,
    /// How many agents there are.
    pub agents: usize,
    /// How many tasks the first service keeps running.
    pub tasks: usize,
    /// How many things go wrong.
    pub steps: usize,
    /// What is to be found.
    pub museum: Museum,
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
            masters: None,
            small: false,
            agents: 3,
            tasks: 6,
            steps: 20,
            museum: Museum::default(),
        }
    }
}

impl Scenario {
    /// The plan of a seed.
    pub fn plan(&self, seed: u64) -> Plan {
        Plan::of(seed, self.steps, &self.reach(seed))
    }

    fn reach(&self, seed: u64) -> Reach {
        let by_seed = match seed % 2 {
            0 => 1,
            _ => 3,
        };
        Reach {
            masters: self.masters.unwrap_or(by_seed),
            agents: self.agents,
            services: match self.small {
                true => 1,
                false => 1 + ROLES.len(),
            },
            orders: !self.small,
        }
    }

    /// Every other seed of those with as many masters is run without QUIC: several times as fast, with the same faults.
    fn is_light(seed: u64) -> bool {
        seed / 2 % 2 == 1
    }

    /// Every other pair of those has the registry on the disk of its only master.
    fn is_on_disk(seed: u64) -> bool {
        seed / 4 % 2 == 1
    }

    /// The cluster before anything goes wrong.
    async fn cluster(&self, net: &Net) -> SimCluster {
        let cluster = SimCluster::builder().masters(self.reach(net.seed()).masters);
        let cluster = cluster
            .agents(self.agents)
            .resources(RESOURCES)
            .registry_on_disk(Self::is_on_disk(net.seed()))
            .museum(self.museum);
        let mut cluster = cluster.start(net).await;
        cluster.keep_running(self.tasks, "work").await;
        if self.small {
            return cluster;
        }
        for (role, failover) in ROLES.iter().zip([RETURNS_WITHIN, LEAVES_FOR]) {
            let terms = Terms::new(OTHERS_TASKS, "work").of_role(role, failover);
            cluster.keep_running_as(terms).await;
        }
        cluster.start_reserver(RESERVATIONS).await;
        cluster
    }

    /// From the first node until all is well again after the last misfortune.
    async fn life(&self, net: &Net, plan: &Plan) -> SimCluster {
        if Self::is_light(net.seed()) {
            net.messages();
        }
        let mut cluster = self.cluster(net).await;
        plan.carry_out(&mut cluster).await;
        cluster.calms_down(PATIENCE).await;
        cluster
    }

    /// The hash of everything that happens in the run of a seed: the same each time.
    ///
    /// # Panics
    ///
    /// The seed fails.
    pub fn trace_hash(&self, seed: u64) -> u64 {
        sim::run(seed, |net| async move {
            // Until the hash is taken: it ends as a crowd of exits.
            let _cluster = self.life(&net, &self.plan(seed)).await;
            net.trace_hash()
        })
    }

    /// Runs one plan in the world of its seed.
    ///
    /// What went wrong is added to the tally if the run does not fail.
    fn run(&self, seed: u64, plan: &Plan, tally: &Mutex<Tally>) -> Option<Failure> {
        let found = sim::search(seed..seed + 1, |net| async move {
            let cluster = self.life(&net, plan).await;
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.extend(&cluster.tally);
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
    fn try_seed(&self, seed: u64, tally: &Mutex<Tally>) -> Option<Failure> {
        let plan = self.plan(seed);
        let failure = self.run(seed, &plan, tally)?;
        let shorter = (0..plan.steps.len()).map(|steps| plan.beginning(steps));
        let shortest = shorter
            .filter_map(|plan| self.run(seed, &plan, tally))
            .next();
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
        let masters = scenario.reach(*seed).masters;
        let small = match scenario.small {
            true => " --small",
            false => "",
        };
        write!(
            f,
            "\nto repeat it:\n  cargo run -p tests --bin soak -- --seeds 1 --from {seed} --steps {steps} \
             --masters {masters} --agents {agents} --tasks {tasks}{small}",
        )
    }
}

/// Runs one seed after the other until one fails, and gives it with its whole plan.
pub fn first_to_fail(scenario: Scenario, mut seeds: Range<u64>) -> Option<Failure> {
    let tally = Mutex::default();
    seeds.find_map(|seed| scenario.run(seed, &scenario.plan(seed), &tally))
}

/// Runs seeds on so many threads until one fails, and looks for the shortest plan of that; `each` hears how many have
/// not.
pub fn search(
    scenario: Scenario,
    seeds: Range<u64>,
    threads: usize,
    tally: &Mutex<Tally>,
    each: impl Fn(u64) + Sync,
) -> Option<Failure> {
    let failed = OnceLock::new();
    let done = AtomicU64::new(0);
    on_threads(threads, seeds, |seed| {
        match scenario.try_seed(seed, tally) {
            // Another thread may have found one at the same time: one is enough.
            Some(failure) => drop(failed.set(failure)),
            None => each(done.fetch_add(1, Ordering::Relaxed) + 1),
        }
        failed.get().is_none()
    });
    failed.into_inner()
}

/// Runs seeds on so many threads, all of them whatever fails; `each` hears what does, with its whole plan.
pub fn survey(
    scenario: Scenario,
    seeds: Range<u64>,
    threads: usize,
    tally: &Mutex<Tally>,
    each: impl Fn(Failure) + Sync,
) {
    on_threads(threads, seeds, |seed| {
        let failed = scenario.run(seed, &scenario.plan(seed), tally);
        failed.map(&each);
        true
    });
}

/// Gives out seeds in their order, until somebody has had enough.
fn on_threads(threads: usize, seeds: Range<u64>, go_on: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    let over = AtomicBool::new(false);
    let work = || {
        while !over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            if !go_on(seed) {
                over.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
}
