//! Metrics: numbers under Mesos' names, made from the view when somebody asks.
//!
//! Nothing counts here. Gauges are read off the cluster; counters are the core's own
//! ([`Counters`](crate::state::Counters)). Names and meanings: Mesos'
//! `docs/monitoring.md`.
//!
//! | File | Subject |
//! |---|---|
//! | `allocator` | `allocator/mesos/*` |
//! | `cluster` | `master/*`: agents, frameworks, tasks, resources, queues |
//! | `operations` | `master/operations/*` |
//! | `frameworks` | `master/frameworks/<name>/<id>/*` |
//! | `prometheus` | the text form |
//! | `system` | `system/*` |

mod allocator;
mod cluster;
mod frameworks;
mod operations;
mod prometheus;
pub mod system;

use serde_json::{Map, Value};

use crate::documents::Surroundings;
use crate::view::View;

pub(crate) use prometheus::{CONTENT_TYPE, text};

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    /// Mesos' name.
    pub(crate) name: String,
    /// The number.
    pub(crate) value: f64,
    /// Whether it only ever grows.
    pub(crate) is_counter: bool,
    /// Where Prometheus has one name with labels for what are many names in Mesos.
    pub(crate) labelled: Option<Labelled>,
}

/// A name and labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Labelled {
    pub(crate) family: String,
    pub(crate) labels: Vec<(&'static str, String)>,
}

impl Metric {
    fn gauge(name: impl Into<String>, value: f64) -> Metric {
        Metric {
            name: name.into(),
            value,
            is_counter: false,
            labelled: None,
        }
    }

    fn counter(name: impl Into<String>, value: u64) -> Metric {
        Metric {
            is_counter: true,
            ..Metric::gauge(name, value as f64)
        }
    }
}

/// All of them, at one moment.
pub(crate) fn all(view: &View, surroundings: &Surroundings) -> Vec<Metric> {
    let mut metrics = cluster::metrics(view, surroundings);
    metrics.extend(operations::metrics(view));
    let frameworks = view.cluster.frameworks.values();
    let all_frameworks = frameworks.chain(view.cluster.completed_frameworks.iter());
    metrics.extend(all_frameworks.flat_map(|framework| frameworks::metrics(framework)));
    metrics.extend(allocator::metrics(&surroundings.allocator));
    metrics
}

/// The flat form of `/metrics/snapshot`.
pub(crate) fn snapshot(view: &View, surroundings: &Surroundings) -> Map<String, Value> {
    let metrics = all(view, surroundings).into_iter();
    metrics
        .map(|metric| (metric.name, Value::from(metric.value)))
        .collect()
}
