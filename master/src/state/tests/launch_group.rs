//! Groups of tasks, all launched or none (Mesos' `docs/nested-container-and-task-group.md`).

use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::{LaunchGroup, Type};
use mesos::v1::{
    ContainerInfo, ExecutorId, ExecutorInfo, OperationId, TaskGroupInfo, TaskInfo, container_info,
    executor_info,
};

use super::world::{World, info, resources, task};

fn default_executor(id: &str) -> ExecutorInfo {
    ExecutorInfo {
        executor_id: ExecutorId { value: id.into() },
        r#type: Some(executor_info::Type::Default as i32),
        resources: resources("cpus:0.5;mem:32;disk:10"),
        ..Default::default()
    }
}

fn group(executor: ExecutorInfo, tasks: Vec<TaskInfo>) -> Operation {
    Operation {
        r#type: Some(Type::LaunchGroup as i32),
        launch_group: Some(LaunchGroup {
            executor,
            task_group: TaskGroupInfo { tasks },
        }),
        ..Default::default()
    }
}

#[test]
fn a_group_is_launched_with_one_message_and_one_executor() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let offer = world.offer(&id, &agent, "cpus:4;mem:1024;disk:100");
    world.log();
    let tasks = |ids: [&str; 2]| ids.map(|id| task(id, &agent, "cpus:1;mem:32")).into();
    world.accept_with(
        &id,
        &[&offer],
        vec![
            group(default_executor("e"), tasks(["one", "two"])),
            // The executor lives: it is not paid again.
            group(default_executor("e"), vec![task("three", &agent, "cpus:1")]),
        ],
    );
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- run one and two in a new executor",
            "10.0.0.1 <- run three in the executor",
            "allocator <- cpus:0.5; disk:90; mem:928 of m-0000 on m-S0, refused 5s",
        ]
    );
    let framework = &world.state.cluster().frameworks[&id];
    assert_eq!(framework.tasks.len(), 3);
    world.check();
}

#[test]
fn what_is_wrong_with_one_task_or_the_executor_is_said_to_all() {
    let mut world = World::new();
    let agent = world.agent(1);
    let other = world.agent(2);
    let id = world.framework(info("a"));
    let good = || task("good", &agent, "cpus:1;mem:32");
    let bad = || task("bad", &agent, "cpus:1;mem:32");
    let executor = || default_executor("e");
    let image = container_info::MesosInfo {
        image: Some(Default::default()),
    };
    let contained = ContainerInfo {
        r#type: container_info::Type::Mesos as i32,
        mesos: Some(image),
        ..Default::default()
    };
    let with_image = TaskInfo {
        container: Some(Box::new(contained)),
        ..bad()
    };
    let with_other_executor = TaskInfo {
        executor: Some(default_executor("other")),
        ..bad()
    };
    let commanded = ExecutorInfo {
        command: Some(Default::default()),
        ..executor()
    };
    let hungry = ExecutorInfo {
        resources: resources("mem:32;disk:10"),
        ..executor()
    };
    let too_much = task("bad", &agent, "cpus:2.6;mem:32");
    for (operation, why) in [
        (
            group(executor(), vec![good(), too_much]),
            "are more than available",
        ),
        (
            group(executor(), vec![good(), task("bad", &other, "cpus:1")]),
            "Task 'bad' is invalid: Task uses invalid agent",
        ),
        (
            group(executor(), vec![good(), with_image]),
            "needs a nested container",
        ),
        (
            group(executor(), vec![good(), with_other_executor]),
            "is different from executor 'e'",
        ),
        (
            group(commanded, vec![good(), bad()]),
            "must not be set for 'DEFAULT'",
        ),
        (group(hungry, vec![good(), bad()]), "uses less cpus"),
        (
            Operation {
                id: Some(OperationId { value: "op".into() }),
                ..group(executor(), vec![good(), bad()])
            },
            "`id` field cannot be set",
        ),
    ] {
        let offer = world.offer(&id, &agent, "cpus:4;mem:1024;disk:100");
        world.log();
        world.accept_with(&id, &[&offer], vec![operation]);
        assert_eq!(
            world.log(),
            [
                "a <- good TASK_ERROR (TASK_GROUP_INVALID)",
                "a <- bad TASK_ERROR (TASK_GROUP_INVALID)",
                "allocator <- cpus:4; disk:100; mem:1024 of m-0000 on m-S0, refused 5s",
            ],
            "{why}"
        );
        assert!(world.said.contains(why), "{why}: {}", world.said);
    }
    assert!(world.state.cluster().frameworks[&id].tasks.is_empty());
    world.check();
}

#[test]
fn tasks_of_a_group_do_not_share_ids_or_ports() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let port = |id: &str| task(id, &agent, "cpus:0.1;ports:[5-5]");
    for tasks in [
        vec![task("t", &agent, "cpus:1"), task("t", &agent, "cpus:1")],
        vec![port("t"), port("u")],
    ] {
        let offer = world.offer(&id, &agent, "cpus:4;mem:1024;disk:100;ports:[1-9]");
        world.log();
        world.accept_with(&id, &[&offer], vec![group(default_executor("e"), tasks)]);
        let log = world.log();
        assert_eq!(log.len(), 3, "{log:?}");
        assert!(
            log[..2]
                .iter()
                .all(|line| line.contains("TASK_ERROR (TASK_GROUP_INVALID)"))
        );
    }
    world.check();
}

#[test]
fn a_live_executor_is_described_as_it_was() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let offer = world.offer(&id, &agent, "cpus:4;mem:1024;disk:100");
    world.log();
    let renamed = ExecutorInfo {
        name: Some("another".into()),
        ..default_executor("e")
    };
    world.accept_with(
        &id,
        &[&offer],
        vec![
            group(default_executor("e"), vec![task("t", &agent, "cpus:1")]),
            group(renamed, vec![task("u", &agent, "cpus:1")]),
        ],
    );
    let log = world.log();
    assert_eq!(log[0], "10.0.0.1 <- run t in a new executor");
    assert_eq!(log[1], "a <- u TASK_ERROR (TASK_GROUP_INVALID)");
    world.check();
}
