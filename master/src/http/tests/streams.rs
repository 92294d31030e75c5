//! Event streams: what is in a chunk, and how they end.

use mesos::protocols::master::SchedulerCall;
use mesos::protocols::scheduler::Unsubscribed;
use mesos::protocols::{CallAccepted, CallRejected, RejectionKind};
use mesos::v1::scheduler::event::Type;

use super::rig::{Client, JSON, Rig, SUBSCRIBE, event, takes_everything};

#[tokio::test]
async fn every_event_is_a_record_in_a_chunk_of_its_own() {
    let mut rig = Rig::new(takes_everything);
    let (subscriber, mut client, head) = rig.subscribe().await;
    assert_eq!(head.header("content-type"), Some("application/json"));
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(head.header("mesos-stream-id"), Some("the-stream"));
    assert_eq!(head.header("content-encoding"), None);
    for kind in [Type::Heartbeat, Type::Rescind, Type::Heartbeat] {
        rig.node.tell(&subscriber, event(kind, 0));
    }
    for name in ["HEARTBEAT", "RESCIND", "HEARTBEAT"] {
        let json = format!("{{\"type\":\"{name}\"}}");
        let record = format!("{}\n{json}", json.len());
        assert_eq!(client.chunk().await.unwrap(), record.as_bytes());
    }
    rig.stop().await;
}

#[tokio::test]
async fn clients_choose_protobuf_and_never_get_compression() {
    let mut rig = Rig::new(takes_everything);
    let mut client = Client::connect(rig.address).await;
    let headers = [
        JSON,
        "Accept: application/x-protobuf",
        "Accept-Encoding: gzip",
    ];
    client.post("/api/v1/scheduler", &headers, SUBSCRIBE).await;
    let head = client.head().await;
    assert_eq!(head.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(head.header("content-encoding"), None);
    let subscriber = rig.call().await.from.unwrap();
    rig.node.tell(&subscriber, event(Type::Heartbeat, 0));
    assert_eq!(client.chunk().await.unwrap(), b"2\n\x08\x08");
    rig.stop().await;
}

#[tokio::test]
async fn a_refused_subscription_is_a_stream_of_one_error() {
    fn refuses(_: &SchedulerCall) -> Result<CallAccepted, CallRejected> {
        let kind = RejectionKind::SubscriptionRefused;
        Err(CallRejected::new(kind, "Framework has been removed"))
    }
    let rig = Rig::new(refuses);
    let mut client = Client::connect(rig.address).await;
    client.post("/api/v1/scheduler", &[JSON], SUBSCRIBE).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert!(head.header("mesos-stream-id").is_some());
    let expected = r#"{"type":"ERROR","error":{"message":"Framework has been removed"}}"#;
    let record = format!("{}\n{expected}", expected.len());
    assert_eq!(client.chunk().await.unwrap(), record.as_bytes());
    assert_eq!(client.chunk().await, None);
    rig.stop().await;
}

#[tokio::test]
async fn an_unsubscribed_stream_ends_after_what_was_sent() {
    let mut rig = Rig::new(takes_everything);
    let (subscriber, mut client, _) = rig.subscribe().await;
    rig.node.tell(&subscriber, event(Type::Heartbeat, 0));
    rig.node.tell(&subscriber, Unsubscribed);
    assert!(client.chunk().await.is_some());
    assert_eq!(client.chunk().await, None);
    rig.exited().await;
    rig.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_is_noticed_without_an_event() {
    let mut rig = Rig::new(takes_everything);
    let (_, client, _) = rig.subscribe().await;
    drop(client);
    rig.exited().await;
    rig.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let mut rig = Rig::new(takes_everything);
    let (subscriber, mut client, _) = rig.subscribe().await;
    // More than the queue and all buffers of sockets hold.
    const MANY: usize = 80;
    for _ in 0..MANY {
        rig.node.tell(&subscriber, event(Type::Error, 1 << 20));
    }
    rig.exited().await;
    assert!(client.is_cut_off().await);
    rig.stop().await;
}

#[tokio::test]
async fn streams_do_not_hold_up_the_end_of_the_server() {
    let mut rig = Rig::new(takes_everything);
    let (_, mut client, _) = rig.subscribe().await;
    let began = std::time::Instant::now();
    rig.stop().await;
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    client.is_cut_off().await;
}
