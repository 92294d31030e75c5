//! How frameworks come, come back, and go (Mesos' `docs/high-availability-framework-guide.md`).

use std::time::Duration;

use mesos::protocols::RejectionKind;
use mesos::v1::framework_info::{Capability, capability};
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::{self, Type};
use mesos::v1::{FrameworkInfo, TaskState, master as operator};

use super::world::{World, info, plain, scheduler_pid};
use crate::config::Config;
use crate::state::Caller;

fn known(info: FrameworkInfo, id: &mesos::v1::FrameworkId) -> FrameworkInfo {
    FrameworkInfo {
        id: Some(id.clone()),
        ..info
    }
}

#[test]
fn a_new_framework_hears_subscribed_then_a_heartbeat_then_one_per_interval() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    assert_eq!(id.value, "m-0000");
    assert_eq!(
        world.log(),
        [
            "a <- SUBSCRIBED",
            "a <- HEARTBEAT",
            "registry <- add m-0000"
        ]
    );
    world.wait(Duration::from_secs(31));
    assert_eq!(world.log(), ["a <- HEARTBEAT", "a <- HEARTBEAT"]);
}

#[test]
fn a_second_instance_supersedes_the_first_and_loses_its_offers() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.offer(&id, &agent, "cpus:1");
    world.log();

    world
        .subscribe(known(info("a"), &id), scheduler_pid("b", 2))
        .expect("refused");
    assert_eq!(
        world.log(),
        [
            "a <- ERROR Framework failed over",
            "a is unsubscribed",
            "allocator <- cpus:1 of m-0000 on m-S0",
            "b <- SUBSCRIBED",
            "b <- HEARTBEAT",
            "registry <- update m-0000",
            "10.0.0.1 <- update framework",
        ]
    );
    assert_eq!(world.state.cluster().frameworks[&id].tasks.len(), 1);
    // The heartbeats of the first connection have ended.
    world.wait(Duration::from_secs(16));
    assert_eq!(world.log(), ["b <- HEARTBEAT"]);
    world.check();
}

#[test]
fn the_same_driver_asking_twice_is_one_framework() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    world.log();
    let again = world
        .subscribe(info("a"), scheduler_pid("a", 1))
        .expect("refused");
    assert_eq!(again, id);
    assert_eq!(
        world.log(),
        [
            "a <- SUBSCRIBED",
            "a <- HEARTBEAT",
            "registry <- update m-0000"
        ]
    );
    assert_eq!(world.state.cluster().frameworks.len(), 1);
}

#[test]
fn an_id_that_somebody_made_up_is_not_given_again() {
    let mut world = World::new();
    let made_up = mesos::v1::FrameworkId {
        value: "m-0000".into(),
    };
    world
        .subscribe(known(info("a"), &made_up), scheduler_pid("a", 1))
        .expect("refused");
    assert_eq!(world.framework(info("b")).value, "m-0001");
}

#[test]
fn user_and_checkpoint_stay_silently_the_principal_may_not_change() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    let changed = FrameworkInfo {
        user: "other".into(),
        checkpoint: Some(false),
        webui_url: Some("http://x".into()),
        ..known(info("a"), &id)
    };
    world
        .subscribe(changed.clone(), scheduler_pid("a", 2))
        .expect("refused");
    let now = world.state.cluster().frameworks[&id].info.clone();
    assert_eq!((now.user.as_str(), now.checkpoint()), ("user", true));
    assert_eq!(now.webui_url.as_deref(), Some("http://x"));

    let principal = FrameworkInfo {
        principal: Some("p".into()),
        ..changed
    };
    let refused = world
        .subscribe(principal, scheduler_pid("a", 3))
        .expect_err("accepted");
    assert_eq!(refused.kind, RejectionKind::SubscriptionRefused);
}

#[test]
fn a_framework_that_leaves_keeps_its_tasks_until_its_time_is_over() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.offer(&id, &agent, "cpus:1");
    world.log();

    world.framework_exits(&id);
    assert_eq!(
        world.log(),
        [
            "allocator <- cpus:1 of m-0000 on m-S0",
            "registry <- m-0000 must be back in time"
        ]
    );
    world.wait(Duration::from_secs(59));
    assert!(world.state.cluster().frameworks.contains_key(&id));
    world.log();
    world.wait(Duration::from_secs(1));
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- shut down framework m-0000",
            "allocator <- cpus:1; mem:32 of m-0000 on m-S0",
            "registry <- remove m-0000",
        ]
    );
    let completed = &world.state.cluster().completed_frameworks[0];
    let ended = completed.completed_tasks.iter().next().expect("a task");
    assert_eq!(ended.state(), TaskState::TaskKilled);
    assert!(world.state.cluster().agents[&agent].used.is_empty());
    world.check();
}

