//! RECONCILE (Mesos' `docs/reconciliation.md`).

use mesos::v1::{AgentId, TaskState};

use super::world::{World, info, partition_aware};
use crate::config::Config;
use crate::registrar::Registry;

fn agent(id: &str) -> AgentId {
    AgentId { value: id.into() }
}

/// A registry with an agent that has not come back and one that is unreachable.
fn registry() -> Registry {
    let mut registry = Registry::default();
    registry
        .agents
        .insert(agent("old-S0"), mesos::wire::Pb(Default::default()));
    registry
        .unreachable
        .insert(agent("old-S1"), mesos::v1::TimeInfo { nanoseconds: 5 });
    registry
}

#[test]
fn each_unknown_task_gets_the_fate_of_its_agent() {
    for (partition, words) in [
        (true, ["TASK_GONE", "TASK_UNREACHABLE", "TASK_UNKNOWN"]),
        (false, ["TASK_LOST", "TASK_LOST", "TASK_LOST"]),
    ] {
        let mut world = World::recovering(Config::default());
        world.recover(registry());
        let registered = world.agent(1);
        let id = world.framework(if partition {
            partition_aware("a")
        } else {
            info("a")
        });
        world.log();
        let (recovered, unreachable, unknown) = (agent("old-S0"), agent("old-S1"), agent("x"));
        world.reconcile(
            &id,
            &[
                ("registered", Some(&registered)),
                ("recovered", Some(&recovered)),
                ("unreachable", Some(&unreachable)),
                ("unknown", Some(&unknown)),
                ("nowhere", None),
            ],
        );
        // Where the agent may still come back, silence is the only true answer.
        assert_eq!(
            world.log(),
            [
                format!("a <- registered {} (RECONCILIATION)", words[0]),
                format!("a <- unreachable {} (RECONCILIATION)", words[1]),
                format!("a <- unknown {} (RECONCILIATION)", words[2]),
            ]
        );
    }
}

#[test]
fn a_task_named_without_agent_is_unknown_when_all_agents_are_back() {
    let mut world = World::new();
    let id = world.framework(partition_aware("a"));
    world.log();
    world.reconcile(&id, &[("t", None)]);
    assert_eq!(world.log(), ["a <- t TASK_UNKNOWN (RECONCILIATION)"]);
}

#[test]
fn known_tasks_are_answered_with_what_was_forwarded_last() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    // Failed already, but the framework has only been told of RUNNING.
    let (running, failed) = (TaskState::TaskRunning, TaskState::TaskFailed);
    world.update_ahead(&id, &agent, "t", running, failed, 1);
    world.log();
    world.reconcile(&id, &[("t", Some(&agent))]);
    world.reconcile(&id, &[]);
    assert_eq!(
        world.log(),
        [
            "a <- t TASK_RUNNING (RECONCILIATION)",
            "a <- t TASK_RUNNING (RECONCILIATION)"
        ]
    );
}

#[test]
fn the_implicit_form_tells_of_live_and_unreachable_tasks() {
    let mut world = World::new();
    let (stays, goes) = (world.agent(1), world.agent(2));
    let id = world.framework(partition_aware("a"));
    world.running(&id, &stays, "t1");
    world.running(&id, &goes, "t2");
    let effects = world.state.agent_unresponsive(world.now, &goes);
    world.perform(effects);
    world.log();
    world.reconcile(&id, &[("t2", None)]);
    assert_eq!(world.log(), ["a <- t2 TASK_UNREACHABLE (RECONCILIATION)"]);
    world.reconcile(&id, &[]);
    assert_eq!(
        world.log(),
        [
            "a <- t1 TASK_RUNNING (RECONCILIATION)",
            "a <- t2 TASK_UNREACHABLE (RECONCILIATION)"
        ]
    );
}
