//! What comes from outside: the leniencies that Mesos has, and bytes that nobody should send.

use mesos::v1::agent::ProcessIo;
use mesos::v1::{
    self, CommandInfo, FrameworkId, Resource, TaskInfo, TaskState, TaskStatus, master, scheduler,
};
use mesos::wire::{self, DecodeError, Described};
use proptest::prelude::*;
use prost::Message;
use serde_json::json;

#[track_caller]
fn read<T: Described>(document: serde_json::Value) -> T {
    wire::decode_json(document.to_string().as_bytes()).unwrap()
}

#[track_caller]
fn refusal<T: Described + std::fmt::Debug>(document: impl ToString) -> String {
    wire::decode_json::<T>(document.to_string().as_bytes())
        .unwrap_err()
        .to_string()
}

fn written<T: Described>(message: &T) -> serde_json::Value {
    serde_json::from_slice(&wire::encode_json(message)).unwrap()
}

#[test]
fn nulls_and_unknown_fields_are_ignored() {
    let call: scheduler::Call = read(json!({
        "type": "REVIVE",
        "framework_id": {"value": "f", "from_the_future": {"a": [1, null, {}]}},
        "revive": null,
        "no_such_field": [[[]]],
    }));
    assert_eq!(call.r#type(), scheduler::call::Type::Revive);
    assert_eq!(call.framework_id, Some(FrameworkId::new("f")));
    assert_eq!(call.revive, None);
}

#[test]
fn a_missing_required_field_is_named_by_its_path() {
    let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"name": "n"}}});
    let refusal = refusal::<scheduler::Call>(call);
    assert!(
        refusal.contains("`subscribe.framework_info.user`"),
        "{refusal}"
    );
}

#[test]
fn a_required_field_that_is_null_is_missing() {
    let refusal = refusal::<FrameworkId>(json!({"value": null}));
    assert!(refusal.contains("`value`"), "{refusal}");
}