#[test]
fn a_stale_failover_timer_kills_nobody() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    world.framework_exits(&id);
    world.wait(Duration::from_secs(50));
    world
        .subscribe(known(info("a"), &id), scheduler_pid("a", 2))
        .expect("refused");
    world.framework_exits(&id);
    world.wait(Duration::from_secs(50));
    assert!(world.state.cluster().frameworks.contains_key(&id));
    world.wait(Duration::from_secs(10));
    assert!(world.state.cluster().is_completed(&id));
}

#[test]
fn without_a_failover_timeout_leaving_is_the_end() {
    let mut world = World::new();
    let id = world.framework(FrameworkInfo {
        failover_timeout: None,
        ..info("a")
    });
    world.framework_exits(&id);
    world.wait(Duration::ZERO);
    assert!(world.state.cluster().is_completed(&id));
}

#[test]
fn a_torn_down_framework_is_closed_and_its_id_refused() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.call(&id, Type::Teardown, Call::default());
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- shut down framework m-0000",
            "allocator <- cpus:1; mem:32 of m-0000 on m-S0",
            "a is unsubscribed",
            "registry <- remove m-0000",
        ]
    );
    let refused = world
        .subscribe(known(info("a"), &id), scheduler_pid("a", 2))
        .expect_err("accepted");
    assert_eq!(refused.kind, RejectionKind::SubscriptionRefused);
}

#[test]
fn only_so_many_completed_frameworks_are_remembered() {
    let mut world = World::with(Config {
        max_completed_frameworks: 2,
        ..Config::default()
    });
    for name in ["a", "b", "c"] {
        let id = world.framework(info(name));
        world.call(&id, Type::Teardown, Call::default());
    }
    let names: Vec<String> = world
        .state
        .cluster()
        .completed_frameworks
        .iter()
        .map(|framework| framework.info.name.clone())
        .collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn an_update_may_change_the_description_but_not_the_user() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    let update = |info: FrameworkInfo| Call {
        update_framework: Some(call::UpdateFramework {
            framework_info: known(info, &id),
            ..Default::default()
        }),
        ..Default::default()
    };
    let webui = FrameworkInfo {
        webui_url: Some("http://x".into()),
        ..info("a")
    };
    world.call(&id, Type::UpdateFramework, update(webui));
    assert!(
        world.state.cluster().frameworks[&id]
            .info
            .webui_url
            .is_some()
    );

    let user = FrameworkInfo {
        user: "other".into(),
        ..info("a")
    };
    let stream = world.state.cluster().frameworks[&id]
        .subscription()
        .map(|s| s.stream_id.clone());
    let caller = crate::state::Caller {
        stream_id: stream,
        ..world.nobody()
    };
    let call = Call {
        framework_id: Some(id.clone()),
        r#type: Some(Type::UpdateFramework as i32),
        ..update(user)
    };
    assert_eq!(
        world.call_as(&caller, call).expect_err("accepted").kind,
        RejectionKind::Invalid
    );
}

#[test]
fn suppressed_roles_are_remembered_and_revived() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    world.call(&id, Type::Suppress, Call::default());
    assert!(
        world.state.cluster().frameworks[&id]
            .suppressed_roles
            .contains("*")
    );
    let wrong = call::Revive {
        roles: vec!["other".into()],
    };
    world.call(
        &id,
        Type::Revive,
        Call {
            revive: Some(wrong),
            ..Default::default()
        },
    );
    assert!(
        world.state.cluster().frameworks[&id]
            .suppressed_roles
            .contains("*")
    );
    world.call(&id, Type::Revive, Call::default());
    assert!(
        world.state.cluster().frameworks[&id]
            .suppressed_roles
            .is_empty()
    );
}

/// A framework of two roles.
fn of_two_roles() -> FrameworkInfo {
    FrameworkInfo {
        roles: vec!["one".into(), "two".into()],
        capabilities: vec![Capability {
            r#type: Some(capability::Type::MultiRole as i32),
        }],
        ..info("a")
    }
}

