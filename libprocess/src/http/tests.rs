use std::time::Duration;

use actix_web::App;
use actix_web::http::StatusCode;
use actix_web::test::{self, TestRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::observe::{NodeView, Readiness};
use crate::prelude::*;

#[derive(Serialize, Deserialize)]
struct Add {
    by: u64,
}
#[derive(Serialize, Deserialize)]
struct Total;
#[derive(Serialize, Deserialize)]
struct Take {
    count: u64,
}
#[derive(Serialize, Deserialize)]
struct Hang;
#[derive(Serialize, Deserialize)]
struct Panic;
#[derive(Serialize, Deserialize)]
struct Secret;
#[derive(Serialize, Deserialize)]
struct TooFew {
    left: u64,
}

protocol! {
    CounterProtocol = "counter" {
        1 => Add -> u64,
        2 => Total -> u64,
        3 => Take -> Result<u64, TooFew>,
        4 => Hang -> (),
        5 => Panic -> (),
        6 => Secret -> (),
    }
}

#[derive(Default)]
struct Counter(u64);

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Process for Counter {
    type Protocol = CounterProtocol;
}

impl Handler<Add> for Counter {
    type Result = u64;
    fn handle(&mut self, add: Add, _: &mut Context<Self>) -> u64 {
        self.0 += add.by;
        self.0
    }
}

impl Handler<Total> for Counter {
    type Result = u64;
    fn handle(&mut self, _: Total, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

impl Handler<Take> for Counter {
    type Result = Result<u64, TooFew>;
    fn handle(&mut self, take: Take, _: &mut Context<Self>) -> Self::Result {
        let left = self.0.checked_sub(take.count);
        self.0 = left.ok_or(TooFew { left: self.0 })?;
        Ok(self.0)
    }
}

impl Handler<Hang> for Counter {
    type Result = ResponseActFuture<Self, ()>;
    fn handle(&mut self, _: Hang, _: &mut Context<Self>) -> Self::Result {
        Box::pin(std::future::pending().into_actor(self))
    }
}

impl Handler<Panic> for Counter {
    type Result = ();
    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("ouch");
    }
}

impl Handler<Secret> for Counter {
    type Result = ();
    fn handle(&mut self, _: Secret, _: &mut Context<Self>) {}
}

fn resource(node: &Node) -> Resource<CounterProtocol> {
    let counter = node.spawn("counter", |_| Counter(10)).unwrap();
    Resource::of(node, &counter)
        .deadline(Duration::from_millis(200))
        .body_limit(64)
        .post::<Add>("/add")
        .get::<Total>("/total")
        .get::<Add>("/add-by-query")
        .try_post::<Take, _, _>("/take", |_| StatusCode::CONFLICT)
        .post::<Hang>("/hang")
        .post::<Panic>("/panic")
}

/// Sends a request to the resource mounted at `/counter`; gives status and body.
async fn send(resource: &Resource<CounterProtocol>, request: TestRequest) -> (u16, Value) {
    let app = test::init_service(App::new().service(resource.mount("/counter"))).await;
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    let body = test::read_body(response).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn post(path: &str, body: &Value) -> TestRequest {
    TestRequest::post().uri(path).set_json(body)
}

#[actix_web::test]
async fn requests_become_asks_and_answers_become_json() {
    let node = Node::local();
    let counter = resource(&node);
    let add = post("/counter/add", &json!({ "by": 2 }));
    assert_eq!(send(&counter, add).await, (200, json!(12)));
    assert_eq!(
        send(&counter, get("/counter/total")).await,
        (200, json!(12))
    );
    let by_query = get("/counter/add-by-query?by=3");
    assert_eq!(send(&counter, by_query).await, (200, json!(15)));
    let take = post("/counter/take", &json!({ "count": 5 }));
    assert_eq!(send(&counter, take).await, (200, json!(10)));
    // An error of the application has the status that the resource gives it.
    let take = post("/counter/take", &json!({ "count": 50 }));
    let too_few = json!({ "error": { "left": 10 } });
    assert_eq!(send(&counter, take).await, (409, too_few));
}

#[actix_web::test]
async fn what_is_no_message_does_not_reach_the_actor() {
    let node = Node::local();
    let counter = resource(&node);
    let text = TestRequest::post().uri("/counter/add");
    let wrong = [
        (post("/counter/add", &json!({ "bye": 2 })), 400),
        (post("/counter/add", &json!({ "by": -2 })), 400),
        (get("/counter/add-by-query?by=many"), 400),
        (get("/counter/add-by-query"), 400),
        (text.set_payload("{\"by\": 2}"), 415),
        (
            post("/counter/add", &json!({ "by": 2, "x": "y".repeat(64) })),
            413,
        ),
        (get("/counter/add"), 405),
        // In the protocol, but not listed here.
        (post("/counter/secret", &Value::Null), 404),
    ];
    for (request, expected) in wrong {
        let (status, body) = send(&counter, request).await;
        assert_eq!(status, expected, "{body}");
    }
    assert_eq!(node.processes()[0].handled, 0);
}

#[actix_web::test]
async fn asks_without_an_answer_have_a_status() {
    let node = Node::local();
    let counter = resource(&node);
    let (status, body) = send(&counter, post("/counter/hang", &Value::Null)).await;
    assert_eq!((status, &body["error"]), (504, &json!("no answer in time")));
    // A client may want to wait for less, but not for more.
    let began = std::time::Instant::now();
    let patient = post("/counter/hang", &Value::Null).insert_header(("Prefer", "wait=60"));
    assert_eq!(send(&counter, patient).await.0, 504);
    assert!(began.elapsed() < Duration::from_secs(10));

    // Writing a backtrace takes its time.
    let counter = counter.deadline(Duration::from_secs(20));
    let (status, body) = send(&counter, post("/counter/panic", &Value::Null)).await;
    assert_eq!((status, &body["error"]), (503, &json!("panicked: ouch")));
    let (status, _) = send(&counter, get("/counter/total")).await;
    assert_eq!(status, 404, "there is no such actor any more");
}

#[test]
fn every_error_has_a_status() {
    for (error, expected) in [
        (AskError::Timeout, 504),
        (AskError::Exited(ExitReason::NoProcess), 404),
        (AskError::Exited(ExitReason::Normal), 503),
        (AskError::Exited(ExitReason::Disconnected), 503),
        (AskError::Exited(ExitReason::Overloaded), 503),
        (AskError::Refused("no".into()), 422),
    ] {
        assert_eq!(status(&error).as_u16(), expected, "{error}");
        let again = status::failed(&error).headers().contains_key("Retry-After");
        assert_eq!(again, error == AskError::Exited(ExitReason::Overloaded));
    }
}

#[actix_web::test]
async fn a_client_that_goes_away_takes_its_ask_back() {
    let node = Node::local();
    let counter = resource(&node);
    let app = test::init_service(App::new().service(counter.mount("/counter"))).await;
    // The second request waits behind the first one, which its actor does not let go of.
    let pid = Pid::<CounterProtocol>::named("counter", node.address());
    let hanging = node.ask(&pid, Hang, Duration::from_secs(10));
    let request = post("/counter/hang", &Value::Null).to_request();
    {
        let mut waiting = std::pin::pin!(test::call_service(&app, request));
        let asks = || node.view().processes[0].asks.len();
        while asks() < 2 {
            let answered = futures_util::future::poll_immediate(&mut waiting).await;
            assert!(answered.is_none(), "it was answered before the client left");
            tokio::task::yield_now().await;
        }
    }
    drop(hanging);
}

#[actix_web::test]
async fn pages_show_the_node() {
    let node = Node::local();
    node.spawn("counter", |_| Counter(10)).unwrap();
    let readiness = Readiness::new();
    let pages = Pages::new(&node, &readiness);
    let app = test::init_service(App::new().configure(|config| pages.mount(config))).await;
    let page = async |request: TestRequest| {
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let body = test::read_body(response).await;
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(page(get("/ready")).await, (503, "starting\n".to_owned()));
    readiness.ready();
    assert_eq!(page(get("/ready")).await, (200, "ready\n".to_owned()));
    assert_eq!(page(get("/live")).await.0, 200);
    let (_, json) = page(get("/processes")).await;
    let view: NodeView = serde_json::from_str(&json).unwrap();
    assert_eq!(view.processes[0].pid.name(), "counter");
    let (_, json) = page(get("/processes?cluster")).await;
    assert!(json.contains("\"cycles\":[]"), "{json}");
    let text = get("/processes").insert_header(("Accept", "text/plain"));
    let (_, text) = page(text).await;
    assert!(
        text.contains("ready, 1 actor") && text.contains("\n  counter "),
        "{text}"
    );
    let (_, metrics) = page(get("/metrics")).await;
    assert!(metrics.contains("libprocess_ready 1\n"), "{metrics}");
    readiness.draining();
    assert_eq!(page(get("/ready")).await, (503, "draining\n".to_owned()));
    assert_eq!(page(TestRequest::post().uri("/processes")).await.0, 405);
}
