//! The agent's HTTP server: the executor API as an executor in another language sees it, and the
//! documents that tools read.

mod client;
mod cluster;

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use client::{Answer, call, get, send};
use cluster::{Cluster, framework_id, resources, task};
use libprocess::prelude::*;
use mesos::protocols::agent::FrameworkMessage;
use mesos::v1::TaskState::{TaskFinished, TaskRunning};
use mesos::v1::executor::{Event, event::Type};
use mesos::v1::{CommandInfo, ExecutorInfo, TaskInfo};
use mesos_agent::containerizer::simulated::Simulation;
use mesos_agent::{Config, Executors};
use serde_json::{Value, json};

/// Runs a test with an agent that serves HTTP.
fn with_agent<F: Future<Output = ()>>(test: impl FnOnce(Cluster, SocketAddr) -> F) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let node = Node::local();
        let config = Config {
            http: true,
            ..cluster::config(dir.path())
        };
        let simulation = Simulation::new().executor("custom", |node, launch| {
            let name = format!("idle-{}", launch.container_id.value);
            Ok(node.spawn(name, |_| Idle)?.any())
        });
        let cluster = Cluster::start_with(&node, config, simulation).await;
        let address = cluster.agent.http_address().unwrap();
        test(cluster, address).await;
        node.shutdown(std::time::Duration::from_secs(1)).await;
    });
}

/// What stands for a process that speaks HTTP.
struct Idle;

protocol! {
    local Nothing = "nothing" {}
}

impl Actor for Idle {
    type Context = Context<Self>;
}

impl Process for Idle {
    type Protocol = Nothing;
}

fn custom_task(id: &str) -> TaskInfo {
    TaskInfo {
        command: None,
        executor: Some(ExecutorInfo {
            executor_id: "e".into(),
            command: Some(CommandInfo {
                value: Some("custom".to_owned()),
                ..Default::default()
            }),
            resources: resources("cpus:0.1;mem:32"),
            ..Default::default()
        }),
        ..task(id, "")
    }
}

fn executor_call(kind: &str, more: Value) -> Value {
    let mut call = json!({
        "type": kind,
        "framework_id": {"value": "m-0000"},
        "executor_id": {"value": "e"},
        "a_field_of_the_future": null,
    });
    call.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    call
}

fn update(task: &str, state: &str, uuid: u8) -> Value {
    let status = json!({
        "task_id": {"value": task},
        "state": state,
        "source": "SOURCE_EXECUTOR",
        "uuid": BASE64.encode([uuid; 16]),
    });
    executor_call("UPDATE", json!({"update": {"status": status}}))
}

#[track_caller]
fn expect(stream: &mut Answer, kind: Type) -> Event {
    let event = stream.event().expect("the stream goes on");
    assert_eq!(event.r#type(), kind, "{event:?}");
    event
}

/// Waits until the executor's container runs, and subscribes.
async fn subscribe(cluster: &Cluster, address: SocketAddr) -> Answer {
    let mut view = cluster.agent.view.clone();
    let launched = view
        .wait_for(|state| state.executors().any(|e| e.launched))
        .await;
    assert!(launched.is_some());
    let stream = call(
        address,
        &executor_call("SUBSCRIBE", json!({"subscribe": {}})),
    );
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("content-type"), Some("application/json"));
    assert_eq!(stream.header("mesos-stream-id"), None);
    stream
}

#[test]
fn an_executor_of_a_frameworks_own_runs_tasks() {
    with_agent(|mut cluster, address| async move {
        cluster.run(custom_task("t"));
        let mut stream = subscribe(&cluster, address).await;
        let subscribed = expect(&mut stream, Type::Subscribed).subscribed.unwrap();
        assert_eq!(subscribed.framework_info.id, Some(framework_id()));
        assert_eq!(subscribed.agent_info.id, Some(cluster::agent_id()));
        assert!(subscribed.container_id.is_some());
        let launch = expect(&mut stream, Type::Launch).launch.unwrap();
        assert_eq!(launch.task.task_id.value, "t");

        assert_eq!(call(address, &update("t", "TASK_RUNNING", 1)).status, 202);
        let acknowledged = expect(&mut stream, Type::Acknowledged)
            .acknowledged
            .unwrap();
        assert_eq!(acknowledged.uuid, [1; 16]);
        cluster.update("t", TaskRunning).await;

        let message = FrameworkMessage {
            framework_id: framework_id(),
            executor_id: "e".into(),
            data: b"to the executor".to_vec(),
        };
        cluster.node.tell(&cluster.agent.pid, message);
        let message = expect(&mut stream, Type::Message).message.unwrap();
        assert_eq!(message.data, b"to the executor");
        let data = BASE64.encode("to the scheduler");
        let message = executor_call("MESSAGE", json!({"message": {"data": data}}));
        assert_eq!(call(address, &message).status, 202);
        let cluster::Heard::Message(heard) = cluster.next().await else {
            panic!("the message reaches the master");
        };
        assert_eq!(heard.data, b"to the scheduler");

        // A second task in the same executor.
        cluster.run(custom_task("u"));
        assert_eq!(
            expect(&mut stream, Type::Launch)
                .launch
                .unwrap()
                .task
                .task_id
                .value,
            "u"
        );
        cluster.kill("u");
        assert_eq!(
            expect(&mut stream, Type::Kill).kill.unwrap().task_id.value,
            "u"
        );

        assert_eq!(call(address, &update("t", "TASK_FINISHED", 2)).status, 202);
        expect(&mut stream, Type::Acknowledged);
        cluster.update("t", TaskFinished).await;

        cluster.shutdown_framework();
        expect(&mut stream, Type::Shutdown);
    });
}

