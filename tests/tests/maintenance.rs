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
