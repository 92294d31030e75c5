//! Who may call: the order of the checks is part of the contract.

use mesos::protocols::RejectionKind;
use mesos::v1::FrameworkId;
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::{self, Type};

use super::world::{World, info, scheduler_pid, task_id};
use crate::config::Config;
use crate::state::Caller;

fn teardown(id: &str) -> Call {
    Call {
        framework_id: Some(FrameworkId { value: id.into() }),
        r#type: Some(Type::Teardown as i32),
        ..Default::default()
    }
}

fn refusal(world: &mut World, caller: Caller, call: Call) -> RejectionKind {
    world.call_as(&caller, call).expect_err("accepted").kind
}

#[test]
fn structure_then_framework_then_connection_then_stream_id() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    let gone = world.framework(info("b"));
    world.framework_exits(&gone);

    let shown = |world: &mut World, stream: &str| Caller {
        stream_id: Some(stream.to_owned()),
        ..world.nobody()
    };
    let no_type = Call {
        r#type: None,
        ..teardown("x")
    };
    let unknown_type = Call {
        r#type: Some(99),
        ..teardown("x")
    };
    let no_part = Call {
        r#type: Some(Type::Accept as i32),
        ..teardown("x")
    };
    let no_id = Call {
        framework_id: None,
        ..teardown("x")
    };
    for (call, stream, expected) in [
        (no_type, None, RejectionKind::Invalid),
        (unknown_type, None, RejectionKind::Unsupported),
        (no_part, None, RejectionKind::Invalid),
        (no_id, None, RejectionKind::Invalid),
        (teardown("x"), None, RejectionKind::UnknownFramework),
        (
            teardown(&gone.value),
            Some("wrong"),
            RejectionKind::Disconnected,
        ),
        (teardown(&id.value), None, RejectionKind::MissingStreamId),
        (
            teardown(&id.value),
            Some("wrong"),
            RejectionKind::WrongStreamId,
        ),
    ] {
        let caller = match stream {
            Some(stream) => shown(&mut world, stream),
            None => world.nobody(),
        };
        let description = format!("{call:?}");
        assert_eq!(refusal(&mut world, caller, call), expected, "{description}");
    }
}

#[test]
fn nobody_is_served_before_the_registry_is_read() {
    let mut world = World::recovering(Config::default());
    let caller = world.nobody();
    assert_eq!(
        refusal(&mut world, caller, teardown("x")),
        RejectionKind::Recovering
    );
    world.register(super::world::agent_pid(1, 1));
    assert!(world.log().is_empty());
}

#[test]
fn subscribe_must_come_without_a_stream_id_and_with_an_address() {
    let mut world = World::new();
    let subscribe = Call {
        r#type: Some(Type::Subscribe as i32),
        subscribe: Some(call::Subscribe {
            framework_info: info("a"),
            ..Default::default()
        }),
        ..Default::default()
    };
    let with_stream = Caller {
        stream_id: Some("s".into()),
        ..world.nobody()
    };
    let kind = refusal(&mut world, with_stream, subscribe.clone());
    assert_eq!(kind, RejectionKind::UnexpectedStreamId);
    let without_address = world.nobody();
    assert_eq!(
        refusal(&mut world, without_address, subscribe),
        RejectionKind::Invalid
    );
}

#[test]
fn the_ids_of_a_subscription_must_agree() {
    let mut world = World::new();
    let mut known = info("a");
    known.id = Some(FrameworkId {
        value: "m-7".into(),
    });
    let call = Call {
        r#type: Some(Type::Subscribe as i32),
        subscribe: Some(call::Subscribe {
            framework_info: known,
            ..Default::default()
        }),
        ..Default::default()
    };
    let caller = Caller {
        from: Some(scheduler_pid("a", 1)),
        ..world.nobody()
    };
    assert_eq!(refusal(&mut world, caller, call), RejectionKind::Invalid);
}

#[test]
fn an_operator_may_kill_and_tear_down_without_a_subscription() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    let operator = Caller {
        operator: true,
        principal: Some("root".into()),
        ..world.nobody()
    };
    let revive = Call {
        r#type: Some(Type::Revive as i32),
        ..teardown(&id.value)
    };
    assert_eq!(
        refusal(&mut world, operator.clone(), revive),
        RejectionKind::Unauthorized
    );
    let kill = Call {
        r#type: Some(Type::Kill as i32),
        kill: Some(call::Kill {
            task_id: task_id("t"),
            agent_id: None,
            kill_policy: None,
        }),
        ..teardown(&id.value)
    };
    assert!(world.call_as(&operator, kill).is_ok());
    assert!(world.call_as(&operator, teardown(&id.value)).is_ok());
    assert!(world.state.cluster().is_completed(&id));
}

#[test]
fn another_principal_may_not_act_for_a_framework() {
    let mut world = World::new();
    let mut owned = info("a");
    owned.principal = Some("alice".into());
    let id = world.framework(owned);
    let mallory = Caller {
        principal: Some("mallory".into()),
        ..world.nobody()
    };
    assert_eq!(
        refusal(&mut world, mallory, teardown(&id.value)),
        RejectionKind::WrongPrincipal
    );
}
