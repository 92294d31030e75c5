//! Documents beside those a Mesos 1.11.0 master wrote.
//!
//! `recorded_shapes.txt` lists every field of those documents with its type, `recorded_metrics.txt`
//! every metric; values differ by nature. What we have more or less is listed here, and nothing
//! else may be.

mod operator;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Surroundings, read, samples};
use crate::metrics::system;

const DOCUMENTS: [&str; 9] = [
    "/state",
    "/state-summary",
    "/slaves",
    "/frameworks",
    "/tasks",
    "/roles",
    "/flags",
    "/version",
    "/system/stats.json",
];

/// What Mesos has and we have not, by the ends of lines.
const LEFT_OUT: &[&str] = &[
    // A build from which sources is not known to a build from a package.
    ".git_sha text",
    ".git_tag text",
    // The recorded completed frameworks were drivers of the old API.
    ".completed_frameworks[].pid text",
];

/// What we have and Mesos has not, by parts of lines.
const ADDED: &[&str] = &[
    // What we are, beside what we are compatible with.
    ".product text",
    ".product_version text",
    // Why a task is in its state.
    "statuses[].message text",
    "statuses[].reason text",
    // There were none at the time of the recording.
    ".executors[]",
    ".offers[]",
    "/slaves .slaves[].offered_resources_full[]",
    "/roles .roles[].offered.",
    "/roles .roles[].quota.consumed.",
];

fn json(document: &str) -> Value {
    let surroundings = Surroundings {
        allocator: Default::default(),
        system: system::read(),
        processes: samples::processes(),
        ..Default::default()
    };
    let found = read(&samples::view(), &surroundings, document, "").unwrap();
    serde_json::from_slice(&found.body).unwrap()
}

/// Every place within a value, with what is there.
fn shape(document: &str, path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "flag",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let shown = if path.is_empty() { "." } else { path };
    found.insert(format!("{document} {shown} {kind}"));
    match value {
        Value::Array(items) => {
            for item in items {
                shape(document, &format!("{path}[]"), item, found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = if path.ends_with("flags") { "*" } else { name };
                shape(document, &format!("{path}.{name}"), field, found);
            }
        }
        _ => {}
    }
}

#[test]
fn documents_have_the_recorded_shapes() {
    let mut ours = BTreeSet::new();
    for document in DOCUMENTS {
        shape(document, "", &json(document), &mut ours);
    }
    let recorded = include_str!("recorded_shapes.txt").lines();
    let recorded: BTreeSet<String> = recorded.map(str::to_owned).collect();
    let missing = recorded.difference(&ours);
    let missing: Vec<&String> = missing
        .filter(|line| !LEFT_OUT.iter().any(|known| line.ends_with(known)))
        .collect();
    let added = ours.difference(&recorded);
    let added: Vec<&String> = added
        .filter(|line| !ADDED.iter().any(|known| line.contains(known)))
        .collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "missing {missing:#?}, added {added:#?}"
    );
}

/// Metrics of what is not built yet, or is built otherwise.
const METRICS_LEFT_OUT: &[&str] = &[
    "allocator/",
    "registrar/",
    "master/event_queue_dispatches",
    "master/event_queue_http_requests",
    "master/http_cache_hits",
    "master/messages_authenticate",
    "master/messages_deactivate_framework",
    "master/messages_update_slave",
    "master/slave_shutdowns_",
    "master/slave_unreachable_canceled",
    "master/task_failed/",
];

#[test]
fn metrics_have_the_recorded_names() {
    let snapshot = json("/metrics/snapshot");
    let snapshot = snapshot.as_object().unwrap();
    for value in snapshot.values() {
        assert!(value.is_f64(), "{value}");
    }
    let ours: BTreeSet<String> = snapshot
        .keys()
        .map(|name| {
            name.replace(
                "master/frameworks/sample/m-0000/",
                "master/frameworks/NAME/ID/",
            )
        })
        .collect();
    let recorded = include_str!("recorded_metrics.txt").lines();
    let missing: Vec<&str> = recorded
        .filter(|name| !ours.contains(*name))
        .filter(|name| !METRICS_LEFT_OUT.iter().any(|known| name.starts_with(known)))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn metrics_count_what_the_view_holds() {
    let snapshot = json("/metrics/snapshot");
    for (name, value) in [
        ("master/slaves_active", 1.0),
        ("master/frameworks_connected", 1.0),
        ("master/tasks_running", 1.0),
        ("master/outstanding_offers", 1.0),
        ("master/cpus_total", 4.0),
        ("master/cpus_used", 0.3),
        ("master/cpus_percent", 0.075),
        ("master/mem_used", 96.0),
        ("master/elected", 1.0),
        ("master/event_queue_messages", 3.0),
    ] {
        assert_eq!(snapshot[name], Value::from(value), "{name}");
    }
}

#[test]
fn tasks_are_selected_and_ordered() {
    let ids = |query: &str| -> Vec<String> {
        let found = read(&samples::view(), &Surroundings::default(), "/tasks", query).unwrap();
        let found: Value = serde_json::from_slice(&found.body).unwrap();
        let tasks = found["tasks"].as_array().unwrap().iter();
        tasks
            .map(|task| task["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("").len(), 3);
    assert_eq!(ids("limit=1&offset=1").len(), 1);
    assert_eq!(ids("limit=-1").len(), 3);
    assert_eq!(ids("limit=x&offset=7").len(), 0);
    assert_eq!(ids("framework_id=m-0001"), ["done", "broken"]);
    assert_eq!(ids("task_id=running&order=asc"), ["running"]);
}

#[test]
fn filters_choose_one() {
    let found = |path: &str, query: &str| {
        let document = read(&samples::view(), &Surroundings::default(), path, query).unwrap();
        serde_json::from_slice::<Value>(&document.body).unwrap()
    };
    assert_eq!(found("/slaves", "slave_id=m-S0")["slaves"][0]["id"], "m-S0");
    assert_eq!(
        found("/slaves", "slave_id=x")["slaves"],
        Value::Array(vec![])
    );
    let one = found("/frameworks", "framework_id=m-0001");
    assert_eq!(one["frameworks"], Value::Array(vec![]));
    assert_eq!(one["completed_frameworks"][0]["id"], "m-0001");
}
