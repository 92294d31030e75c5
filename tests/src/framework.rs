//! A framework over HTTP, with the test for a scheduler.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::post;

/// Longer than a loaded machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(90);

/// A subscribed v1 framework; its subscription ends with it.
pub struct Framework {
    master: String,
    id: Value,
    stream_id: String,
    events: Receiver<Value>,
    early: VecDeque<Value>,
}

impl Framework {
    /// Subscribes with this `FrameworkInfo`.
    #[track_caller]
    pub fn subscribe(master: &str, info: &Value) -> Framework {
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let client: ureq::Agent = ureq::Agent::config_builder().build().into();
        let response = client
            .post(format!("http://{master}/api/v1/scheduler"))
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .send(call.to_string())
            .expect("a subscription");
        let stream_id = response.headers()["mesos-stream-id"].to_str();
        let stream_id = stream_id.expect("a stream id").to_owned();
        let events = records(response.into_body().into_reader());
        let mut framework = Framework {
            master: master.to_owned(),
            id: Value::Null,
            stream_id,
            events,
            early: VecDeque::new(),
        };
        let subscribed = framework.event("SUBSCRIBED", |_| true);
        framework.id = subscribed["subscribed"]["framework_id"].clone();
        framework
    }

    /// The next event of a type that is wanted; others of that type are gone, all others are kept.
    #[track_caller]
    pub fn event(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut kept = VecDeque::new();
        loop {
            let event = self.early.pop_front().or_else(|| {
                let left = until.saturating_duration_since(Instant::now());
                self.events.recv_timeout(left).ok()
            });
            let event = event.unwrap_or_else(|| panic!("no {kind} in time; others: {kept:?}"));
            if event["type"] == *kind {
                if wanted(&event) {
                    kept.append(&mut self.early);
                    self.early = kept;
                    return event;
                }
            } else {
                kept.push_back(event);
            }
        }
    }

    /// Whether an offer is known to be taken back.
    fn is_rescinded(&mut self, offer: &Value) -> bool {
        self.early.extend(self.events.try_iter());
        let rescinds = self.early.iter().filter(|event| event["type"] == "RESCIND");
        let mut taken_back = rescinds.map(|event| &event["rescind"]["offer_id"]);
        taken_back.any(|id| *id == offer["id"])
    }

    /// The next offer that stands and has what is wanted; others are declined for no time.
    #[track_caller]
    pub fn offer(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut event = self.event("OFFERS", |_| true);
            let offers = event["offers"]["offers"].take();
            for offer in offers.as_array().expect("offers") {
                if self.is_rescinded(offer) {
                    continue;
                }
                if wanted(offer) {
                    return offer.clone();
                }
                self.call(json!({"type": "DECLINE", "decline": {
                    "offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}}}));
            }
        }
    }

    /// Accepts an offer with these operations.
    #[track_caller]
    pub fn accept(&self, offer: &Value, operations: Value) {
        self.call(json!({"type": "ACCEPT", "accept": {
            "offer_ids": [offer["id"]], "operations": operations,
            "filters": {"refuse_seconds": 0}}}));
    }

    /// Waits for the end of a task, acknowledging all that is told of any; answers its state.
    #[track_caller]
    pub fn end_of(&mut self, task: &str) -> String {
        loop {
            let event = self.event("UPDATE", |_| true);
            let status = &event["update"]["status"];
            if status["uuid"].is_string() {
                self.call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
                    "agent_id": status["agent_id"], "task_id": status["task_id"],
                    "uuid": status["uuid"]}}));
            }
            let state = status["state"].as_str().expect("a state");
            let goes_on = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"].contains(&state);
            if status["task_id"]["value"] == *task && !goes_on {
                return format!("{state} {}", status["message"]);
            }
        }
    }

    /// Waits for the end of an operation and acknowledges it; answers its state.
    #[track_caller]
    pub fn end_of_operation(&mut self, id: &str) -> String {
        let of_it = |event: &Value| {
            let status = &event["update_operation_status"]["status"];
            status["operation_id"]["value"] == *id
        };
        let event = self.event("UPDATE_OPERATION_STATUS", of_it);
        let status = &event["update_operation_status"]["status"];
        if let Some(uuid) = status["uuid"]["value"].as_str() {
            self.call(json!({"type": "ACKNOWLEDGE_OPERATION_STATUS",
                "acknowledge_operation_status": {
                    "agent_id": status["agent_id"], "operation_id": {"value": id},
                    "uuid": uuid}}));
        }
        status["state"].as_str().expect("a state").to_owned()
    }

    /// A call that must be accepted.
    #[track_caller]
    pub fn call(&self, mut call: Value) {
        call["framework_id"] = self.id.clone();
        let headers = [
            ("Content-Type", "application/json"),
            ("Mesos-Stream-Id", &self.stream_id),
        ];
        let body = call.to_string();
        let answer = post(&self.master, "/api/v1/scheduler", &headers, body.as_bytes());
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 202, "{call}: {}", answer.body);
    }
}

/// The records of a stream, as they come. Ends with the stream, or when nobody listens any more.
pub(crate) fn records(body: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, events) = mpsc::channel();
    std::thread::spawn(move || {
        let mut body = BufReader::new(body);
        while let Some(event) = record(&mut body) {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    events
}

/// One record: its length in bytes, a line feed, and as many bytes of JSON.
fn record(from: &mut impl BufRead) -> Option<Value> {
    let mut length = String::new();
    from.read_line(&mut length).ok()?;
    let mut bytes = vec![0; length.trim().parse().ok()?];
    from.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}
