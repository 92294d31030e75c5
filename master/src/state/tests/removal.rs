//! How fast agents become unreachable (Mesos' `docs/configuration/master.md`).

use std::time::Duration;

use mesos::v1::AgentId;

use super::world::{Runs, World, agent_pid};
use crate::config::{Config, RateLimit};
use crate::registrar::Registry;
use crate::state::Counter;

const MINUTE: Duration = Duration::from_secs(60);

/// One agent a minute.
fn config() -> Config {
    let (count, per) = (1, MINUTE);
    Config {
        agent_removal_rate_limit: Some(RateLimit { count, per }),
        ..Config::default()
    }
}

fn silent(world: &mut World, agent: &AgentId) {
    let effects = world.state.agent_unresponsive(world.now, agent);
    world.perform(effects);
}

fn unreachable(world: &mut World) -> Vec<String> {
    world.log_of("registry <- m-S")
}

#[test]
fn agents_become_unreachable_one_after_the_other() {
    let mut world = World::with(config());
    let agents = [world.agent(1), world.agent(2), world.agent(3)];
    for agent in &agents {
        silent(&mut world, agent);
    }
    let lines = agents
        .each_ref()
        .map(|agent| format!("registry <- {} unreachable", agent.value));
    assert_eq!(unreachable(&mut world), lines[..1]);
    for line in &lines[1..] {
        world.wait(MINUTE - Duration::from_secs(1));
        for agent in &agents {
            // They still say nothing, and are found silent again.
            silent(&mut world, agent);
        }
        assert!(unreachable(&mut world).is_empty());
        world.wait(Duration::from_secs(1));
        assert_eq!(unreachable(&mut world), std::slice::from_ref(line));
    }
    world.check();
}

#[test]
fn who_is_heard_of_before_its_turn_stays() {
    let mut world = World::with(config());
    let agents = [world.agent(1), world.agent(2), world.agent(3)];
    silent(&mut world, &agents[0]);
    silent(&mut world, &agents[1]);
    world.log();
    // The second answers its pings from now on.
    world.wait(MINUTE);
    assert!(unreachable(&mut world).is_empty());
    let cancelled = Counter::AgentUnreachableCanceled;
    assert_eq!(world.state.counters().get(cancelled), 1);
    // The third disconnects, has to wait, and is back in time.
    world.agent_exits(&agents[2]);
    world.wait(config().agent_reregister_timeout - Duration::from_secs(1));
    silent(&mut world, &agents[1]);
    world.wait(Duration::from_secs(1));
    world.log();
    world.reregister(&agents[2], agent_pid(3, 2), Runs::default());
    world.wait(MINUTE);
    assert!(unreachable(&mut world).is_empty());
    assert_eq!(world.state.counters().get(cancelled), 2);
    world.check();
}

#[test]
fn agents_that_do_not_come_back_to_a_new_master_wait_too() {
    let mut registry = Registry::default();
    let ids: Vec<AgentId> = (0..3)
        .map(|n| AgentId {
            value: format!("m-S{n}"),
        })
        .collect();
    for id in &ids {
        registry.agents.insert(id.clone(), Default::default());
    }
    let mut world = World::recovering(config());
    world.recover(registry);
    world.wait(config().agent_reregister_timeout);
    assert_eq!(unreachable(&mut world), ["registry <- m-S0 unreachable"]);
    world.reregister(&ids[1], agent_pid(1, 1), Runs::default());
    world.log();
    world.wait(3 * MINUTE);
    assert_eq!(unreachable(&mut world), ["registry <- m-S2 unreachable"]);
    let counters = world.state.counters();
    assert_eq!(counters.get(Counter::AgentUnreachableCanceled), 1);
    assert_eq!(counters.get(Counter::RecoveryAgentRemovals), 2);
}

#[test]
fn who_came_back_and_left_again_has_the_whole_time_again() {
    let mut world = World::with(config());
    let agents = [world.agent(1), world.agent(2)];
    let timeout = config().agent_reregister_timeout;
    world.agent_exits(&agents[1]);
    world.wait(timeout - Duration::from_secs(1));
    silent(&mut world, &agents[0]);
    // It has to wait for its turn now.
    world.wait(Duration::from_secs(1));
    world.log();
    world.reregister(&agents[1], agent_pid(2, 2), Runs::default());
    world.agent_exits(&agents[1]);
    world.wait(timeout - Duration::from_secs(1));
    assert!(unreachable(&mut world).is_empty());
    world.wait(Duration::from_secs(1));
    assert_eq!(unreachable(&mut world), ["registry <- m-S1 unreachable"]);
    world.check();
}
