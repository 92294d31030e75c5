//! Status updates, acknowledgements, executors, messages (Mesos' `docs/task-state-reasons.md` and
//! `docs/scheduler-http-api.md`).

use mesos::protocols::master::{ExecutorExited, ExecutorMessage};
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::{self, Type};
use mesos::v1::{CommandInfo, ExecutorId, ExecutorInfo, TaskInfo, TaskState};

use super::world::{World, agent_pid, info, resources, task, task_id};
use crate::state::Counter;

#[test]
fn an_update_is_forwarded_and_the_acknowledgement_goes_back() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.update(&id, &agent, "t", TaskState::TaskFinished, 7);
    assert_eq!(
        world.log(),
        [
            "allocator <- cpus:1; mem:32 of m-0000 on m-S0",
            "a <- t TASK_FINISHED (no reason, to be acknowledged)",
        ]
    );
    // The record stays until the terminal update is acknowledged, by its own uuid.
    world.acknowledge(&id, &agent, "t", 6);
    assert!(world.state.cluster().task(&id, &task_id("t")).is_some());
    world.acknowledge(&id, &agent, "t", 7);
    assert_eq!(
        world.log(),
        ["10.0.0.1 <- acknowledge t 6", "10.0.0.1 <- acknowledge t 7"]
    );
    let framework = &world.state.cluster().frameworks[&id];
    assert!(framework.tasks.is_empty());
    assert_eq!(framework.completed_tasks.len(), 1);
    assert_eq!(framework.counts.get(TaskState::TaskFinished), 1);
    assert_eq!(framework.counts.active(), 0);
    world.check();
}

#[test]
fn resources_follow_the_latest_state_the_record_the_forwarded_one() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    // The agent resends RUNNING, and knows already that the task has failed.
    let (running, failed) = (TaskState::TaskRunning, TaskState::TaskFailed);
    world.update_ahead(&id, &agent, "t", running, failed, 1);
    assert_eq!(
        world.log()[0],
        "allocator <- cpus:1; mem:32 of m-0000 on m-S0"
    );
    world.acknowledge(&id, &agent, "t", 1);
    assert!(world.state.cluster().task(&id, &task_id("t")).is_some());
    world.log();
    world.update(&id, &agent, "t", failed, 2);
    // Freed once only.
    assert_eq!(
        world.log(),
        ["a <- t TASK_FAILED (no reason, to be acknowledged)"]
    );
    world.acknowledge(&id, &agent, "t", 2);
    assert!(world.state.cluster().task(&id, &task_id("t")).is_none());
    world.check();
}

#[test]
fn updates_of_unknown_tasks_are_forwarded_those_of_strangers_dropped() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.log();
    world.update(&id, &agent, "ghost", TaskState::TaskFailed, 1);
    assert_eq!(
        world.log(),
        ["a <- ghost TASK_FAILED (no reason, to be acknowledged)"]
    );

    world.running(&id, &agent, "t");
    let stranger = agent_pid(9, 1).any();
    let exited = ExecutorExited {
        agent_id: agent.clone(),
        framework_id: id.clone(),
        executor_id: ExecutorId { value: "e".into() },
        status: 0,
    };
    let effects = world.state.executor_exited(Some(&stranger), exited);
    world.perform(effects);
    assert!(world.log().is_empty());
}

#[test]
fn nothing_is_kept_for_a_framework_that_is_away() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.framework_exits(&id);
    world.log();
    world.update(&id, &agent, "t", TaskState::TaskFinished, 2);
    assert_eq!(
        world.log(),
        ["allocator <- cpus:1; mem:32 of m-0000 on m-S0"]
    );
}

#[test]
fn acknowledgements_that_cannot_reach_the_agent_are_dropped() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.update(&id, &agent, "t", TaskState::TaskFinished, 2);
    world.agent_exits(&agent);
    world.log();
    world.acknowledge(&id, &agent, "t", 2);
    assert!(world.log().is_empty());
    assert!(world.state.cluster().task(&id, &task_id("t")).is_some());
    assert_eq!(
        world.state.counters().get(Counter::InvalidAcknowledgements),
        1
    );
}

