//! The events of the operator API as a client sees them.

use std::sync::Arc;
use std::time::Duration;

use mesos::v1::master::Event;
use mesos::v1::{TaskState, TaskStatus};
use mesos::wire;
use serde_json::Value;

use super::rig::{Client, JSON, Response, Rig, takes_everything};
use crate::config::Config;
use crate::events::History;
use crate::view::View;

const SUBSCRIBE: &[u8] = br#"{"type":"SUBSCRIBE"}"#;

/// A server before a history that the test writes.
struct World {
    rig: Rig,
    history: Arc<History>,
}

impl World {
    fn new(change: impl FnOnce(&mut Config)) -> World {
        let rig = Rig::new(takes_everything);
        let history = Arc::new(History::new("epoch".to_owned()));
        rig.views.send_modify(|view| {
            let mut config = (*view.config).clone();
            change(&mut config);
            *view = Arc::new(View {
                events: history.clone(),
                config: Arc::new(config),
                ..(**view).clone()
            });
        });
        World { rig, history }
    }

    async fn subscribe(&self, query: &str, headers: &[&str]) -> Client {
        let mut client = Client::connect(self.rig.address).await;
        let path = format!("/api/v1{query}");
        client.post(&path, headers, SUBSCRIBE).await;
        client
    }

    /// A subscription that is refused.
    async fn refused(&self, query: &str) -> Response {
        // In a box: the buffers of many clients are no burden for the stack then.
        Box::pin(async { self.subscribe(query, &[JSON]).await.response().await }).await
    }

    /// One event, of so many bytes.
    fn update(&self, number: usize, size: usize) {
        self.rig.views.send_modify(|view| {
            let mut changed = View::clone(view);
            let cluster = &mut changed.cluster;
            cluster.change_task(&"m-0000".into(), &"running".into(), |task| {
                task.remember(TaskStatus {
                    state: TaskState::TaskRunning as i32,
                    message: Some("x".repeat(size)),
                    timestamp: Some(number as f64),
                    ..Default::default()
                });
            });
            *view = Arc::new(changed);
        });
        self.history.note(&self.rig.views.borrow().cluster);
        self.history.write_down();
    }
}

async fn json(client: &mut Client) -> Value {
    let chunk = Box::pin(client.chunk()).await;
    let chunk = chunk.expect("the stream goes on");
    let start = chunk.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!(
        std::str::from_utf8(&chunk[..start - 1]).unwrap(),
        (chunk.len() - start).to_string()
    );
    serde_json::from_slice(&chunk[start..]).unwrap()
}

#[tokio::test]
async fn a_stream_begins_with_the_state_and_a_heartbeat() {
    let world = World::new(|config| config.heartbeat_interval = Duration::from_millis(20));
    let mut client = world.subscribe("", &[JSON, "Accept-Encoding: gzip"]).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("application/json"));
    assert_eq!(head.header("content-encoding"), None);
    assert_eq!(head.header("mesos-stream-id"), None);
    let subscribed = json(&mut client).await;
    assert_eq!(subscribed["type"], "SUBSCRIBED");
    let state = &subscribed["subscribed"]["get_state"];
    assert_eq!(
        state["get_tasks"]["tasks"][0]["task_id"]["value"],
        "running"
    );
    assert_eq!(subscribed["subscribed"]["heartbeat_interval_seconds"], 0.02);
    for _ in 0..3 {
        assert_eq!(json(&mut client).await["type"], "HEARTBEAT");
    }
    drop(client);
    world.rig.stop().await;
}

#[tokio::test]
async fn events_follow_in_the_form_that_was_asked_for() {
    let world = World::new(|_| {});
    let protobuf = [JSON, "Accept: application/x-protobuf"];
    let mut binary = world.subscribe("", &protobuf).await;
    assert_eq!(binary.head().await.status, 200);
    let mut text = world.subscribe("", &[JSON]).await;
    text.head().await;
    for _ in 0..2 {
        binary.chunk().await.unwrap();
        json(&mut text).await;
    }
    world.update(7, 3);
    let chunk = binary.chunk().await.unwrap();
    let start = chunk.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let event: Event = wire::decode_protobuf(&chunk[start..]).unwrap();
    let updated = event.task_updated.unwrap();
    assert_eq!(updated.status.timestamp, Some(7.0));
    let event = json(&mut text).await;
    assert_eq!(event["type"], "TASK_UPDATED");
    assert_eq!(event["task_updated"]["state"], "TASK_RUNNING");
    assert_eq!(event["task_updated"]["framework_id"]["value"], "m-0000");
    world.rig.stop().await;
}

#[tokio::test]
async fn a_client_that_comes_back_goes_on_after_the_revision_it_saw() {
    let world = World::new(|_| {});
    let mut client = world.subscribe("", &[JSON]).await;
    client.head().await;
    json(&mut client).await;
    json(&mut client).await;
    world.update(1, 0);
    let seen = json(&mut client).await["revision"].clone();
    drop(client);
    world.update(2, 0);
    let query = format!("?revision={}", seen.as_str().unwrap());
    let mut client = world.subscribe(&query, &[JSON]).await;
    assert_eq!(client.head().await.status, 200);
    let subscribed = json(&mut client).await;
    assert_eq!(subscribed["type"], "SUBSCRIBED");
    assert_eq!(subscribed["revision"], seen);
    assert!(subscribed["subscribed"]["get_state"].is_null());
    assert_eq!(json(&mut client).await["type"], "HEARTBEAT");
    let missed = json(&mut client).await;
    assert_eq!(missed["task_updated"]["status"]["timestamp"], 2.0);

    for (query, status, why) in [
        ("?revision=other-1", 410, "another master led"),
        ("?revision=epoch-0", 410, "any more"),
        ("?revision=epoch-99", 400, "not been reached"),
        ("?revision=x", 400, "EPOCH-NUMBER"),
    ] {
        let refused = world.refused(query).await;
        assert_eq!(refused.status, status, "{query}");
        assert!(refused.text().contains(why), "{}", refused.text());
    }
    world.history.end();
    let over = world.refused("").await;
    assert_eq!(over.status, 503);
    assert_eq!(client.chunk().await, None);
    world.rig.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_counted() {
    let world = World::new(|_| {});
    let mut client = world.subscribe("", &[JSON]).await;
    client.head().await;
    // More than the history and all buffers of sockets hold.
    for number in 0..80 {
        world.update(number, 1 << 20);
    }
    assert!(client.is_cut_off().await);
    assert_eq!(world.history.disconnected(), (1, 0));
    assert_eq!(world.history.subscribers(), 0);
    world.rig.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_leaves_its_seat_without_an_event() {
    let world = World::new(|config| config.max_operator_event_stream_subscribers = 2);
    let mut first = world.subscribe("", &[JSON]).await;
    first.head().await;
    assert_eq!(world.history.subscribers(), 1);
    drop(first);
    while world.history.subscribers() > 0 {
        tokio::task::yield_now().await;
    }
    let mut oldest = world.subscribe("", &[JSON]).await;
    oldest.head().await;
    let mut others = Vec::new();
    for _ in 0..2 {
        let mut client = world.subscribe("", &[JSON]).await;
        client.head().await;
        others.push(client);
    }
    assert!(oldest.is_cut_off().await);
    world.rig.stop().await;
}
