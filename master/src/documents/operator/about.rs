//! What the master is and how it does.

use mesos::v1::master::Response;
use mesos::v1::master::response::{
    GetFlags, GetHealth, GetLoggingLevel, GetMaster, GetMetrics, GetVersion, Type,
};
use mesos::v1::{Flag, Metric, VersionInfo};

use super::with;
use crate::documents::{Surroundings, about};
use crate::metrics;
use crate::view::View;

/// Whoever answers is healthy.
pub(super) fn health() -> (Type, Response) {
    let health = GetHealth { healthy: true };
    (Type::GetHealth, with(|r| r.get_health = Some(health)))
}

pub(super) fn flags(view: &View) -> (Type, Response) {
    let flags = view.flags.iter().map(|(name, value)| Flag {
        name: name.clone(),
        value: Some(value.clone()),
    });
    let flags = GetFlags {
        flags: flags.collect(),
    };
    (Type::GetFlags, with(|r| r.get_flags = Some(flags)))
}

pub(super) fn version() -> (Type, Response) {
    let version = GetVersion {
        version_info: about::Version::new().to_v1(),
    };
    (Type::GetVersion, with(|r| r.get_version = Some(version)))
}

/// The call's `timeout` is for gauges that have to be waited for, of which there are none.
pub(super) fn metrics(view: &View, surroundings: &Surroundings) -> (Type, Response) {
    let all = metrics::all(view, surroundings).into_iter();
    let metrics = all.map(|metric| Metric {
        name: metric.name,
        value: Some(metric.value),
    });
    let metrics = GetMetrics {
        metrics: metrics.collect(),
    };
    (Type::GetMetrics, with(|r| r.get_metrics = Some(metrics)))
}

pub(super) fn master(view: &View) -> (Type, Response) {
    let master = GetMaster {
        master_info: Some((*view.master).clone()),
        start_time: Some(view.started.as_secs_f64()),
        elected_time: view.elected.map(|time| time.as_secs_f64()),
    };
    (Type::GetMaster, with(|r| r.get_master = Some(master)))
}

/// Verbosity beyond what the flags say; nothing raises it at run time.
pub(super) fn logging_level() -> (Type, Response) {
    let level = GetLoggingLevel { level: 0 };
    let response = with(|r| r.get_logging_level = Some(level));
    (Type::GetLoggingLevel, response)
}

impl about::Version {
    fn to_v1(&self) -> VersionInfo {
        VersionInfo {
            version: self.version.to_owned(),
            build_date: Some(self.build_date.to_owned()),
            build_time: Some(self.build_time),
            build_user: Some(self.build_user.to_owned()),
            ..Default::default()
        }
    }
}
