//! Offers, and what is done with them (Mesos' `docs/scheduler-http-api.md`, ACCEPT).

use std::time::Duration;

use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::{Launch, Type};
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::{self, Type as CallType};
use mesos::v1::{
    CommandInfo, ExecutorId, ExecutorInfo, Filters, OfferId, OperationId, TaskInfo, TaskState,
};

use super::world::{World, info, partition_aware, resources, task};
use crate::config::Config;

fn with_executor(task: TaskInfo, executor: &str, value: &str) -> TaskInfo {
    let command = CommandInfo {
        value: Some(value.into()),
        ..Default::default()
    };
    let executor = ExecutorInfo {
        executor_id: ExecutorId {
            value: executor.into(),
        },
        command: Some(command),
        resources: resources("cpus:0.5;mem:32"),
        ..Default::default()
    };
    TaskInfo {
        command: None,
        executor: Some(executor),
        ..task
    }
}

#[test]
fn accepted_resources_run_the_rest_is_declined_for_five_seconds() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let offer = world.offer(&id, &agent, "cpus:4;mem:1024");
    world.log();
    world.accept(&id, &[&offer], vec![task("t", &agent, "cpus:1;mem:32")]);
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- run t",
            "allocator <- cpus:3; mem:992 of m-0000 on m-S0, refused 5s"
        ]
    );
    let cluster = world.state.cluster();
    assert_eq!(
        cluster.frameworks[&id].counts.get(TaskState::TaskStaging),
        1
    );
    assert!(cluster.offers.is_empty());
    world.check();
}

#[test]
fn several_offers_of_one_agent_add_up() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let one = world.offer(&id, &agent, "cpus:2");
    let two = world.offer(&id, &agent, "cpus:2;mem:64");
    world.log();
    world.accept(&id, &[&one, &two], vec![task("t", &agent, "cpus:3;mem:32")]);
    assert_eq!(world.log()[0], "10.0.0.1 <- run t");
    world.check();
}

#[test]
fn one_bad_offer_spoils_them_all() {
    let mut world = World::new();
    let (agent, other) = (world.agent(1), world.agent(2));
    for (partition, lost) in [(false, "TASK_LOST"), (true, "TASK_DROPPED")] {
        let name = if partition { "p" } else { "n" };
        let id = world.framework(if partition {
            partition_aware(name)
        } else {
            info(name)
        });
        let stranger = world.framework(info("stranger"));
        let foreign = world.offer(&stranger, &agent, "cpus:0.5");
        let elsewhere = world.offer(&id, &other, "cpus:0.5");
        let unknown = OfferId {
            value: "m-O999".into(),
        };
        for bad in [&unknown, &foreign, &elsewhere] {
            let good = world.offer(&id, &agent, "cpus:1;mem:32");
            world.log();
            world.accept(&id, &[&good, bad], vec![task("t", &agent, "cpus:1")]);
            let log = world.log();
            assert_eq!(
                log.last().expect("an update"),
                &format!("{name} <- t {lost} (INVALID_OFFERS)"),
                "{bad:?}"
            );
            let good = format!("allocator <- cpus:1; mem:32 of {} on m-S0", id.value);
            assert!(log.contains(&good), "{bad:?}: {log:?}");
        }
        // What was offered to another framework is not touched.
        assert!(world.state.cluster().offers.contains_key(&foreign));
        world.check();
    }
}

#[test]
fn the_same_offer_twice_and_no_offer_at_all_are_invalid() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let offer = world.offer(&id, &agent, "cpus:1");
    world.log();
    world.accept(&id, &[&offer, &offer], vec![task("t", &agent, "cpus:1")]);
    world.accept(&id, &[], vec![task("u", &agent, "cpus:1")]);
    assert_eq!(
        world.log_of("a <-"),
        [
            "a <- t TASK_LOST (INVALID_OFFERS)",
            "a <- u TASK_LOST (INVALID_OFFERS)"
        ]
    );
}

#[test]
fn bad_tasks_fail_alone_and_later_ones_use_what_is_left() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "live");
    let offer = world.offer(&id, &agent, "cpus:2;mem:64");
    world.log();
    let elsewhere = mesos::v1::AgentId {
        value: "m-S9".into(),
    };
    world.accept(
        &id,
        &[&offer],
        vec![
            task("first", &agent, "cpus:1;mem:32"),
            task("live", &agent, "cpus:0.1"),
            task("first", &agent, "cpus:0.1"),
            task("big", &agent, "cpus:1.5"),
            task("bad/id", &agent, "cpus:0.1"),
            task("elsewhere", &elsewhere, "cpus:0.1"),
            TaskInfo {
                resources: vec![],
                ..task("nothing", &agent, "cpus:1")
            },
            task("last", &agent, "cpus:1"),
        ],
    );
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- run first",
            "a <- live TASK_ERROR (TASK_INVALID)",
            "a <- first TASK_ERROR (TASK_INVALID)",
            "a <- big TASK_ERROR (TASK_INVALID)",
            "a <- bad/id TASK_ERROR (TASK_INVALID)",
            "a <- elsewhere TASK_ERROR (TASK_INVALID)",
            "a <- nothing TASK_ERROR (TASK_INVALID)",
            "10.0.0.1 <- run last",
            "allocator <- mem:32 of m-0000 on m-S0, refused 5s",
        ]
    );
    assert_eq!(world.state.cluster().frameworks[&id].tasks.len(), 3);
    world.check();
}

