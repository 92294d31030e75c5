//! Agents that operators drain, deactivate, or give up (Mesos' `docs/high-availability.md` and `docs/maintenance.md`).

use std::time::Duration;

use mesos::v1::master::Call;
use mesos::v1::master::call::{DeactivateAgent, DrainAgent, MarkAgentGone, ReactivateAgent, Type};
use mesos::v1::{AgentId, TaskState};

use super::world::{Runs, World, agent_pid, info, partition_aware};
use crate::config::Config;
use crate::registrar::Registry;
use crate::state::Counter;

fn drain(world: &mut World, agent: &AgentId, gone: bool) {
    let call = Call {
        drain_agent: Some(DrainAgent {
            agent_id: agent.clone(),
            max_grace_period: None,
            mark_gone: Some(gone),
        }),
        ..Default::default()
    };
    world.operator(Type::DrainAgent, call);
}

pub(super) fn gone(world: &mut World, agent: &AgentId) {
    let call = Call {
        mark_agent_gone: Some(MarkAgentGone {
            agent_id: agent.clone(),
        }),
        ..Default::default()
    };
    world.operator(Type::MarkAgentGone, call);
}

fn deactivate(world: &mut World, agent: &AgentId) {
    let call = Call {
        deactivate_agent: Some(DeactivateAgent {
            agent_id: agent.clone(),
        }),
        ..Default::default()
    };
    world.operator(Type::DeactivateAgent, call);
}

fn reactivate(world: &mut World, agent: &AgentId) {
    let call = Call {
        reactivate_agent: Some(ReactivateAgent {
            agent_id: agent.clone(),
        }),
        ..Default::default()
    };
    world.operator(Type::ReactivateAgent, call);
}

fn is_active(world: &World, agent: &AgentId) -> bool {
    world.state.cluster().agents[agent].active
}

/// What a later master reads.
fn registry(world: &World) -> Registry {
    let mut registry = Registry::default();
    for operation in &world.operations {
        // What was refused has changed nothing.
        for change in operation.clone().changes(&registry).unwrap_or_default() {
            registry.apply(change);
        }
    }
    registry
}

#[test]
fn an_agent_is_drained_when_the_last_end_is_acknowledged() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.offer(&id, &agent, "cpus:1");
    world.log();
    drain(&mut world, &agent, false);
    assert_eq!(
        world.log(),
        [
            "registry <- drain m-S0",
            "allocator <- cpus:1 of m-0000 on m-S0",
            "a <- RESCIND",
            "10.0.0.1 <- drain",
            "operator <- done",
        ]
    );
    assert!(!is_active(&world, &agent));
    reactivate(&mut world, &agent);
    assert!(world.log()[0].contains("still draining"));

    world.update(&id, &agent, "t", TaskState::TaskKilled, 2);
    assert!(world.log_of("registry").is_empty(), "not acknowledged yet");
    world.acknowledge(&id, &agent, "t", 2);
    assert_eq!(world.log_of("registry"), ["registry <- m-S0 drained"]);
    assert!(world.state.cluster().drains[&agent].drained);
    assert!(!is_active(&world, &agent));

    reactivate(&mut world, &agent);
    assert_eq!(
        world.log(),
        ["registry <- reactivate m-S0", "operator <- done"]
    );
    assert!(is_active(&world, &agent));
    world.check();
}

#[test]
fn an_agent_without_tasks_is_drained_at_once_and_gone_if_that_was_asked_for() {
    let mut world = World::new();
    let agent = world.agent(1);
    world.log();
    drain(&mut world, &agent, true);
    assert_eq!(
        world.log(),
        [
            "registry <- drain m-S0",
            "10.0.0.1 <- drain",
            "operator <- done",
            "registry <- m-S0 drained",
            "registry <- m-S0 gone",
            "10.0.0.1 <- shut down",
        ]
    );
    assert!(world.state.cluster().gone_agents.contains_key(&agent));
    assert!(world.state.cluster().drains.is_empty());
    world.check();
}

#[test]
fn draining_outlives_the_absence_of_the_agent_and_the_master() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    let known = (*world.state.cluster().frameworks[&id].info).clone();
    let running = world.state.cluster().frameworks[&id].tasks["t"].to_v1();
    let runs = || Runs {
        frameworks: vec![known.clone()],
        tasks: vec![running.clone()],
        ..Runs::default()
    };
    world.agent_exits(&agent);
    drain(&mut world, &agent, false);
    assert!(world.log_of("10.0.0.1").is_empty(), "nobody is there");
    world.wait(Duration::from_secs(601));
    assert!(!world.state.cluster().agents.contains_key(&agent));
    world.log();
    world.reregister(&agent, agent_pid(1, 2), runs());
    let told = world.log_of("10.0.0.1");
    assert!(told.contains(&"10.0.0.1 <- drain".to_owned()), "{told:?}");
    assert!(!is_active(&world, &agent));
    world.agent_exits(&agent);
    world.reregister(&agent, agent_pid(1, 3), runs());
    assert!(!is_active(&world, &agent));

    let mut later = World::recovering(Config::default());
    later.recover(registry(&world));
    later.reregister(&agent, agent_pid(1, 4), runs());
    let told = later.log_of("10.0.0.1");
    assert!(told.contains(&"10.0.0.1 <- drain".to_owned()), "{told:?}");
    assert!(!is_active(&later, &agent));
    later.check();
    world.check();
}

