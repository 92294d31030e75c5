//! Answers that Mesos 1.11.0 gave, read into our types and written again: the same JSON.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use mesos::v1::{agent, master};
use mesos::wire::{self, Described};
use serde_json::Value;

#[test]
fn recorded_answers_survive_a_round_trip() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let recorded = fs::read(&path).unwrap();
        if name.starts_with("master_v1_") {
            assert_round_trip::<master::Response>(&name, &recorded);
        } else if name.starts_with("agent_v1_") {
            assert_round_trip::<agent::Response>(&name, &recorded);
        } else {
            continue;
        }
        seen += 1;
    }
    assert!(seen >= 25, "only {seen} recorded answers were found");
}

#[track_caller]
fn assert_round_trip<T: Described + PartialEq + Debug>(name: &str, recorded: &[u8]) {
    let message: T = wire::decode_json(recorded).unwrap_or_else(|e| panic!("{name}: {e}"));
    let written: Value = serde_json::from_slice(&wire::encode_json(&message)).unwrap();
    let expected: Value = serde_json::from_slice(recorded).unwrap();
    if let Some(difference) = first_difference("", &written, &expected) {
        panic!("{name}: {difference}");
    }

    let bytes = wire::encode_protobuf(&message);
    let again: T = wire::decode_protobuf(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(again, message, "{name}: protobuf lost something");
}

/// Mesos made these answers from its internal messages, of which one field is not in the v1 API.
const NOT_V1: &str = ".agent_info.checkpoint";

/// Where two documents part, as a line that a person can read.
fn first_difference(path: &str, left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(l), Value::Object(r)) => l.keys().chain(r.keys()).find_map(|key| {
            let missing = Value::Null;
            let (l, r) = (
                l.get(key).unwrap_or(&missing),
                r.get(key).unwrap_or(&missing),
            );
            first_difference(&format!("{path}.{key}"), l, r)
        }),
        (Value::Array(l), Value::Array(r)) if l.len() == r.len() => l
            .iter()
            .zip(r)
            .enumerate()
            .find_map(|(i, (l, r))| first_difference(&format!("{path}[{i}]"), l, r)),
        _ if left == right || path.ends_with(NOT_V1) => None,
        _ => Some(format!("{path}: we write {left}, Mesos wrote {right}")),
    }
}
