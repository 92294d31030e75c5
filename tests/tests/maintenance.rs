//! Maintenance as operators and their tools do it: over HTTP, with real processes.

use std::time::Duration;

use mesos_tests::{Cluster, eventually, get_json, post};
use serde_json::{Value, json};

/// Longer than a loaded machine needs for anything here.
const SOON: Duration = Duration::from_secs(90);

fn send(cluster: &Cluster, path: &str, body: &Value) -> u16 {
    let json = [("Content-Type", "application/json")];
    let answer = post(&cluster.master, path, &json, body.to_string().as_bytes());
    answer.expect("the master answers").status
}

fn agents(cluster: &Cluster) -> Option<Vec<Value>> {
    get_json(&cluster.master, "/slaves")?["slaves"]
        .as_array()
        .cloned()
}

#[test]
fn a_machine_goes_down_and_comes_up_over_http() {
    let mut cluster = Cluster::master_and_agent();
    let agent = agents(&cluster).expect("agents").remove(0);
    let machine = json!({"hostname": agent["hostname"], "ip": "127.0.0.1"});
    let start = json!({"nanoseconds": 2_000_000_000_000_000_000_i64});
    let schedule = json!({"windows": [
        {"machine_ids": [machine], "unavailability": {"start": start}},
    ]});
    let machines = json!([machine]);

    assert_eq!(send(&cluster, "/machine/down", &machines), 400);
    assert_eq!(send(&cluster, "/maintenance/schedule", &schedule), 200);
    let shown = get_json(&cluster.master, "/maintenance/schedule");
    assert_eq!(shown, Some(schedule));
    let status = get_json(&cluster.master, "/maintenance/status").expect("a status");
    assert_eq!(status["draining_machines"][0]["id"], machine);

    assert_eq!(send(&cluster, "/machine/down", &machines), 200);
    eventually("the agent is gone", SOON, || {
        agents(&cluster)?.is_empty().then_some(())
    });
    cluster.daemons[0].kill_9();
    cluster.daemons[0].restart();
    cluster.wait_for_master();
    let status = get_json(&cluster.master, "/maintenance/status").expect("a status");
    assert_eq!(status["down_machines"][0], machine);
    // Whatever keeps daemons alive starts it again.
    cluster.daemons[1].kill_9();
    cluster.daemons[1].restart();
    eventually("the agent is refused", SOON, || {
        let refused = cluster.daemons[1]
            .log()
            .matches("is down for maintenance")
            .count();
        (refused >= 2).then_some(())
    });
    assert_eq!(agents(&cluster), Some(vec![]));

    assert_eq!(send(&cluster, "/machine/up", &machines), 200);
    cluster.daemons[1].kill_9();
    cluster.daemons[1].restart();
    cluster.wait_for_agents(1);
}

#[track_caller]
fn says(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = cluster.mesos(arguments, SOON);
    assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
    output.stdout
}

#[track_caller]
fn refuses(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = cluster.mesos(arguments, SOON);
    assert_eq!(output.code, Some(1), "{arguments:?}: {output:?}");
    output.stderr
}

#[test]
fn agents_are_taken_out_of_use_and_used_again_by_commands() {
    let cluster = Cluster::master_and_agent();
    let agent = agents(&cluster).expect("agents").remove(0);
    let (id, hostname) = (&agent["id"], &agent["hostname"]);
    let id = id.as_str().expect("an id");
    let hostname = hostname.as_str().expect("a name");
    let list = || says(&cluster, &["agent", "list"]);

    let said = says(&cluster, &["agent", "deactivate", id]);
    assert!(said.contains(id), "{said}");
    assert!(list().contains("deactivated"), "{}", list());
    says(&cluster, &["agent", "reactivate", hostname]);
    assert!(!list().contains("deactivated"), "{}", list());

    says(
        &cluster,
        &["agent", "drain", "--max_grace_period=1secs", id],
    );
    eventually("it is drained", SOON, || {
        list().contains("drained").then_some(())
    });
    let drain = &agents(&cluster).expect("agents")[0]["drain_info"];
    let grace = &drain["config"]["max_grace_period"]["nanoseconds"];
    assert_eq!(*grace, 1_000_000_000, "{drain}");
    says(&cluster, &["agent", "reactivate", id]);
    eventually("it is offered again", SOON, || {
        (agents(&cluster)?[0]["deactivated"] == false).then_some(())
    });

    let refused = refuses(&cluster, &["agent", "drain", "nobody"]);
    assert!(
        refused.contains("No agent found") && refused.contains("nobody"),
        "{refused}"
    );
    let refused = refuses(&cluster, &["agent", "reactivate", id]);
    assert!(refused.contains("the master refuses"), "{refused}");
}

#[test]
fn machines_are_planned_for_taken_down_and_brought_up_by_commands() {
    let mut cluster = Cluster::master_and_agent();
    let hostname = agents(&cluster).expect("agents")[0]["hostname"].clone();
    let hostname = hostname.as_str().expect("a name").to_owned();
    let start = json!({"nanoseconds": 2_000_000_000_000_000_000_i64});
    let schedule = json!({"windows": [
        {"machine_ids": [{"hostname": hostname}], "unavailability": {"start": start}},
    ]});
    let file = cluster.folder().join("schedule.json");
    std::fs::write(&file, schedule.to_string()).expect("a file");
    let file = file.display().to_string();

    let refused = refuses(&cluster, &["maintenance", "down", &hostname]);
    assert!(refused.contains("mesos maintenance schedule"), "{refused}");
    let planned = says(&cluster, &["maintenance", "schedule", &file]);
    assert!(
        planned.contains(&hostname) && planned.contains("for ever"),
        "{planned}"
    );
    let json = says(&cluster, &["maintenance", "schedule", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).ok(), Some(schedule));
    let status = || says(&cluster, &["maintenance", "status"]);
    assert!(status().contains("draining"), "{}", status());
    std::fs::write(cluster.folder().join("wrong"), "{\"windows\": 1}").expect("a file");
    let wrong = cluster.folder().join("wrong").display().to_string();
    let refused = refuses(&cluster, &["maintenance", "schedule", &wrong]);
    assert!(
        refused.contains("write for example") && refused.contains(&wrong),
        "{refused}"
    );

    says(&cluster, &["maintenance", "down", &hostname]);
    assert!(status().contains("down"), "{}", status());
    let json = says(&cluster, &["maintenance", "status", "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        json["down_machines"][0]["hostname"],
        hostname.as_str(),
        "{json}"
    );
    eventually("the agent is gone", SOON, || {
        agents(&cluster)?.is_empty().then_some(())
    });
    let refused = refuses(&cluster, &["maintenance", "down", &hostname]);
    assert!(refused.contains("it is down already"), "{refused}");
    says(&cluster, &["maintenance", "up", &hostname]);
    assert_eq!(status().lines().count(), 1, "{}", status());
    cluster.daemons[1].kill_9();
    cluster.daemons[1].restart();
    cluster.wait_for_agents(1);
}