#[test]
fn a_deactivated_agent_keeps_its_tasks_and_gets_no_offers() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.offer(&id, &agent, "cpus:1");
    world.log();
    deactivate(&mut world, &agent);
    assert_eq!(
        world.log(),
        [
            "registry <- deactivate m-S0",
            "allocator <- cpus:1 of m-0000 on m-S0",
            "a <- RESCIND",
            "operator <- done",
        ]
    );
    world.allocate(&id, &agent, "cpus:1");
    assert_eq!(
        world.log(),
        ["allocator <- cpus:1 of m-0000 on m-S0"],
        "what crossed it goes back"
    );
    world.agent_exits(&agent);
    world.reregister(&agent, agent_pid(1, 2), Runs::default());
    assert!(!is_active(&world, &agent));
    world.log();
    reactivate(&mut world, &agent);
    assert!(is_active(&world, &agent));
    world.log();
    reactivate(&mut world, &agent);
    assert!(world.log()[0].contains("is not deactivated"));
    world.check();
}

#[test]
fn an_agent_whose_first_answer_was_lost_stays_out_of_use() {
    let mut world = World::new();
    let agent = world.agent(1);
    deactivate(&mut world, &agent);
    world.agent_exits(&agent);
    world.register(agent_pid(1, 1));
    assert!(world.state.cluster().agents[&agent].connected);
    assert!(!is_active(&world, &agent));
    world.check();
}

#[test]
fn tasks_of_an_agent_that_is_given_up_are_gone_and_it_never_comes_back() {
    let mut world = World::new();
    let agent = world.agent(1);
    let (aware, old) = (
        world.framework(partition_aware("p")),
        world.framework(info("a")),
    );
    world.running(&aware, &agent, "t");
    world.running(&old, &agent, "u");
    world.registry_is_slow = true;
    gone(&mut world, &agent);
    gone(&mut world, &agent);
    drain(&mut world, &agent, false);
    assert_eq!(
        world.log(),
        [
            "registry <- m-S0 gone",
            "operator <- Conflict: agent m-S0 is being marked gone",
            "operator <- Conflict: agent m-S0 is being marked gone",
        ],
        "the registry first"
    );
    world.registry_answers();
    let log = world.log();
    for line in [
        "10.0.0.1 <- shut down",
        "p <- t TASK_GONE_BY_OPERATOR (AGENT_REMOVED_BY_OPERATOR)",
        "a <- u TASK_LOST (AGENT_REMOVED_BY_OPERATOR)",
        "p <- FAILURE agent",
        "operator <- done",
    ] {
        assert!(log.contains(&line.to_owned()), "{line} in {log:?}");
    }
    world.reregister(&agent, agent_pid(1, 2), Runs::default());
    assert_eq!(world.log(), ["10.0.0.1 <- shut down"]);
    world.reconcile(&aware, &[("x", Some(&agent))]);
    assert_eq!(
        world.log(),
        ["p <- x TASK_GONE_BY_OPERATOR (RECONCILIATION)"]
    );
    gone(&mut world, &agent);
    assert_eq!(world.log(), ["operator <- done"], "it is so already");

    let mut later = World::recovering(Config::default());
    later.recover(registry(&world));
    later.log();
    later.reregister(&agent, agent_pid(1, 3), Runs::default());
    assert_eq!(later.log(), ["10.0.0.1 <- shut down"]);
    world.check();
}

#[test]
fn unreachable_tasks_are_gone_with_their_agent() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(partition_aware("p"));
    world.running(&id, &agent, "t");
    let effects = world.state.agent_unresponsive(world.now, &agent);
    world.perform(effects);
    world.log();
    gone(&mut world, &agent);
    let log = world.log();
    let line = "p <- t TASK_GONE_BY_OPERATOR (AGENT_REMOVED_BY_OPERATOR)";
    assert!(log.contains(&line.to_owned()), "{log:?}");
    assert!(world.state.cluster().unreachable_agents.is_empty());
    assert_eq!(world.state.counters().get(Counter::AgentRemovalsGone), 1);
    world.check();
}

#[test]
fn agents_that_nobody_knows_cannot_be_operated_on() {
    let mut world = World::new();
    let nobody: AgentId = "m-S9".into();
    gone(&mut world, &nobody);
    drain(&mut world, &nobody, false);
    deactivate(&mut world, &nobody);
    reactivate(&mut world, &nobody);
    let log = world.log();
    assert_eq!(log.len(), 4);
    for line in log {
        assert!(line.starts_with("operator <- Invalid: No agent"), "{line}");
    }
}

#[test]
fn an_absurd_grace_is_refused() {
    let mut world = World::new();
    let agent = world.agent(1);
    world.log();
    let json = |seconds: i64| {
        format!(
            r#"{{"type":"DRAIN_AGENT","drain_agent":{{"agent_id":{{"value":"{}"}},
                "max_grace_period":{{"seconds":{seconds}}}}}}}"#,
            agent.value
        )
    };
    for (seconds, expected) in [
        (-1, "operator <- Invalid"),
        (i64::MAX, "operator <- Invalid"),
    ] {
        let call: Call = serde_json::from_str(&json(seconds)).expect("a call");
        world.operator(Type::DrainAgent, call);
        let log = world.log();
        assert!(log[0].starts_with(expected), "{log:?}");
    }
    let call: Call = serde_json::from_str(&json(60)).expect("a call");
    world.operator(Type::DrainAgent, call);
    let config = world.state.cluster().drains[&agent].config.0;
    assert_eq!(
        config.max_grace_period.expect("a grace").nanoseconds,
        60_000_000_000
    );
}
