//! Answers of the operator API beside those that a Mesos 1.11.0 master gave.

use std::collections::BTreeSet;

use mesos::v1::master::Call;
use mesos::v1::master::call::Type;
use mesos::wire;
use serde_json::Value;

use super::shape;
use crate::documents::{operator, samples};

const CALLS: [Type; 13] = [
    Type::GetHealth,
    Type::GetFlags,
    Type::GetVersion,
    Type::GetMaster,
    Type::GetState,
    Type::GetAgents,
    Type::GetFrameworks,
    Type::GetExecutors,
    Type::GetTasks,
    Type::GetOperations,
    Type::GetRoles,
    Type::GetWeights,
    Type::GetQuota,
];

/// What Mesos has and we have not, by parts of lines.
const LEFT_OUT: &[&str] = &[
    // A build from which sources is not known to a build from a package.
    "git_sha text",
    "git_tag text",
    // Of the old API; it is always set.
    "agent_info.checkpoint flag",
    // Passed on as agents tell it, and those of the sample tell less.
    "statuses[].agent_id",
    "statuses[].container_status.executor_pid",
    "statuses[].executor_id",
    "statuses[].source",
    "statuses[].uuid",
    "].status_update_",
];

/// What we have and Mesos has not, by parts of lines.
const ADDED: &[&str] = &[
    // There were none at the time of the recording.
    "executors.executors[]",
    ".offers",
    ".offered_resources",
];

#[test]
fn answers_have_the_recorded_shapes() {
    let view = samples::view();
    let mut ours = BTreeSet::new();
    for kind in CALLS {
        let call = Call {
            r#type: Some(kind as i32),
            ..Default::default()
        };
        let answer = operator::response(&view, Default::default, &call).expect("an answer");
        let json: Value = serde_json::from_slice(&wire::encode_json(&answer)).unwrap();
        assert_eq!(json["type"], kind.as_str_name());
        shape(kind.as_str_name(), "", &json, &mut ours);
    }
    let recorded = include_str!("recorded_operator_shapes.txt").lines();
    let recorded: BTreeSet<String> = recorded.map(str::to_owned).collect();
    let differences = |one: &BTreeSet<String>, other: &BTreeSet<String>, known: &[&str]| {
        let lines = one.difference(other).cloned();
        let unknown = lines.filter(|line| !known.iter().any(|known| line.contains(known)));
        unknown.collect::<Vec<_>>()
    };
    let missing = differences(&recorded, &ours, LEFT_OUT);
    let added = differences(&ours, &recorded, ADDED);
    assert!(
        missing.is_empty() && added.is_empty(),
        "missing {missing:#?}, added {added:#?}"
    );
}

#[test]
fn metrics_are_those_of_the_snapshot() {
    let view = samples::view();
    let call = Call {
        r#type: Some(Type::GetMetrics as i32),
        ..Default::default()
    };
    let answer = operator::response(&view, Default::default, &call).expect("an answer");
    let metrics = answer.get_metrics.expect("metrics").metrics;
    let names: BTreeSet<&str> = metrics.iter().map(|m| m.name.as_str()).collect();
    let snapshot = crate::metrics::snapshot(&view, &Default::default());
    assert_eq!(names, snapshot.keys().map(String::as_str).collect());
}
