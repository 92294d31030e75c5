//! An operator who follows the events of a cluster over HTTP.

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::framework::records;

/// Longer than a loaded machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(90);

/// A subscription to the events of a master.
pub struct OperatorEvents {
    events: Receiver<Value>,
}

impl OperatorEvents {
    /// Subscribes, after `revision` if one is given.
    ///
    /// # Errors
    /// The status code of a refusal.
    #[track_caller]
    pub fn subscribe(master: &str, revision: Option<&str>) -> Result<OperatorEvents, u16> {
        let query = revision.map_or(String::new(), |revision| format!("?revision={revision}"));
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let client: ureq::Agent = config.build().into();
        let response = client
            .post(format!("http://{master}/api/v1{query}"))
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .send(r#"{"type":"SUBSCRIBE"}"#);
        let response = response.expect("an answer");
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        let events = records(response.into_body().into_reader());
        Ok(OperatorEvents { events })
    }

    /// The next event.
    #[track_caller]
    pub fn event(&self) -> Value {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    /// All events up to and with the first one of this type, without heartbeats.
    #[track_caller]
    pub fn until(&self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.event();
            let is_last = event["type"] == *kind;
            if is_last || event["type"] != "HEARTBEAT" {
                events.push(event);
            }
            if is_last {
                return events;
            }
        }
    }

    /// Whether the stream ends, whatever comes before.
    #[track_caller]
    pub fn ends(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}
