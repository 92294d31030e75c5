//! A new leader, to which everybody comes back at once: agents with what runs on them, and frameworks.

use super::scheduler::Work;
use super::tally::Tally;
use super::world::{Size, World};

/// As many as large clusters have. Each has tasks everywhere.
const FRAMEWORKS: u32 = 100;

/// Of each agent.
const TASKS: u32 = 10;

/// Of each agent, where they have a history.
const ENDED: u32 = 100;

/// As many as a master keeps of each framework unless told otherwise.
const KEPT: u32 = 1_000;

/// Milliseconds until all of so many agents, and the frameworks, are known again.
pub(super) fn of(agents: u32) -> f64 {
    with(agents, 0)
}

/// As [`of`], if each agent also tells of tasks that have ended.
pub(super) fn with_history(agents: u32) -> f64 {
    with(agents, ENDED)
}

fn with(agents: u32, ended: u32) -> f64 {
    let size = Size {
        agents,
        tasks: TASKS,
        frameworks: FRAMEWORKS,
        ended,
    };
    // Frameworks keep what they are offered.
    let world = World::new(size, Work::new(0, 0), Tally::new(&[]));
    let took = world.all_come_back();
    let view = world.view(|cluster| cluster.agents.len() == agents as usize);
    let tasks = view.cluster.frameworks.values().map(|f| f.tasks.len());
    assert_eq!(tasks.sum::<usize>(), (agents * TASKS) as usize);
    let kept = view.cluster.frameworks.values();
    let kept = kept.map(|f| f.completed_tasks.len());
    let expected = FRAMEWORKS * (agents * ended / FRAMEWORKS).min(KEPT);
    assert_eq!(kept.sum::<usize>(), expected as usize);
    drop(view);
    world.end();
    took.as_secs_f64() * 1e3
}

/// By which power of the number of agents it grows.
pub(super) fn exponent(small: u32, large: u32) -> f64 {
    let times = of(large) / of(small);
    times.ln() / (f64::from(large) / f64::from(small)).ln()
}
