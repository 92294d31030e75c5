//! Tasks from an offer until their agent hears that their framework knows that they run.

use std::time::Duration;

use master::state::Cluster;
use mesos::v1::TaskState;

use super::scheduler::Work;
use super::tally::Tally;
use super::world::{Size, World};

const AGENTS: u32 = 10_000;

/// Each with a role of its own.
const FRAMEWORKS: u32 = 10;

/// With each offer: a service that is scaled up, or a batch.
const EACH: usize = 10;

/// What a rate is measured over: as many as fit when every agent is offered once.
const TASKS: usize = AGENTS as usize * EACH;

/// What is placed before that in the full cluster.
const PLACED: usize = 1_000_000;

/// Tasks a second in a cluster in which none runs.
pub(super) fn into_empty() -> f64 {
    rate(launch(TASKS, &[TASKS])[0])
}

/// Tasks a second in a cluster in which a million run.
pub(super) fn into_full() -> f64 {
    let times = launch(PLACED + TASKS, &[PLACED, PLACED + TASKS]);
    rate(times[1] - times[0])
}

/// When so many tasks ran, since frameworks subscribed to a master to which all agents had come back.
fn launch(tasks: usize, marks: &[usize]) -> Vec<Duration> {
    let size = Size {
        agents: AGENTS,
        tasks: 0,
        frameworks: FRAMEWORKS,
        ended: 0,
    };
    let world = World::new(size, Work::new(tasks, EACH), Tally::new(marks));
    world.agents_come_back();
    let start = std::time::Instant::now();
    world.frameworks_subscribe();
    let reached = world.runtime.block_on(world.acknowledged.reached());
    let running = |cluster: &Cluster| cluster.counts.get(TaskState::TaskRunning);
    world.view(|cluster| running(cluster) == tasks as u64);
    world.end();
    reached.into_iter().map(|reached| reached - start).collect()
}

fn rate(took: Duration) -> f64 {
    TASKS as f64 / took.as_secs_f64()
}