#[test]
fn a_later_subscription_replaces_the_former() {
    with_agent(|cluster, address| async move {
        cluster.run(custom_task("t"));
        let mut first = subscribe(&cluster, address).await;
        expect(&mut first, Type::Subscribed);
        expect(&mut first, Type::Launch);
        let mut second = subscribe(&cluster, address).await;
        expect(&mut second, Type::Subscribed);
        assert!(first.event().is_none(), "the former ends");
    });
}

#[test]
fn wrong_calls_get_the_status_of_the_reference() {
    with_agent(|cluster, address| async move {
        let json = ("Content-Type", "application/json");
        let subscribe_of = |framework: &str| {
            json!({"type": "SUBSCRIBE", "subscribe": {}, "framework_id": {"value": framework},
                   "executor_id": {"value": "e"}})
        };
        let post = |headers: &[(&str, &str)], body: &str| {
            send(
                address,
                "POST",
                "/api/v1/executor",
                headers,
                body.as_bytes(),
            )
        };
        let got = send(address, "GET", "/api/v1/executor", &[], &[]);
        assert_eq!((got.status, got.header("allow")), (405, Some("POST")));
        assert_eq!(post(&[], "{}").status, 400, "no content type");
        assert_eq!(post(&[("Content-Type", "text/plain")], "{}").status, 415);
        let inexact = [("Content-Type", "application/json; charset=utf-8")];
        assert_eq!(post(&inexact, "{}").status, 415);
        assert_eq!(post(&[json], "{").status, 400);
        assert_eq!(post(&[json], &"[".repeat(100_000)).status, 400);
        assert_eq!(
            post(&[json], "{\"type\": \"SUBSCRIBE\"}").status,
            400,
            "fields missing"
        );
        assert_eq!(call(address, &subscribe_of("nobody")).status, 400);
        let unknown = executor_call("UNKNOWN", json!({}));
        assert_eq!(call(address, &unknown).status, 501);
        assert_eq!(
            call(address, &executor_call("HEARTBEAT", json!({}))).status,
            202
        );
        assert_eq!(post(&[json], &" ".repeat(9 << 20)).status, 413);

        cluster.run(custom_task("t"));
        let mut view = cluster.agent.view.clone();
        view.wait_for(|state| state.executors().any(|e| e.launched))
            .await;
        assert_eq!(
            call(address, &update("t", "TASK_RUNNING", 1)).status,
            403,
            "not subscribed"
        );
        let picky = [json, ("Accept", "text/html")];
        let body = executor_call("SUBSCRIBE", json!({"subscribe": {}})).to_string();
        assert_eq!(post(&picky, &body).status, 406);
        let _stream = subscribe(&cluster, address).await;
        assert_eq!(call(address, &update("t", "TASK_STAGING", 1)).status, 400);
        let mut anonymous = update("t", "TASK_RUNNING", 1);
        anonymous["update"]["status"]["uuid"].take();
        assert_eq!(call(address, &anonymous).status, 400);
        let mut forged = update("t", "TASK_RUNNING", 1);
        forged["update"]["status"]["source"] = json!("SOURCE_MASTER");
        assert_eq!(call(address, &forged).status, 400);
        assert_eq!(
            call(address, &executor_call("UPDATE", json!({}))).status,
            400
        );
        assert_eq!(
            call(address, &update("t", "TASK_RUNNING", 1)).status,
            202,
            "still served"
        );
    });
}

