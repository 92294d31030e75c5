//! A master that starts with a registry (Mesos' `docs/high-availability.md`).

use std::time::Duration;

use mesos::protocols::RejectionKind;
use mesos::v1::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, TaskState, TimeInfo};
use mesos::wire::Pb;

use super::samples::agent_info;
use super::world::{Runs, World, agent_pid, info, resources, scheduler_pid, task_id};
use crate::config::Config;
use crate::registrar::{FrameworkRecord, Registry};
use crate::state::Timestamp;

fn agent(n: u8) -> AgentId {
    AgentId {
        value: format!("old-S{n}"),
    }
}

fn framework() -> FrameworkInfo {
    FrameworkInfo {
        id: Some(FrameworkId {
            value: "old-0000".into(),
        }),
        ..info("a")
    }
}

fn registry(agents: u8, deadline: Option<Timestamp>) -> Registry {
    let mut registry = Registry::default();
    for n in 0..agents {
        registry.agents.insert(agent(n), Pb(Default::default()));
    }
    let record = FrameworkRecord {
        info: Pb(framework()),
        failover_deadline: deadline.map(|at| TimeInfo {
            nanoseconds: at.as_nanos(),
        }),
        extended: false,
    };
    registry
        .frameworks
        .insert(framework().id.expect("an id"), record);
    registry
}

fn running(name: &str, on: &AgentId) -> mesos::v1::Task {
    mesos::v1::Task {
        name: name.into(),
        task_id: task_id(name),
        framework_id: framework().id.expect("an id"),
        agent_id: on.clone(),
        state: TaskState::TaskRunning as i32,
        resources: resources("cpus:1;mem:32"),
        ..Default::default()
    }
}

#[test]
fn agents_and_frameworks_find_each_other_again_in_any_order() {
    for agent_first in [true, false] {
        let mut world = World::recovering(Config::default());
        world.recover(registry(1, None));
        let runs = Runs {
            frameworks: vec![framework()],
            tasks: vec![running("t", &agent(0))],
            ..Runs::default()
        };
        if agent_first {
            world.reregister(&agent(0), agent_pid(1, 1), runs);
            world
                .subscribe(framework(), scheduler_pid("a", 1))
                .expect("refused");
        } else {
            world
                .subscribe(framework(), scheduler_pid("a", 1))
                .expect("refused");
            world.reregister(&agent(0), agent_pid(1, 1), runs);
        }
        // No update: the task never was away.
        let updates = world.log_of("a <- t");
        assert!(updates.is_empty(), "{updates:?}");
        let cluster = world.state.cluster();
        assert_eq!(cluster.frameworks.len(), 1);
        assert!(cluster.recovered_agents.is_empty());
        assert_eq!(cluster.agents[&agent(0)].used_total().cpus().milli(), 1000);
        world.check();
    }
}

#[test]
fn what_the_registry_knows_already_is_not_written_again() {
    let mut world = World::recovering(Config::default());
    let mut registry = registry(2, None);
    let known = AgentInfo {
        id: Some(agent(0)),
        ..agent_info(&agent_pid(1, 1))
    };
    registry.agents.insert(agent(0), Pb(known));
    world.recover(registry);
    world.log();
    world.reregister(&agent(0), agent_pid(1, 1), Runs::default());
    assert!(world.state.cluster().agents.contains_key(&agent(0)));
    assert_eq!(world.log_of("registry"), Vec::<String>::new());
    // The other one is not what it was.
    world.reregister(&agent(1), agent_pid(2, 1), Runs::default());
    assert!(world.state.cluster().agents.contains_key(&agent(1)));
    assert_eq!(world.log_of("registry").len(), 1);
    world.check();
}

#[test]
fn a_framework_the_registry_forgot_is_known_through_its_agents() {
    let mut world = World::new();
    let runs = Runs {
        frameworks: vec![framework()],
        tasks: vec![running("t", &agent(0))],
        ..Runs::default()
    };
    world.reregister(&agent(0), agent_pid(1, 1), runs);
    let id = framework().id.expect("an id");
    assert!(world.state.cluster().frameworks[&id].recovered());
    world.log();
    world
        .subscribe(framework(), scheduler_pid("a", 1))
        .expect("refused");
    let log = world.log();
    assert!(
        log.contains(&"registry <- add old-0000".to_owned()),
        "{log:?}"
    );
    assert!(
        log.contains(&"10.0.0.1 <- update framework".to_owned()),
        "{log:?}"
    );
}

#[test]
fn agents_that_do_not_come_back_in_time_are_unreachable() {
    let mut world = World::recovering(Config::default());
    world.recover(registry(2, None));
    world.reregister(&agent(0), agent_pid(1, 1), Runs::default());
    world.log();
    world.wait(Duration::from_secs(599));
    assert_eq!(world.log_of("registry"), Vec::<String>::new());
    world.wait(Duration::from_secs(1));
    assert_eq!(
        world.log_of("registry <- old-S"),
        ["registry <- old-S1 unreachable"]
    );
    assert!(
        world
            .state
            .cluster()
            .unreachable_agents
            .contains_key(&agent(1))
    );
}

#[test]
fn too_many_missing_agents_end_the_master_instead() {
    let config = Config {
        recovery_agent_removal_limit: 40.0,
        ..Config::default()
    };
    let mut world = World::recovering(config);
    world.recover(registry(2, None));
    world.reregister(&agent(0), agent_pid(1, 1), Runs::default());
    world.log();
    world.wait(Duration::from_secs(600));
    assert!(world.log().contains(&"the master ends".to_owned()));
    assert!(world.state.cluster().unreachable_agents.is_empty());
}

