//! Persistent volumes: what one task writes, the next one reads, whatever happens to their agent.

use std::path::PathBuf;
use std::time::Duration;

use mesos_tests::{Cluster, Framework, eventually, get_json, post};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(90);

fn scalar(name: &str, value: u32) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": value}})
}

fn reserved(name: &str, value: u32, principal: &str) -> Value {
    let mut resource = scalar(name, value);
    let reservation = json!({"type": "DYNAMIC", "role": "eng", "principal": principal});
    resource["reservations"] = json!([reservation]);
    resource
}

fn volume(principal: &str) -> Value {
    let mut volume = reserved("disk", 64, principal);
    volume["disk"] = json!({
        "persistence": {"id": "records", "principal": principal},
        "volume": {"container_path": "data", "mode": "RW"},
    });
    volume
}

fn task(id: &str, offer: &Value, script: &str, resources: &[Value]) -> Value {
    let mut all = vec![scalar("cpus", 1), scalar("mem", 32)];
    all.extend_from_slice(resources);
    json!({"name": id, "task_id": {"value": id}, "agent_id": offer["agent_id"],
        "command": {"value": script}, "resources": all})
}

fn launch(task: &Value) -> Value {
    json!({"type": "LAUNCH", "launch": {"task_infos": [task]}})
}

fn framework(cluster: &Cluster) -> Framework {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective());
    let user = user
        .ok()
        .flatten()
        .map_or("root".to_owned(), |user| user.name);
    let capabilities = ["MULTI_ROLE", "RESERVATION_REFINEMENT"].map(|kind| json!({"type": kind}));
    let info = json!({"user": user, "name": "volumes", "roles": ["eng"], "principal": "ann",
        "failover_timeout": 600, "checkpoint": true, "capabilities": capabilities});
    Framework::subscribe(&cluster.master, &info)
}

/// Whether an offer has this much unreserved disk.
fn has_disk(offer: &Value) -> bool {
    let resources = offer["resources"].as_array().expect("resources");
    resources.iter().any(|resource| {
        resource["name"] == "disk"
            && resource["reservations"].is_null()
            && resource["scalar"]["value"].as_f64() >= Some(64.0)
    })
}

fn has_volume(offer: &Value) -> bool {
    let resources = offer["resources"].as_array().expect("resources");
    resources
        .iter()
        .any(|r| r["disk"]["persistence"]["id"] == "records")
}

fn folder(cluster: &Cluster) -> PathBuf {
    let work_dir = cluster.folder().join("agent/work");
    work_dir.join("volumes/roles/eng/records")
}

#[test]
fn a_volume_outlives_its_tasks_and_its_agent() {
    let mut cluster = Cluster::master_and_agent();
    let mut framework = framework(&cluster);

    // Reserved, made and used in one ACCEPT.
    let offer = framework.offer(has_disk);
    let volume = volume("ann");
    let write = task(
        "write",
        &offer,
        "echo remember > data/note",
        std::slice::from_ref(&volume),
    );
    framework.accept(
        &offer,
        json!([
            {"type": "RESERVE", "id": {"value": "reserve"},
                "reserve": {"resources": [reserved("disk", 64, "ann")]}},
            {"type": "CREATE", "id": {"value": "create"}, "create": {"volumes": [volume]}},
            launch(&write),
        ]),
    );
    for operation in ["reserve", "create"] {
        assert_eq!(framework.end_of_operation(operation), "OPERATION_FINISHED");
    }
    let end = framework.end_of("write");
    assert!(end.starts_with("TASK_FINISHED"), "{end}");
    assert!(folder(&cluster).join("note").exists());

    cluster.daemons[1].kill_9();
    cluster.daemons[1].restart();
    eventually("the agent is back", SOON, || {
        let agents = get_json(&cluster.master, "/slaves")?;
        agents["slaves"][0]["reregistered_time"].as_f64()
    });

    let offer = framework.offer(has_volume);
    let script = "grep -q remember data/note && test -L data && echo again >> data/note";
    let read = task("read", &offer, script, std::slice::from_ref(&volume));
    framework.accept(&offer, json!([launch(&read)]));
    let end = framework.end_of("read");
    assert!(end.starts_with("TASK_FINISHED"), "{end}");

    let offer = framework.offer(has_volume);
    let destroy = json!({"type": "DESTROY", "id": {"value": "destroy"},
        "destroy": {"volumes": [volume]}});
    let unreserve = json!({"type": "UNRESERVE", "id": {"value": "unreserve"},
        "unreserve": {"resources": [reserved("disk", 64, "ann")]}});
    framework.accept(&offer, json!([destroy, unreserve]));
    for operation in ["destroy", "unreserve"] {
        assert_eq!(framework.end_of_operation(operation), "OPERATION_FINISHED");
    }
    assert!(!folder(&cluster).exists());
    framework.offer(has_disk);
}

#[test]
fn operators_reserve_make_volumes_and_take_them_away() {
    let mut cluster = Cluster::master_and_agent();
    let agent = cluster.read("/slaves")["slaves"][0]["id"].clone();
    let call = |kind: &str, part: &str, field: &str, resource: Value| {
        let call = json!({"type": kind, part: {"agent_id": {"value": agent}, field: [resource]}});
        let json = [("Content-Type", "application/json")];
        let answer = post(
            &cluster.master,
            "/api/v1",
            &json,
            call.to_string().as_bytes(),
        );
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 202, "{kind}: {}", answer.body);
    };
    call(
        "RESERVE_RESOURCES",
        "reserve_resources",
        "resources",
        reserved("disk", 64, "op"),
    );
    call("CREATE_VOLUMES", "create_volumes", "volumes", volume("op"));
    eventually("the volume is made", SOON, || {
        folder(&cluster).is_dir().then_some(())
    });
    let json = [("Content-Type", "application/json")];
    let weights = br#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2}]}}"#;
    let answer = post(&cluster.master, "/api/v1", &json, weights).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);

    // A later master knows them from the agent, and weights from the registry.
    cluster.daemons[0].kill_9();
    cluster.daemons[0].restart();
    cluster.wait_for_master();
    cluster.wait_for_agents(1);
    let roles = eventually("the reservation is back", SOON, || {
        let roles = get_json(&cluster.master, "/roles")?;
        let roles = roles["roles"].as_array()?.clone();
        roles
            .into_iter()
            .find(|role| role["name"] == "eng" && role["reserved"]["disk"] == 64.0)
    });
    assert_eq!(roles["weight"], 2.0);
    let call = |kind: &str, part: &str, field: &str, resource: Value| {
        let call = json!({"type": kind, part: {"agent_id": {"value": agent}, field: [resource]}});
        let answer = post(
            &cluster.master,
            "/api/v1",
            &json,
            call.to_string().as_bytes(),
        );
        answer.expect("an answer").status
    };
    let status = call(
        "DESTROY_VOLUMES",
        "destroy_volumes",
        "volumes",
        volume("op"),
    );
    assert_eq!(status, 202);
    let status = call(
        "UNRESERVE_RESOURCES",
        "unreserve_resources",
        "resources",
        reserved("disk", 64, "op"),
    );
    assert_eq!(status, 202);
    eventually("the volume is gone", SOON, || {
        (!folder(&cluster).exists()).then_some(())
    });
    let nothing_left = call(
        "RESERVE_RESOURCES",
        "reserve_resources",
        "resources",
        reserved("disk", 1_000_000, "op"),
    );
    assert_eq!(nothing_left, 409);
}