#[test]
fn documents_have_the_shape_of_the_recorded_ones() {
    with_agent(|mut cluster, address| async move {
        cluster.run(task("t", "sleep 1000"));
        cluster.update("t", TaskRunning).await;

        let health = get(address, "/health");
        assert_eq!(health.status, 200);
        assert_eq!(health.text(), "");
        let version = get(address, "/version").json();
        assert!(
            version["version"]
                .as_str()
                .unwrap()
                .split('.')
                .all(|n| n.parse::<u32>().is_ok())
        );
        assert_eq!(
            get(address, "/flags").json()["flags"]["switch_user"],
            "true"
        );
        assert_eq!(get(address, "/nope").status, 404);
        let posted = send(address, "POST", "/state", &[], &[]);
        assert_eq!((posted.status, posted.header("allow")), (405, Some("GET")));

        let state = get(address, "/slave(1)/state").json();
        assert_eq!(state["id"], "m-S0");
        assert_eq!(state["resources"]["cpus"], 4.0);
        assert_eq!(state["unreserved_resources_allocated"]["mem"], 96.0);
        let executor = &state["frameworks"][0]["executors"][0];
        assert_eq!(
            executor["name"],
            "Command Executor (Task: t) (Command: sh -c 'sleep 1000')"
        );
        assert_eq!(executor["source"], "t");
        assert_eq!(executor["resources"]["cpus"], 1.1);
        let shown = &executor["tasks"][0];
        assert_eq!(shown["state"], "TASK_RUNNING");
        assert_eq!(shown["executor_id"], "");
        assert_eq!(shown["slave_id"], "m-S0");
        assert_eq!(shown["statuses"][0]["state"], "TASK_RUNNING");
        assert_eq!(get(address, "/state.json").json()["id"], "m-S0");

        let statistics = get(address, "/monitor/statistics").json();
        assert_eq!(statistics[0]["executor_id"], "t");
        assert!(statistics[0]["statistics"].is_object());
        let containers = get(address, "/containers").json();
        assert_eq!(
            containers[0]["status"]["container_id"]["value"],
            containers[0]["container_id"]
        );

        let metrics = get(address, "/metrics/snapshot").json();
        assert_eq!(metrics["slave/registered"], 1.0);
        assert_eq!(metrics["slave/tasks_running"], 1.0);
        assert_eq!(metrics["slave/cpus_used"], 1.1);
        assert!(
            get(address, "/metrics")
                .text()
                .contains("\nmesos_slave_tasks_running 1\n")
        );

        let script = get(address, "/version?jsonp=f");
        assert_eq!(script.header("content-type"), Some("text/javascript"));
        assert!(script.text().starts_with("f({"));
        assert_eq!(get(address, "/version?jsonp=alert(1)%2F%2F").status, 400);
    });
}

#[test]
fn sandboxes_can_be_read_and_nothing_else() {
    with_agent(|mut cluster, address| async move {
        cluster.run(task("t", "sleep 1000"));
        cluster.update("t", TaskRunning).await;
        let state = cluster.agent.view.state();
        let sandbox = state.executors().next().unwrap().directory.clone();
        std::fs::create_dir_all(&sandbox).unwrap();
        std::fs::write(sandbox.join("stdout"), "hello\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", sandbox.join("link")).unwrap();
        let sandbox = sandbox.to_str().unwrap();

        let listed = get(address, &format!("/files/browse?path={sandbox}")).json();
        assert_eq!(listed[1]["path"], format!("{sandbox}/stdout"));
        assert_eq!(listed[1]["size"], 6);
        let short = "/frameworks/m-0000/executors/t/runs/latest/stdout";
        let read = |path: &str, more: &str| get(address, &format!("/files/read?path={path}{more}"));
        assert_eq!(
            read(short, "").json()["offset"],
            6,
            "no offset asks for the size"
        );
        assert_eq!(
            read(short, "&offset=0").json(),
            json!({"data": "hello\n", "offset": 0})
        );
        assert_eq!(read(short, "&offset=1&length=3").json()["data"], "ell");
        assert_eq!(
            read(short, "&offset=-1").json(),
            json!({"data": "", "offset": 6})
        );
        assert_eq!(read(short, "&offset=-2").status, 400);
        assert_eq!(read(short, "&offset=x").status, 400);
        assert_eq!(read(&format!("{sandbox}/nothing"), "&offset=0").status, 404);
        assert_eq!(read(&format!("{sandbox}/link"), "&offset=0").status, 403);
        assert_eq!(
            read(&format!("{sandbox}/../../../../latest"), "&offset=0").status,
            403
        );
        let latest = format!("{}/latest/stdout", sandbox.rsplit_once('/').unwrap().0);
        assert_eq!(read(&latest, "&offset=0").status, 200);
        for unknown in [
            "/etc/passwd",
            "/",
            "/frameworks/m-0000/executors/t/runs",
            "/frameworks/m-0000/executors/nobody/runs/latest/stdout",
            "/etc/frameworks/m-0000/executors/t/runs/latest/stdout",
            "/frameworks//executors/t/runs/latest/%00",
        ] {
            assert_eq!(read(unknown, "&offset=0").status, 404, "{unknown}");
        }
        assert_eq!(get(address, "/files/read").status, 400);

        let download = get(address, &format!("/files/download?path={short}"));
        assert_eq!(
            download.header("content-disposition"),
            Some("attachment; filename=\"stdout\"")
        );
        assert_eq!(download.text(), "hello\n");
        let debug = get(address, "/files/debug").json();
        assert_eq!(debug[sandbox], sandbox);
    });
}

