//! `master/frameworks/<name>/<id>/*`: what one framework called, was sent and runs.

use std::fmt::Write;

use imbl::OrdMap;
use mesos::v1::TaskState;
use mesos::v1::offer::operation;
use mesos::v1::scheduler::{call, event};

use super::cluster::short_name;
use super::{Labelled, Metric};
use crate::state::Framework;

const ACTIVE: [TaskState; 6] = [
    TaskState::TaskStaging,
    TaskState::TaskStarting,
    TaskState::TaskRunning,
    TaskState::TaskKilling,
    TaskState::TaskUnreachable,
    TaskState::TaskUnknown,
];

const TERMINAL: [TaskState; 8] = [
    TaskState::TaskFinished,
    TaskState::TaskFailed,
    TaskState::TaskKilled,
    TaskState::TaskLost,
    TaskState::TaskError,
    TaskState::TaskDropped,
    TaskState::TaskGone,
    TaskState::TaskGoneByOperator,
];

pub(super) fn metrics(framework: &Framework) -> Vec<Metric> {
    let mut list = List::of(framework);
    let traffic = &framework.traffic;
    list.by_type("calls", &traffic.calls, |number| {
        call::Type::try_from(number)
            .ok()
            .map(|kind| kind.as_str_name())
    });
    list.by_type("events", &traffic.events, |number| {
        event::Type::try_from(number)
            .ok()
            .map(|kind| kind.as_str_name())
    });
    list.by_type("operations", &traffic.operations, |number| {
        operation::Type::try_from(number)
            .ok()
            .map(|kind| kind.as_str_name())
    });
    for (fate, count) in [
        ("sent", traffic.offers_sent),
        ("accepted", traffic.offers_accepted),
        ("declined", traffic.offers_declined),
        ("rescinded", traffic.offers_rescinded),
    ] {
        list.add("offers", ("fate", fate), count as f64, true);
    }
    for state in ACTIVE {
        let count = framework.counts.get(state) as f64;
        list.add("tasks/active", ("state", &task(state)), count, false);
    }
    for state in TERMINAL {
        let count = framework.counts.get(state) as f64;
        list.add("tasks/terminal", ("state", &task(state)), count, true);
    }
    for role in framework.roles.iter() {
        let suppressed = f64::from(u8::from(framework.suppressed_roles.contains(role)));
        list.add(
            "roles",
            ("role", &format!("{role}/suppressed")),
            suppressed,
            false,
        );
    }
    list.single("subscribed", f64::from(u8::from(framework.connected())));
    list.metrics
}

fn task(state: TaskState) -> String {
    format!("task_{}", short_name(state))
}

/// The metrics of one framework as they come together.
struct List {
    prefix: String,
    labels: Vec<(&'static str, String)>,
    metrics: Vec<Metric>,
}

impl List {
    fn of(framework: &Framework) -> List {
        let (name, id) = (&framework.info.name, &framework.id.value);
        List {
            prefix: format!("master/frameworks/{}/{id}/", encode(name)),
            labels: vec![("framework", name.clone()), ("framework_id", id.clone())],
            metrics: Vec::new(),
        }
    }

    /// All known types, also those that never occurred, and their sum.
    fn by_type(
        &mut self,
        group: &'static str,
        counts: &OrdMap<i32, u64>,
        name: impl Fn(i32) -> Option<&'static str>,
    ) {
        let total: u64 = counts.values().sum();
        self.metrics
            .push(Metric::counter(format!("{}{group}", self.prefix), total));
        // Enums of the API are numbered without large gaps.
        for number in 1..64 {
            let Some(kind) = name(number) else { continue };
            let count = counts.get(&number).copied().unwrap_or(0);
            self.add(group, ("type", &kind.to_lowercase()), count as f64, true);
        }
    }

    fn add(
        &mut self,
        group: &str,
        (label, value): (&'static str, &str),
        number: f64,
        counter: bool,
    ) {
        let mut labels = self.labels.clone();
        labels.push((label, value.to_owned()));
        let family = format!("master/framework/{group}");
        self.metrics.push(Metric {
            name: format!("{}{group}/{value}", self.prefix),
            value: number,
            is_counter: counter,
            labelled: Some(Labelled { family, labels }),
        });
    }

    fn single(&mut self, name: &str, value: f64) {
        self.metrics.push(Metric {
            labelled: Some(Labelled {
                family: format!("master/framework/{name}"),
                labels: self.labels.clone(),
            }),
            ..Metric::gauge(format!("{}{name}", self.prefix), value)
        });
    }
}

/// Percent-encodes what would make two parts of a name out of one.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
