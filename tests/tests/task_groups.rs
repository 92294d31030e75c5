//! Task groups, from a framework over HTTP to the processes of the default executor.

use mesos_tests::{Cluster, Framework};
use serde_json::{Value, json};

fn scalars(of: &[(&str, f64)]) -> Value {
    let scalar = |(name, value): &(&str, f64)| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    of.iter().map(scalar).collect()
}

fn framework(cluster: &Cluster) -> Framework {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective());
    let user = user
        .ok()
        .flatten()
        .map_or("root".to_owned(), |user| user.name);
    let info = json!({"user": user, "name": "groups", "roles": ["eng"],
        "capabilities": [{"type": "MULTI_ROLE"}]});
    Framework::subscribe(&cluster.master, &info)
}

fn has_enough(offer: &Value) -> bool {
    let resources = offer["resources"].as_array().expect("resources");
    let of = |name: &str| {
        let mut named = resources.iter().filter(|r| r["name"] == *name);
        named.any(|r| r["scalar"]["value"].as_f64() >= Some(0.5))
    };
    of("cpus") && of("mem") && of("disk")
}

/// Launches the scripts as one group, in a default executor.
fn launch(framework: &mut Framework, executor: &str, scripts: [(&str, &str); 2]) {
    let offer = framework.offer(has_enough);
    let tasks = scripts.map(|(id, script)| {
        // Both see the folder `shared` of their executor's sandbox.
        let source =
            json!({"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "shared"}});
        let volumes = json!([{"mode": "RW", "container_path": "shared", "source": source}]);
        json!({"name": id, "task_id": {"value": id}, "agent_id": offer["agent_id"],
            "command": {"value": script}, "container": {"type": "MESOS", "volumes": volumes},
            "resources": scalars(&[("cpus", 0.1), ("mem", 32.0)])})
    });
    let executor = json!({"executor_id": {"value": executor}, "type": "DEFAULT",
        "resources": scalars(&[("cpus", 0.1), ("mem", 32.0), ("disk", 1.0)])});
    let group = json!({"type": "LAUNCH_GROUP",
        "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}});
    framework.accept(&offer, json!([group]));
}

/// What is told of both tasks until they have ended, task by task; acknowledged.
fn told(framework: &mut Framework, tasks: [&str; 2]) -> [Vec<String>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    let goes_on = |states: &Vec<String>| {
        let last = states.last().map(String::as_str);
        last.is_none_or(|state| ["TASK_STARTING", "TASK_RUNNING"].contains(&state))
    };
    while told.iter().any(goes_on) {
        let event = framework.event("UPDATE", |_| true);
        let status = &event["update"]["status"];
        framework.call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
            "agent_id": status["agent_id"], "task_id": status["task_id"],
            "uuid": status["uuid"]}}));
        let id = status["task_id"]["value"].as_str().expect("an id");
        let of = tasks
            .iter()
            .position(|task| *task == id)
            .expect("one of them");
        told[of].push(status["state"].as_str().expect("a state").to_owned());
    }
    told
}

#[test]
fn a_group_shares_its_sandbox_and_its_fate() {
    let cluster = Cluster::master_and_agent();
    let mut framework = framework(&cluster);

    // Neither ends before it has heard from the other.
    let ping = "echo ping > shared/ping; until test -e shared/pong; do sleep 0.05; done";
    let pong = "until test -e shared/ping; do sleep 0.05; done; echo pong > shared/pong";
    launch(&mut framework, "good", [("ping", ping), ("pong", pong)]);
    let fine = ["TASK_RUNNING", "TASK_FINISHED"];
    assert_eq!(told(&mut framework, ["ping", "pong"]), [fine, fine]);

    launch(
        &mut framework,
        "bad",
        [("stays", "exec sleep 1000"), ("fails", "sleep 0.1; exit 3")],
    );
    assert_eq!(
        told(&mut framework, ["stays", "fails"]),
        [
            ["TASK_RUNNING", "TASK_KILLED"],
            ["TASK_RUNNING", "TASK_FAILED"]
        ]
    );
}
