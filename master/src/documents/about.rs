//! What the master is and where it runs.

use std::collections::BTreeMap;

use libprocess::ProcessInfo;
use mesos::version;
use serde::Serialize;
use serde_json::{Value, json};

use crate::metrics::system::System;

/// `/version`. Clients read `version` and compare it; the fields of the build that Mesos has are
/// there for those who expect them.
#[derive(Debug, Serialize)]
pub(super) struct Version {
    pub(super) version: &'static str,
    product: &'static str,
    product_version: &'static str,
    pub(super) build_date: &'static str,
    pub(super) build_time: f64,
    pub(super) build_user: &'static str,
}

impl Version {
    pub(super) fn new() -> Version {
        Version {
            version: version::MESOS_COMPATIBLE,
            product: version::PRODUCT_NAME,
            product_version: version::PRODUCT,
            // Builds are reproducible: neither when nor by whom is in them.
            build_date: "1970-01-01 00:00:00",
            build_time: 0.0,
            build_user: "",
        }
    }
}

/// `/flags`.
#[derive(Debug, Serialize)]
pub(super) struct Flags<'a> {
    pub(super) flags: &'a BTreeMap<String, String>,
}

/// `/system/stats.json`. What the machine does not tell is left out.
#[derive(Debug, Serialize)]
pub(super) struct SystemStats {
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_load_1min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_load_5min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_load_15min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpus_total: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem_total_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem_free_bytes: Option<u64>,
}

impl SystemStats {
    pub(super) fn of(system: System) -> SystemStats {
        let load = |i: usize| system.load.map(|load| load[i]);
        SystemStats {
            avg_load_1min: load(0),
            avg_load_5min: load(1),
            avg_load_15min: load(2),
            cpus_total: system.cpus,
            mem_total_bytes: system.mem_total,
            mem_free_bytes: system.mem_free,
        }
    }
}

/// `/__processes__`: the actors of the node and what waits for them.
pub(super) fn processes(processes: &[ProcessInfo]) -> Vec<Value> {
    let process = |info: &ProcessInfo| {
        json!({
            "id": info.pid.name(),
            "protocol": info.protocol,
            "queued": info.depth,
            "handled": info.handled,
            "dropped": info.dropped,
        })
    };
    processes.iter().map(process).collect()
}