#[test]
fn an_executor_is_charged_once_and_must_stay_the_same() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let offer = world.offer(&id, &agent, "cpus:4;mem:1024");
    world.log();
    let small = |name: &str| task(name, &agent, "cpus:1;mem:32");
    world.accept(
        &id,
        &[&offer],
        vec![
            with_executor(small("one"), "e", "run"),
            with_executor(small("two"), "e", "run"),
            with_executor(small("three"), "e", "another"),
        ],
    );
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- run one",
            "10.0.0.1 <- run two",
            "a <- three TASK_ERROR (TASK_INVALID)",
            "allocator <- cpus:1.5; mem:928 of m-0000 on m-S0, refused 5s",
        ]
    );
    world.check();
}

#[test]
fn operations_this_master_cannot_do_are_answered() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let offer = world.offer(&id, &agent, "cpus:1");
    world.log();
    let operation = |kind: Type| Operation {
        r#type: Some(kind as i32),
        ..Default::default()
    };
    let feedback = Some(OperationId { value: "op".into() });
    world.accept_with(
        &id,
        &[&offer],
        vec![
            operation(Type::Reserve),
            Operation {
                id: feedback.clone(),
                ..operation(Type::Reserve)
            },
            Operation {
                id: feedback,
                launch: Some(Launch {
                    task_infos: vec![task("t", &agent, "cpus:1")],
                }),
                ..operation(Type::Launch)
            },
        ],
    );
    assert_eq!(
        world.log(),
        [
            "a <- op OPERATION_ERROR",
            "a <- t TASK_ERROR (TASK_INVALID)",
            "allocator <- cpus:1 of m-0000 on m-S0, refused 5s",
        ]
    );
}

#[test]
fn declined_offers_return_with_the_filter_asked_for() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    for (seconds, refused) in [
        (None, "5s"),
        (Some(0.0), "0ns"),
        (Some(60.0), "60s"),
        (Some(-1.0), "5s"),
    ] {
        let offer = world.offer(&id, &agent, "cpus:1");
        world.log();
        let decline = call::Decline {
            offer_ids: vec![
                offer,
                OfferId {
                    value: "unknown".into(),
                },
            ],
            filters: seconds.map(|seconds| Filters {
                refuse_seconds: Some(seconds),
            }),
        };
        let call = Call {
            decline: Some(decline),
            ..Default::default()
        };
        world.call(&id, CallType::Decline, call);
        let expected = format!("allocator <- cpus:1 of m-0000 on m-S0, refused {refused}");
        assert_eq!(world.log(), [expected], "{seconds:?}");
    }
}

#[test]
fn unanswered_offers_are_rescinded_if_so_configured() {
    let config = Config {
        offer_timeout: Some(Duration::from_secs(10)),
        ..Config::default()
    };
    let mut world = World::with(config);
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let answered = world.offer(&id, &agent, "cpus:1");
    world.offer(&id, &agent, "cpus:2");
    world.accept(&id, &[&answered], vec![]);
    world.log();
    world.wait(Duration::from_secs(10));
    assert_eq!(
        world.log(),
        [
            "allocator <- cpus:2 of m-0000 on m-S0, refused 5s",
            "a <- RESCIND"
        ]
    );
    // One timer looks after all of them, each from when it was made.
    world.offer(&id, &agent, "cpus:1");
    world.wait(Duration::from_secs(6));
    world.offer(&id, &agent, "cpus:2");
    world.log();
    world.wait(Duration::from_secs(4));
    assert_eq!(world.log_of("a <-"), ["a <- RESCIND"]);
    world.wait(Duration::from_secs(6));
    assert_eq!(world.log_of("a <-"), ["a <- RESCIND"]);
}

#[test]
fn what_is_allocated_to_someone_who_left_goes_back() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.framework_exits(&id);
    world.log();
    world.allocate(&id, &agent, "cpus:1");
    assert_eq!(world.log(), ["allocator <- cpus:1 of m-0000 on m-S0"]);
    world.check();
}