fn update(update: call::UpdateFramework) -> Call {
    Call {
        update_framework: Some(update),
        ..Default::default()
    }
}

#[test]
fn an_update_takes_back_what_is_offered_to_a_role_that_is_left() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(of_two_roles());
    for role in ["one", "two"] {
        world.allocate_to(&id, &agent, role, plain("cpus:1"));
    }
    world.log();
    let framework_info = FrameworkInfo {
        roles: vec!["two".into(), "three".into()],
        ..known(of_two_roles(), &id)
    };
    let constraints = r#"{"role_constraints": {"two": {"groups": [{"attribute_constraints": [
        {"selector": {"attribute_name": "rack"}, "predicate": {"exists": {}}}]}]}}}"#;
    let change = call::UpdateFramework {
        framework_info,
        suppressed_roles: vec!["three".into()],
        offer_constraints: Some(serde_json::from_str(constraints).expect("constraints")),
    };
    world.call(&id, Type::UpdateFramework, update(change.clone()));
    assert_eq!(
        world.log(),
        [
            "allocator <- cpus:1 of m-0000 on m-S0",
            "a <- RESCIND",
            "registry <- update m-0000"
        ]
    );
    let cluster = world.state.cluster();
    let left: Vec<&str> = cluster.offers.values().map(|it| it.role.as_str()).collect();
    assert_eq!(left, ["two"]);
    let framework = &cluster.frameworks[&id];
    assert!(framework.roles.iter().eq(["three", "two"]));
    assert!(framework.suppressed_roles.iter().eq(["three"]));
    assert_eq!(
        framework.offer_constraints.as_deref(),
        change.offer_constraints.as_ref()
    );

    // What an update does not name is no more.
    let change = call::UpdateFramework {
        suppressed_roles: vec![],
        offer_constraints: None,
        ..change
    };
    world.call(&id, Type::UpdateFramework, update(change));
    let framework = &world.state.cluster().frameworks[&id];
    assert!(framework.suppressed_roles.is_empty());
    assert!(framework.offer_constraints.is_none());
    assert!(world.log_of("a <- RESCIND").is_empty());
    world.check();
}

#[test]
fn who_was_authenticated_may_leave_its_principal_out_of_an_update_too() {
    let mut world = World::new();
    let caller = Caller {
        from: Some(scheduler_pid("a", 1)),
        principal: Some("p".into()),
        ..world.nobody()
    };
    let subscribe = Call {
        r#type: Some(Type::Subscribe as i32),
        subscribe: Some(call::Subscribe {
            framework_info: info("a"),
            ..Default::default()
        }),
        ..Default::default()
    };
    let granted = world.call_as(&caller, subscribe).expect("refused");
    let granted = granted.subscription.expect("a subscription");
    let id = granted.framework_id;
    let caller = Caller {
        from: None,
        stream_id: Some(granted.stream_id),
        ..caller
    };
    let change = |principal: Option<&str>| Call {
        framework_id: Some(id.clone()),
        r#type: Some(Type::UpdateFramework as i32),
        ..update(call::UpdateFramework {
            framework_info: FrameworkInfo {
                principal: principal.map(str::to_owned),
                webui_url: Some("http://x".into()),
                ..known(info("a"), &id)
            },
            ..Default::default()
        })
    };
    world.call_as(&caller, change(None)).expect("refused");
    let now = world.state.cluster().frameworks[&id].info.clone();
    assert_eq!(now.principal.as_deref(), Some("p"));
    assert!(now.webui_url.is_some());
    let refused = world.call_as(&caller, change(Some("q")));
    assert_eq!(refused.expect_err("accepted").kind, RejectionKind::Invalid);
}

#[test]
fn an_operator_hears_that_a_framework_is_torn_down_when_no_later_master_brings_it_back() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    world.log();
    world.registry_is_slow = true;
    let teardown = operator::Call {
        teardown: Some(operator::call::Teardown {
            framework_id: id.clone(),
        }),
        ..Default::default()
    };
    world.operator(operator::call::Type::Teardown, teardown.clone());
    assert_eq!(
        world.log(),
        ["a is unsubscribed", "registry <- remove m-0000"]
    );
    world.registry_answers();
    assert_eq!(world.log(), ["operator <- done"]);
    world.operator(operator::call::Type::Teardown, teardown);
    let why = "No framework found with ID m-0000";
    assert_eq!(
        world.log(),
        [format!("operator <- UnknownFramework: {why}")]
    );
}
