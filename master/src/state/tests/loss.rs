//! How agents are lost, and found again.

use std::time::Duration;

use mesos::v1::{FrameworkInfo, TaskState};

use super::world::{Runs, World, agent_pid, info, partition_aware};

#[test]
fn an_agent_that_misses_its_pings_is_unreachable_once_the_registry_says_so() {
    for (partition, state) in [(true, "TASK_UNREACHABLE"), (false, "TASK_LOST")] {
        let mut world = World::new();
        let agent = world.agent(1);
        let id = world.framework(if partition {
            partition_aware("a")
        } else {
            info("a")
        });
        world.running(&id, &agent, "t");
        world.registry_is_slow = true;
        for _ in 0..2 {
            let effects = world.state.agent_unresponsive(world.now, &agent);
            world.perform(effects);
        }
        assert_eq!(world.log(), ["registry <- m-S0 unreachable"]);
        world.registry_answers();
        assert_eq!(
            world.log(),
            [
                "allocator <- cpus:1; mem:32 of m-0000 on m-S0".to_owned(),
                format!("a <- t {state} (AGENT_REMOVED)"),
                "a <- FAILURE agent".to_owned(),
            ]
        );
        let cluster = world.state.cluster();
        assert!(cluster.agents.is_empty() && cluster.unreachable_agents.contains_key(&agent));
        assert_eq!(cluster.frameworks[&id].unreachable_tasks.len(), 1);
        world.check();
    }
}

#[test]
fn a_broken_link_is_no_loss_until_the_agent_had_its_time() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.agent_exits(&agent);
    world.wait(Duration::from_secs(599));
    assert_eq!(world.log_of("registry"), Vec::<String>::new());
    // It comes back for a moment: the time starts anew.
    world.reregister(&agent, agent_pid(1, 2), Runs::default());
    world.agent_exits(&agent);
    world.wait(Duration::from_secs(599));
    assert_eq!(world.log_of("registry"), Vec::<String>::new());
    world.wait(Duration::from_secs(1));
    assert_eq!(world.log_of("registry"), ["registry <- m-S0 unreachable"]);
    world.check();
}

#[test]
fn without_checkpointing_tasks_end_with_the_link_of_their_agent() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(FrameworkInfo {
        checkpoint: None,
        ..partition_aware("a")
    });
    world.running(&id, &agent, "t");
    world.agent_exits(&agent);
    assert_eq!(
        world.log(),
        [
            "allocator <- cpus:1; mem:32 of m-0000 on m-S0",
            "a <- t TASK_LOST (AGENT_DISCONNECTED)",
        ]
    );
    assert!(world.state.cluster().frameworks[&id].tasks.is_empty());
    world.check();
}

#[test]
fn tasks_come_back_with_an_unreachable_agent_or_are_gone() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(partition_aware("a"));
    world.running(&id, &agent, "back");
    world.running(&id, &agent, "gone");
    let framework = world.state.cluster().frameworks[&id].clone();
    let back = framework.tasks["back"].to_v1();
    let effects = world.state.agent_unresponsive(world.now, &agent);
    world.perform(effects);
    world.log();

    let runs = Runs {
        frameworks: vec![(*framework.info).clone()],
        tasks: vec![back],
        ..Runs::default()
    };
    world.registry_is_slow = true;
    world.reregister(&agent, agent_pid(1, 1), Runs::default());
    world.reregister(&agent, agent_pid(1, 1), Runs::default());
    assert_eq!(world.log(), ["registry <- m-S0 reachable"]);
    world.state.refused(&crate::state::Continuation::Remove(
        agent.clone(),
        crate::state::RemovalReason::Left,
    ));
    world.registry_is_slow = false;
    world.reregister(&agent, agent_pid(1, 1), runs);
    assert_eq!(
        world.log(),
        [
            "registry <- m-S0 reachable",
            "a <- gone TASK_GONE (AGENT_REREGISTERED)",
            "10.0.0.1 <- reregistered, asked for []",
            "a <- back TASK_RUNNING (AGENT_REREGISTERED)",
        ]
    );
    let framework = &world.state.cluster().frameworks[&id];
    assert!(framework.unreachable_tasks.is_empty());
    assert_eq!(framework.counts.get(TaskState::TaskRunning), 1);
    assert_eq!(framework.counts.get(TaskState::TaskUnreachable), 0);
    assert!(world.state.cluster().unreachable_agents.is_empty());
    world.check();
}

#[test]
fn unreachable_tasks_are_remembered_up_to_a_limit() {
    use crate::config::Config;
    let config = Config {
        max_unreachable_tasks_per_framework: 1,
        ..Config::default()
    };
    let mut world = World::with(config);
    let agent = world.agent(1);
    let id = world.framework(partition_aware("a"));
    world.running(&id, &agent, "t1");
    world.running(&id, &agent, "t2");
    let effects = world.state.agent_unresponsive(world.now, &agent);
    world.perform(effects);
    let framework = &world.state.cluster().frameworks[&id];
    assert_eq!(framework.unreachable_tasks.len(), 1);
    assert_eq!(framework.counts.get(TaskState::TaskUnreachable), 1);
}