#[test]
fn a_missing_field_in_protobuf_is_named_by_its_path() {
    // subscribe (3) { framework_info (1) { name (2): "n" } }
    let bytes = [0x1a, 0x05, 0x0a, 0x03, 0x12, 0x01, b'n'];
    match wire::decode_protobuf::<scheduler::Call>(&bytes).unwrap_err() {
        DecodeError::MissingField { path } => assert_eq!(path, "subscribe.framework_info.user"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_missing_field_within_a_map_is_named_by_its_path() {
    let info = json!({
        "name": "t",
        "task_id": {"value": "t"},
        "agent_id": {"value": "a"},
        "limits": {"cpus": {}},
    });
    let refusal = refusal::<TaskInfo>(info);
    assert!(refusal.contains(r#"`limits["cpus"].value`"#), "{refusal}");
}

#[test]
fn errors_of_type_name_the_place() {
    let refusal = refusal::<scheduler::Call>(json!({
        "type": "DECLINE",
        "decline": {"offer_ids": [{"value": "o"}, {"value": 7}]},
    }));
    assert!(
        refusal.contains("`decline.offer_ids[1].value`"),
        "{refusal}"
    );
}

#[test]
fn unknown_enum_names_are_dropped_unless_required() {
    let call: scheduler::Call = read(json!({"type": "FLY_TO_THE_MOON"}));
    assert_eq!(call.r#type, None);

    let info: TaskInfo = read(json!({
        "name": "t",
        "task_id": {"value": "t"},
        "agent_id": {"value": "a"},
        "container": {
            "type": "MESOS",
            "linux_info": {"bounding_capabilities": {"capabilities": ["CHOWN", "LEVITATE"]}},
        },
    }));
    let linux = info.container.unwrap().linux_info.unwrap();
    assert_eq!(linux.bounding_capabilities.unwrap().capabilities.len(), 1);

    let status = json!({"task_id": {"value": "t"}, "state": "TASK_LEVITATING"});
    let refusal = refusal::<TaskStatus>(status);
    assert!(
        refusal.contains("TASK_LEVITATING") && refusal.contains("`state`"),
        "{refusal}"
    );
}

#[test]
fn unknown_enum_numbers_of_a_newer_peer_are_not_written() {
    let mut call = scheduler::Call {
        r#type: Some(4711),
        ..Default::default()
    };
    assert_eq!(written(&call), json!({}));
    call.r#type = Some(scheduler::call::Type::Teardown.into());
    assert_eq!(written(&call), json!({"type": "TEARDOWN"}));

    let status = TaskStatus {
        state: 4711,
        ..Default::default()
    };
    let bytes = status.encode_to_vec();
    assert!(
        wire::decode_protobuf::<TaskStatus>(&bytes).is_err(),
        "as if it were missing"
    );
}

#[test]
fn numbers_may_come_as_strings_and_leave_as_numbers() {
    let duration: v1::DurationInfo = read(json!({"nanoseconds": "9223372036854775807"}));
    assert_eq!(duration.nanoseconds, i64::MAX);
    assert_eq!(written(&duration), json!({"nanoseconds": i64::MAX}));
    let duration: v1::DurationInfo = read(json!({"nanoseconds": 5e9}));
    assert_eq!(duration.nanoseconds, 5_000_000_000);

    for bad in [
        json!("x"),
        json!(""),
        json!("inf"),
        json!(true),
        json!(1e19),
        json!("Infinity"),
    ] {
        let document = json!({"nanoseconds": bad});
        assert!(
            refusal::<v1::DurationInfo>(document).contains("`nanoseconds`"),
            "{bad}"
        );
    }
    let range = json!({"begin": -1, "end": 2});
    assert!(refusal::<v1::value::Range>(range).contains("`begin`"));
}

#[test]
fn infinities_are_strings() {
    let limits = json!({"value": "Infinity"});
    let scalar: v1::value::Scalar = read(limits.clone());
    assert_eq!(scalar.value, f64::INFINITY);
    assert_eq!(written(&scalar), limits);
    let scalar: v1::value::Scalar = read(json!({"value": "-Infinity"}));
    assert_eq!(scalar.value, f64::NEG_INFINITY);
}

#[test]
fn bytes_are_base64_whose_padding_may_be_left_out() {
    for text in ["YQ==", "YQ"] {
        let status: TaskStatus =
            read(json!({"task_id": {"value": "t"}, "state": "TASK_RUNNING", "data": text}));
        assert_eq!(status.data.as_deref(), Some(&b"a"[..]));
        assert_eq!(written(&status)["data"], "YQ==");
    }
    let status = json!({"task_id": {"value": "t"}, "state": "TASK_RUNNING", "data": "%"});
    assert!(refusal::<TaskStatus>(status).contains("`data`"));
}

#[test]
fn a_lone_value_does_for_a_list() {
    let command: CommandInfo = read(json!({"arguments": "a", "uris": {"value": "u"}}));
    assert_eq!(command.arguments, ["a"]);
    assert_eq!(command.uris[0].value, "u");
    assert!(refusal::<CommandInfo>(json!({"arguments": [["a"]]})).contains("`arguments[0]`"));
    assert!(refusal::<CommandInfo>(json!({"value": ["a"]})).contains("`value`"));
}

#[test]
fn explicit_defaults_are_written_unless_deprecated() {
    assert_eq!(written(&CommandInfo::default()), json!({"shell": true}));
    assert_eq!(
        written(&v1::Filters::default()),
        json!({"refuse_seconds": 5.0})
    );

    let resource = Resource {
        name: "cpus".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        written(&resource),
        json!({"name": "cpus", "type": "SCALAR"})
    );
    assert_eq!(resource.role(), "*");
}

#[test]
fn an_unset_state_reads_as_staging() {
    assert_eq!(TaskState::default(), TaskState::TaskStaging);
    assert_eq!(
        v1::Task::default().status_update_state(),
        TaskState::TaskStaging
    );
}

#[test]
fn durations_of_google_are_plain_objects() {
    let document = json!({
        "type": "DRAIN_AGENT",
        "drain_agent": {
            "agent_id": {"value": "a"},
            "max_grace_period": {"seconds": 60, "nanos": 5},
            "mark_gone": false,
        },
    });
    let call: master::Call = read(document.clone());
    let period = call.drain_agent.as_ref().unwrap().max_grace_period.unwrap();
    assert_eq!((period.seconds, period.nanos), (60, 5));
    assert_eq!(written(&call), document);
}

#[test]
fn the_zero_in_a_map_survives_protobuf() {
    let filters = json!({"min_allocatable_resources": {
        "quantities": [{"quantities": {"cpus": {"value": 0.0}, "": {"value": 1.0}}}],
    }});
    let message: v1::OfferFilters = read(filters.clone());
    let again: v1::OfferFilters = wire::decode_protobuf(&wire::encode_protobuf(&message)).unwrap();
    assert_eq!(written(&again), filters);
}

#[test]
fn a_field_named_twice_is_refused() {
    let refusal = refusal::<FrameworkId>(r#"{"value": "a", "value": "b"}"#);
    assert!(refusal.contains("`value`"), "{refusal}");
}

#[test]
fn documents_that_are_no_objects_are_refused() {
    for document in [
        "",
        "{",
        "[]",
        "1",
        "null",
        "\"REVIVE\"",
        "{}{}",
        "{} x",
        "\u{0}",
    ] {
        refusal::<scheduler::Call>(document);
    }
}

#[test]
fn ten_thousand_levels_are_an_error_and_not_the_end_of_the_stack() {
    const LEVELS: usize = 10_000;
    let nest = |open: &str, close: &str| format!("{}{}", open.repeat(LEVELS), close.repeat(LEVELS));

    refusal::<v1::ContainerId>(nest(r#"{"value":"c","parent":"#, "}"));
    refusal::<v1::ContainerId>(nest("[", "]"));
    refusal::<v1::ContainerId>(format!(r#"{{"value":"c","parent":{}}}"#, nest("[", "]")));
    // Of unknown fields nothing is kept, not even the depth.
    let unknown = format!(r#"{{"value":"c","x":{}}}"#, nest("[", "]"));
    wire::decode_json::<v1::ContainerId>(unknown.as_bytes()).unwrap();

    let mut bytes = Vec::new();
    for _ in 0..LEVELS {
        let mut outer = vec![0x0a, 0x01, b'c', 0x12];
        prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
        outer.extend_from_slice(&bytes);
        bytes = outer;
    }
    let error = wire::decode_protobuf::<v1::ContainerId>(&bytes).unwrap_err();
    assert!(matches!(error, DecodeError::TooDeep), "{error}");
}

#[test]
fn the_deepest_nesting_that_is_read_is_the_same_in_both_forms() {
    let nested = |levels: usize| {
        (1..levels).fold(v1::ContainerId::from("c"), |parent, _| v1::ContainerId {
            value: "c".to_owned(),
            parent: Some(Box::new(parent)),
        })
    };
    let deepest = nested(wire::MAX_DEPTH);
    let again: v1::ContainerId = wire::decode_json(&wire::encode_json(&deepest)).unwrap();
    assert_eq!(again, deepest);
    let again: v1::ContainerId = wire::decode_protobuf(&wire::encode_protobuf(&deepest)).unwrap();
    assert_eq!(again, deepest);

    let deeper = nested(wire::MAX_DEPTH + 1);
    assert!(wire::decode_json::<v1::ContainerId>(&wire::encode_json(&deeper)).is_err());
    assert!(wire::decode_protobuf::<v1::ContainerId>(&wire::encode_protobuf(&deeper)).is_err());
}

fn accept() -> scheduler::Call {
    read(json!({
        "type": "ACCEPT",
        "framework_id": {"value": "f"},
        "accept": {
            "offer_ids": [{"value": "o"}],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{
                "name": "t",
                "task_id": {"value": "t"},
                "agent_id": {"value": "a"},
                "data": "YQ==",
                "limits": {"mem": {"value": "Infinity"}},
                "command": {"value": "true", "environment": {"variables": [{"name": "N"}]}},
                "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}],
            }]}}],
            "filters": {"refuse_seconds": 1.5},
        },
    }))
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes: Vec<u8>) {
        let _ = wire::decode_protobuf::<scheduler::Call>(&bytes);
        let _ = wire::decode_protobuf::<ProcessIo>(&bytes);
        let _ = wire::decode_json::<scheduler::Call>(&bytes);
    }

    #[test]
    fn damaged_calls_do_no_harm(at: prop::sample::Index, byte: u8, end: prop::sample::Index) {
        let call = accept();
        let mut bytes = wire::encode_protobuf(&call);
        let mut json = wire::encode_json(&call);
        for encoded in [&mut bytes, &mut json] {
            let length = encoded.len();
            encoded[at.index(length)] = byte;
            let _ = wire::decode_protobuf::<scheduler::Call>(&encoded[..end.index(length + 1)]);
            let _ = wire::decode_json::<scheduler::Call>(&encoded[..end.index(length + 1)]);
        }
        // What still is a message can be written.
        if let Ok(call) = wire::decode_protobuf::<scheduler::Call>(&bytes) {
            wire::encode_json(&call);
        }
    }
}
