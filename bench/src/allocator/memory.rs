//! What agents and tasks cost in memory: in the allocator alone, and in it and the master's core
//! together. Each figure is measured in a process of its own, because memory that was used once waits
//! for being used again.
//!
//! Agents re-register with a new master, with the tasks that run on them, as after a failover: so the
//! master's core itself makes its records, and tells the allocator.

use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use master::allocator::{AllocatorOptions, HierarchicalAllocator};
use master::config::Config;
use master::registrar::Registry;
use master::state::{Effect, Effects, State, Timestamp};
use mesos::protocols::AgentProtocol;
use mesos::protocols::master::ReregisterAgent;
use mesos::v1;

use super::cluster::{Cluster, HUGE};
use crate::child::{Child, Role};
use crate::memory::resident;
use crate::samples;

const AGENTS: u32 = 20_000;
const FRAMEWORKS: u32 = 100;

/// On each agent, where there are any.
const TASKS: u32 = 10;

/// What is to be known.
const ALLOCATOR: &str = "allocator";
const WITHOUT_TASKS: &str = "without-tasks";
const WITH_TASKS: &str = "with-tasks";

/// Bytes an agent on which tasks run, in the allocator.
pub(super) fn in_allocator() -> f64 {
    ask(ALLOCATOR) / f64::from(HUGE.agents)
}

/// Bytes an agent without tasks, in master and allocator.
pub(super) fn of_agent() -> f64 {
    ask(WITHOUT_TASKS) / f64::from(AGENTS)
}

/// Bytes that a task adds, in master and allocator.
pub(super) fn of_task() -> f64 {
    (ask(WITH_TASKS) - ask(WITHOUT_TASKS)) / f64::from(AGENTS * TASKS)
}

fn ask(what: &str) -> f64 {
    let mut child = Child::start(ROLE.0, &[what]);
    child.line().parse().expect("a number")
}

/// The hidden command of the process that is measured.
pub(crate) const ROLE: Role = ("allocator-memory", play);

fn play(arguments: &[String]) {
    let bytes = match arguments.first().map(String::as_str) {
        Some(ALLOCATOR) => {
            let mut cluster = Cluster::without_agents(HUGE);
            let before = resident();
            cluster.add_agents();
            let bytes = resident().saturating_sub(before);
            drop(cluster);
            bytes
        }
        Some(WITHOUT_TASKS) => both(0),
        Some(WITH_TASKS) => both(TASKS),
        other => panic!("what is {other:?}?"),
    };
    println!("{bytes}");
}

/// Bytes of all agents with so many tasks each.
fn both(tasks: u32) -> u64 {
    let mut master = Master::new();
    // What the first one sets up is not part of any agent.
    master.add(AGENTS, tasks);
    let before = resident();
    (0..AGENTS).for_each(|number| master.add(number, tasks));
    let bytes = resident().saturating_sub(before);
    let cluster = master.state.cluster();
    assert_eq!(cluster.agents.len(), AGENTS as usize + 1);
    let known = cluster.frameworks.values();
    let known: usize = known.map(|framework| framework.tasks.len()).sum();
    assert_eq!(known, ((AGENTS + 1) * tasks) as usize);
    bytes
}

/// The core of a master, and its allocator.
struct Master {
    state: State,
    allocator: HierarchicalAllocator,
}

impl Master {
    fn new() -> Self {
        let config = Arc::new(Config::default());
        let mut state = State::new(config, v1::MasterInfo::default());
        state.recovered(now(), Registry::default());
        Self {
            state,
            allocator: HierarchicalAllocator::new(AllocatorOptions::default()),
        }
    }

    fn add(&mut self, number: u32, tasks: u32) {
        let effects = self.state.reregister_agent(now(), request(number, tasks));
        self.perform(effects);
    }

    fn perform(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Allocator(operation) => {
                    operation.apply(&mut self.allocator, Duration::ZERO)
                }
                Effect::Registry(_, then) => {
                    let effects = self.state.stored(now(), then);
                    self.perform(effects);
                }
                _ => {}
            }
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

/// Every agent runs tasks of two frameworks.
fn request(number: u32, tasks: u32) -> ReregisterAgent {
    let owners = [number % FRAMEWORKS, (number + 1) % FRAMEWORKS];
    samples::returning(address(number), number, tasks, owners)
}

fn address(number: u32) -> Pid<AgentProtocol> {
    let [.., high, middle, low] = number.to_be_bytes();
    let address = format!("10.{high}.{middle}.{low}:5051");
    Pid::named("agent", address.parse().expect("an address"))
}
