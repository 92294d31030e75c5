//! Every row of the table of status codes (Mesos' `docs/scheduler-http-api.md`).

use mesos::protocols::master::SchedulerCall;
use mesos::protocols::{CallAccepted, CallRejected, RejectionKind};
use mesos::v1::scheduler;
use mesos::wire;

use super::rig::{JSON, Response, Rig, SUBSCRIBE, takes_everything};
use crate::documents::samples;
use crate::http::Credentials;

const REVIVE: &[u8] = br#"{"type":"REVIVE","framework_id":{"value":"f"}}"#;
const STREAM: &str = "Mesos-Stream-Id: the-stream";

#[track_caller]
fn is(response: &Response, status: u16, text: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert!(response.text().contains(text), "{}", response.text());
}

#[tokio::test]
async fn accepted_calls_are_handed_on_and_answered_202_with_nothing() {
    let mut rig = Rig::new(takes_everything);
    let response = rig.post(&[JSON, STREAM], REVIVE).await;
    is(&response, 202, "");
    assert_eq!(response.header("content-length"), Some("0"));
    let call = rig.call().await;
    assert_eq!(call.stream_id.as_deref(), Some("the-stream"));
    assert_eq!(call.call.r#type(), scheduler::call::Type::Revive);
    rig.stop().await;
}

#[tokio::test]
async fn calls_come_as_protobuf_too() {
    let mut rig = Rig::new(takes_everything);
    let call: scheduler::Call = wire::decode_json(REVIVE).unwrap();
    let body = wire::encode_protobuf(&call);
    let protobuf = "Content-Type: application/x-protobuf";
    is(&rig.post(&[protobuf, STREAM], &body).await, 202, "");
    assert_eq!(rig.call().await.call.0, call);
    is(
        &rig.post(&[protobuf, STREAM], b"\xff").await,
        400,
        "Failed to parse body into Call protobuf",
    );
    rig.stop().await;
}

#[tokio::test]
async fn unknown_fields_and_nulls_are_ignored() {
    let mut rig = Rig::new(takes_everything);
    let body =
        r#"{"type":"REVIVE","framework_id":{"value":"f","x":[]},"accept":null,"new":{"a":1}}"#;
    is(&rig.post(&[JSON, STREAM], body).await, 202, "");
    assert_eq!(rig.call().await.call.0, wire::decode_json(REVIVE).unwrap());
    rig.stop().await;
}

#[tokio::test]
async fn bodies_are_checked_in_mesos_order() {
    let rig = Rig::new(takes_everything);
    is(
        &rig.post(&[], REVIVE).await,
        400,
        "Expecting 'Content-Type' to be present",
    );
    for other in [
        "text/plain",
        "application/json; charset=utf-8",
        "Application/JSON",
    ] {
        let header = format!("Content-Type: {other}");
        let expected = "Expecting 'Content-Type' of application/json or application/x-protobuf";
        is(&rig.post(&[&header], "{").await, 415, expected);
    }
    is(
        &rig.post(&[JSON], "{").await,
        400,
        "Failed to parse body into JSON",
    );
    is(
        &rig.post(&[JSON], "").await,
        400,
        "Failed to parse body into JSON",
    );
    let expected = "Failed to validate scheduler::Call: Expecting 'framework_id' to be present";
    is(
        &rig.post(&[JSON], r#"{"type":"REVIVE"}"#).await,
        400,
        expected,
    );
    let expected = "Failed to validate scheduler::Call: Expecting 'subscribe' to be present";
    is(
        &rig.post(&[JSON], r#"{"type":"SUBSCRIBE"}"#).await,
        400,
        expected,
    );
    is(
        &rig.post(&[JSON], r#"{"type":"UNKNOWN"}"#).await,
        501,
        "unknown call type",
    );
    rig.stop().await;
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_the_server_lives_on() {
    let rig = Rig::new(takes_everything);
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    is(&rig.post(&[JSON], &deep).await, 400, "Failed to parse");
    // The inner ones are unknown fields of the outermost, passed over without recursion.
    let deep = format!("{}1{}", r#"{"accept":"#.repeat(10_000), "}".repeat(10_000));
    is(
        &rig.post(&[JSON], &deep).await,
        400,
        "Expecting 'type' to be present",
    );
    is(
        &rig.post(&[JSON], vec![b' '; 100 << 20]).await,
        413,
        "bytes; split it",
    );
    is(&rig.post(&[JSON, STREAM], REVIVE).await, 202, "");
    rig.stop().await;
}

#[tokio::test]
async fn an_endless_chunked_body_is_refused() {
    let rig = Rig::new(takes_everything);
    let mut client = super::rig::Client::connect(rig.address).await;
    let head = "POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    client.raw(head.as_bytes()).await;
    let chunk = [b"100000\r\n".as_slice(), &[b' '; 1 << 20], b"\r\n"].concat();
    for _ in 0..9 {
        client.raw(&chunk).await;
    }
    is(&client.response().await, 413, "bytes; split it");
    rig.stop().await;
}

#[tokio::test]
async fn subscribe_needs_an_answer_it_accepts_and_no_stream_id() {
    fn picky(call: &SchedulerCall) -> Result<CallAccepted, CallRejected> {
        match call.stream_id {
            None => takes_everything(call),
            Some(_) => Err(CallRejected::new(
                RejectionKind::UnexpectedStreamId,
                "Subscribe calls should not include the 'Mesos-Stream-Id' header",
            )),
        }
    }
    let rig = Rig::new(picky);
    let expected = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
    is(
        &rig.post(&[JSON, "Accept: text/html"], SUBSCRIBE).await,
        406,
        expected,
    );
    is(
        &rig.post(&[JSON, STREAM], SUBSCRIBE).await,
        400,
        "should not include",
    );
    // Others do not look at it, but this one does.
    is(
        &rig.post(&[JSON, STREAM, "Accept: foo"], REVIVE).await,
        400,
        "should not include",
    );
    let body =
        r#"{"type":"RECONCILE_OPERATIONS","framework_id":{"value":"f"},"reconcile_operations":{}}"#;
    is(
        &rig.post(&[JSON, STREAM, "Accept: foo"], body).await,
        406,
        expected,
    );
    rig.stop().await;
}

#[tokio::test]
async fn each_refusal_has_its_status() {
    fn refuses(call: &SchedulerCall) -> Result<CallAccepted, CallRejected> {
        use RejectionKind as K;
        // The test names the kind it wants in place of the stream id.
        let kinds = [
            K::Invalid,
            K::Unsupported,
            K::UnknownFramework,
            K::UnknownExecutor,
            K::Disconnected,
            K::MissingStreamId,
            K::WrongStreamId,
            K::UnexpectedStreamId,
            K::WrongPrincipal,
            K::Unauthorized,
            K::NotLeader,
            K::Recovering,
        ];
        let wanted = call.stream_id.as_deref().unwrap();
        let kind = kinds.into_iter().find(|kind| format!("{kind:?}") == wanted);
        Err(CallRejected::new(kind.unwrap(), "leader.example:5050"))
    }
    let rig = Rig::new(refuses);
    let table = [
        ("Invalid", 400),
        ("Unsupported", 501),
        ("UnknownFramework", 400),
        ("UnknownExecutor", 400),
        ("Disconnected", 403),
        ("MissingStreamId", 400),
        ("WrongStreamId", 400),
        ("UnexpectedStreamId", 400),
        ("WrongPrincipal", 400),
        ("Unauthorized", 403),
        ("NotLeader", 307),
        ("Recovering", 503),
    ];
    for (kind, status) in table {
        let header = format!("Mesos-Stream-Id: {kind}");
        let response = rig.post(&[JSON, &header], REVIVE).await;
        assert_eq!(response.status, status, "{kind}");
        let location = response.header("location");
        let leader = (status == 307).then_some("//leader.example:5050/api/v1/scheduler");
        assert_eq!(location, leader, "{kind}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_recovering_master_says_so_before_anything_else() {
    let rig = Rig::new(takes_everything);
    let mut view = samples::view();
    view.elected = None;
    rig.views.send_replace(view.into());
    is(
        &rig.post(&[], "{").await,
        503,
        "Master has not finished recovery",
    );
    is(&rig.get("/api/v1/scheduler").await, 503, "");
    is(&rig.get("/health").await, 200, "");
    rig.stop().await;
}

#[tokio::test]
async fn only_posts_are_calls() {
    let rig = Rig::new(takes_everything);
    for (method, path) in [
        ("GET", "/api/v1/scheduler"),
        ("GET", "/master/api/v1/scheduler/"),
        ("PUT", "/api/v1/scheduler"),
        ("GET", "/api/v1"),
    ] {
        let response = rig
            .request(&format!("{method} {path} HTTP/1.1\r\n"), "")
            .await;
        let text = format!(
            "405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'."
        );
        is(&response, 405, &text);
        assert_eq!(response.header("allow"), Some("POST"));
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_master_that_does_not_answer_is_unavailable() {
    let rig = Rig::new(|_| panic!("on purpose"));
    let response = rig.post(&[JSON, STREAM], REVIVE).await;
    is(&response, 503, "The master did not answer");
    assert_eq!(response.header("retry-after"), Some("1"));
    rig.stop().await;
}

#[tokio::test]
async fn with_credentials_callers_must_say_who_they_are() {
    let credentials = Credentials::new([("ann".into(), "secret".into())]);
    let mut rig = Rig::with(takes_everything, Some(credentials));
    for headers in [
        vec![JSON],
        vec![JSON, "Authorization: Basic !!"],
        vec![JSON, "Authorization: Basic YW5uOndyb25n"],
    ] {
        let response = rig.post(&headers, REVIVE).await;
        is(&response, 401, "401 Unauthorized");
        assert!(
            response
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic realm=")
        );
    }
    is(&rig.get("/state").await, 401, "");
    let right = "Authorization: Basic YW5uOnNlY3JldA==";
    is(&rig.post(&[JSON, STREAM, right], REVIVE).await, 202, "");
    assert_eq!(rig.call().await.principal.as_deref(), Some("ann"));
    rig.stop().await;
}