#[test]
fn a_kill_goes_to_the_agent_that_runs_the_task() {
    let mut world = World::new();
    let (agent, other) = (world.agent(1), world.agent(2));
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.kill(&id, "t", None);
    world.kill(&id, "t", Some(&agent));
    world.kill(&id, "t", Some(&other));
    assert_eq!(world.log(), ["10.0.0.1 <- kill t", "10.0.0.1 <- kill t"]);
    world.kill(&id, "unknown", Some(&agent));
    assert_eq!(world.log(), ["a <- unknown TASK_LOST (RECONCILIATION)"]);
}

#[test]
fn an_executor_that_ends_frees_what_it_held() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let executor = ExecutorInfo {
        executor_id: ExecutorId { value: "e".into() },
        command: Some(CommandInfo::default()),
        resources: resources("cpus:0.5"),
        ..Default::default()
    };
    let offer = world.offer(&id, &agent, "cpus:2");
    let small = task("t", &agent, "cpus:1");
    let small = TaskInfo {
        command: None,
        executor: Some(executor),
        ..small
    };
    world.accept(&id, &[&offer], vec![small]);
    world.log();

    let shutdown = call::Shutdown {
        executor_id: ExecutorId { value: "e".into() },
        agent_id: agent.clone(),
    };
    world.call(
        &id,
        Type::Shutdown,
        Call {
            shutdown: Some(shutdown),
            ..Default::default()
        },
    );
    let exited = ExecutorExited {
        agent_id: agent.clone(),
        framework_id: id.clone(),
        executor_id: ExecutorId { value: "e".into() },
        status: 9,
    };
    let effects = world
        .state
        .executor_exited(Some(&agent_pid(1, 1).any()), exited);
    world.perform(effects);
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- shut down executor e",
            "allocator <- cpus:0.5 of m-0000 on m-S0",
            "a <- FAILURE executor e",
        ]
    );
    world.check();
}

#[test]
fn messages_pass_both_ways_while_both_are_there() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.log();
    let down = || call::Message {
        agent_id: agent.clone(),
        executor_id: ExecutorId { value: "e".into() },
        data: b"x".to_vec(),
    };
    let up = ExecutorMessage {
        agent_id: agent.clone(),
        framework_id: id.clone(),
        executor_id: ExecutorId { value: "e".into() },
        data: b"y".to_vec(),
    };
    world.call(
        &id,
        Type::Message,
        Call {
            message: Some(down()),
            ..Default::default()
        },
    );
    let effects = world
        .state
        .executor_message(Some(&agent_pid(1, 1).any()), up);
    world.perform(effects);
    assert_eq!(world.log(), ["10.0.0.1 <- message to e", "a <- MESSAGE"]);
    world.agent_exits(&agent);
    world.log();
    world.call(
        &id,
        Type::Message,
        Call {
            message: Some(down()),
            ..Default::default()
        },
    );
    assert!(world.log().is_empty());
}

#[test]
fn completed_tasks_are_remembered_up_to_a_limit_and_counted_beyond() {
    use crate::config::Config;
    let config = Config {
        max_completed_tasks_per_framework: 2,
        ..Config::default()
    };
    let mut world = World::with(config);
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    for name in ["t1", "t2", "t3"] {
        world.running(&id, &agent, name);
        world.update(&id, &agent, name, TaskState::TaskFinished, 2);
        world.acknowledge(&id, &agent, name, 2);
    }
    let framework = &world.state.cluster().frameworks[&id];
    assert_eq!(framework.completed_tasks.len(), 2);
    assert_eq!(framework.counts.get(TaskState::TaskFinished), 3);
    assert_eq!(world.state.cluster().counts.get(TaskState::TaskFinished), 3);
}