fn operator(address: SocketAddr, kind: &str) -> Answer {
    let body = json!({"type": kind}).to_string();
    let json = ("Content-Type", "application/json");
    send(address, "POST", "/api/v1", &[json], body.as_bytes())
}

#[test]
fn the_operator_api_tells_what_is_here() {
    with_agent(|mut cluster, address| async move {
        cluster.run(task("t", "sleep 1000"));
        cluster.update("t", TaskRunning).await;
        for (kind, part) in [
            ("GET_HEALTH", json!({"healthy": true})),
            ("GET_OPERATIONS", json!({})),
            ("GET_RESOURCE_PROVIDERS", json!({})),
        ] {
            let answer = operator(address, kind).json();
            assert_eq!(answer["type"], kind);
            assert_eq!(answer[kind.to_lowercase()], part);
        }
        let state = operator(address, "GET_STATE").json()["get_state"].clone();
        let tasks = &state["get_tasks"];
        assert_eq!(tasks["launched_tasks"][0]["task_id"]["value"], "t");
        for none in ["pending", "queued", "terminated", "completed"] {
            assert_eq!(tasks[format!("{none}_tasks")], json!([]), "{none}");
        }
        for (kind, part, list) in [
            ("GET_TASKS", "get_tasks", "launched_tasks"),
            ("GET_EXECUTORS", "get_executors", "executors"),
            ("GET_FRAMEWORKS", "get_frameworks", "frameworks"),
        ] {
            let answer = operator(address, kind).json();
            assert_eq!(answer[part], state[part], "{kind}");
            assert_eq!(answer[part][list].as_array().map(Vec::len), Some(1));
        }
        let agent = operator(address, "GET_AGENT").json();
        assert_eq!(agent["get_agent"]["agent_info"]["id"]["value"], "m-S0");
        let metrics = operator(address, "GET_METRICS").json()["get_metrics"].clone();
        let names = metrics["metrics"].as_array().unwrap().iter();
        assert!(
            names
                .clone()
                .any(|m| m["name"] == "slave/tasks_running" && m["value"] == 1.0)
        );
        let version = operator(address, "GET_VERSION").json();
        let version = &version["get_version"]["version_info"]["version"];
        assert_eq!(*version, get(address, "/version").json()["version"]);
        let flags = operator(address, "GET_FLAGS").json()["get_flags"]["flags"].clone();
        let flag = json!({"name": "switch_user", "value": "true"});
        assert!(flags.as_array().unwrap().contains(&flag));

        assert_eq!(operator(address, "LAUNCH_CONTAINER").status, 501);
        assert_eq!(operator(address, "NOPE").status, 400);
        assert_eq!(get(address, "/api/v1").status, 405);
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let posted = send(address, "POST", "/api/v1", &[form], b"type=GET_HEALTH");
        assert_eq!(posted.status, 415);
    });
}

#[test]
fn an_agent_that_ends_frees_its_port_and_its_work_directory() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let node = Node::local();
        let config = Config {
            http: true,
            ..cluster::config(dir.path())
        };
        let first = cluster::start_agent(&node, config.clone(), Simulation::new())
            .await
            .unwrap();
        let address = first.http_address().unwrap();
        let other = Node::local();
        let refused = cluster::start_agent(&other, config.clone(), Simulation::new()).await;
        let error = refused
            .err()
            .expect("one agent per work directory")
            .to_string();
        assert!(error.contains("in use by another agent"), "{error}");
        first.shutdown(Executors::Leave).await;
        std::net::TcpListener::bind(address).expect("the port is free");
        let second = cluster::start_agent(&node, config, Simulation::new())
            .await
            .unwrap();
        second.shutdown(Executors::Kill).await;
    });
}