#[test]
fn nobody_takes_over_the_framework_of_another_from_a_new_master() {
    let mine = FrameworkInfo {
        principal: Some("mine".into()),
        ..framework()
    };
    for is_in_the_registry in [true, false] {
        let mut world = World::recovering(Config::default());
        let mut registry = registry(1, None);
        if is_in_the_registry {
            for record in registry.frameworks.values_mut() {
                record.info = Pb(mine.clone());
            }
        } else {
            registry.frameworks.clear();
        }
        world.recover(registry);
        if !is_in_the_registry {
            let runs = Runs {
                frameworks: vec![mine.clone()],
                tasks: vec![running("t", &agent(0))],
                ..Runs::default()
            };
            world.reregister(&agent(0), agent_pid(1, 1), runs);
        }
        for other in [None, Some("other")] {
            let taken = FrameworkInfo {
                principal: other.map(str::to_owned),
                ..framework()
            };
            let refused = world.subscribe(taken, scheduler_pid("thief", 1));
            let refused = refused.expect_err("accepted");
            assert_eq!(refused.kind, RejectionKind::SubscriptionRefused);
        }
        let changed = FrameworkInfo {
            user: "other".into(),
            checkpoint: Some(false),
            ..mine.clone()
        };
        let id = world.subscribe(changed, scheduler_pid("a", 1));
        let id = id.expect("refused");
        let now = world.state.cluster().frameworks[&id].info.clone();
        assert_eq!((now.user.as_str(), now.checkpoint()), ("user", true));
    }
}

/// Recovers one framework that has an hour to come back, and had so long of it left; answers how long it gets.
fn time_left(deadline: i64) -> u64 {
    let mut world = World::recovering(Config::default());
    let mut registry = registry(0, None);
    for record in registry.frameworks.values_mut() {
        record.info.0.failover_timeout = Some(3_600.0);
        record.failover_deadline = Some(TimeInfo {
            nanoseconds: world.now.as_nanos() + deadline * 1_000_000_000,
        });
    }
    world.recover(registry);
    let mut waited = 0;
    while world.state.cluster().completed_frameworks.is_empty() {
        world.wait(Duration::from_secs(60));
        waited += 60;
    }
    waited
}

#[test]
fn the_deadline_of_an_absent_framework_survives_the_master() {
    assert_eq!(time_left(1_200), 1_200);
}

#[test]
fn a_framework_that_nobody_could_serve_meanwhile_gets_time_to_find_the_next_master() {
    assert_eq!(time_left(30), 600);
    assert_eq!(time_left(-100_000), 600);
}

#[test]
fn the_clock_of_another_master_gives_nobody_more_time_than_he_asked_for() {
    assert_eq!(time_left(100_000), 3_600);
}

#[test]
fn a_framework_that_was_connected_gets_as_much_time_as_agents() {
    let mut world = World::recovering(Config::default());
    world.recover(registry(0, None));
    world.wait(Duration::from_secs(599));
    assert_eq!(world.state.cluster().frameworks.len(), 1);
    world
        .subscribe(framework(), scheduler_pid("a", 1))
        .expect("refused");
    world.wait(Duration::from_secs(10_000));
    assert_eq!(world.state.cluster().frameworks.len(), 1);
}

/// The next master reads what the last one left after `led`.
fn next_after(mut world: World, registry: &mut Registry, led: Duration) -> World {
    world.wait(led);
    for operation in &world.operations {
        let changes = operation.clone().changes(registry).expect("refused");
        changes.into_iter().for_each(|it| registry.apply(it));
    }
    let mut next = World::recovering(Config::default());
    next.now = world.now;
    next.recover(registry.clone());
    next
}

#[test]
fn a_framework_that_does_not_come_back_ends_however_often_masters_change() {
    let minutes = |n: u64| Duration::from_secs(n * 60);
    // It was connected; or it had half a minute left of its hour.
    for left in [None, Some(Duration::from_secs(30))] {
        let mut world = World::recovering(Config::default());
        let mut registry = registry(0, left.map(|left| world.now + left));
        for record in registry.frameworks.values_mut() {
            record.info.0.failover_timeout = Some(left.map_or(0.0, |_| 3_600.0));
        }
        world.recover(registry.clone());
        for _ in 0..2 {
            world = next_after(world, &mut registry, minutes(4));
            assert_eq!(world.state.cluster().frameworks.len(), 1);
        }
        world.wait(minutes(2) - Duration::from_secs(1));
        assert_eq!(world.state.cluster().frameworks.len(), 1);
        world.wait(Duration::from_secs(1));
        assert_eq!(world.state.cluster().frameworks.len(), 0, "{left:?}");
    }
}

#[test]
fn a_framework_whose_time_ran_out_while_nobody_led_gets_time_to_find_the_next_master() {
    let mut registry = registry(0, None);
    let mut world = World::recovering(Config::default());
    world.recover(registry.clone());
    world = next_after(world, &mut registry, Duration::from_secs(300));
    // That one ends at once, and the next one comes in an hour.
    let now = world.now + Duration::from_secs(3_600);
    let mut world = World::recovering(Config::default());
    world.now = now;
    world.recover(registry);
    world.wait(Duration::from_secs(59));
    assert_eq!(world.state.cluster().frameworks.len(), 1);
    world.wait(Duration::from_secs(1));
    assert_eq!(world.state.cluster().frameworks.len(), 0);
}
