//! `allocator/mesos/*`: how the allocator does, and what its books say.
//!
//! Names are those of Mesos. `frameworks_at_offer_limit` is ours; what Mesos counts in `consumed`
//! under a role without a name is left out.

use mesos::resources::Quantity;

use super::{Labelled, Metric};
use crate::allocator::{PERCENTILES, Report, RoleFigures, Timing};

/// Before each name.
pub(super) const PREFIX: &str = "allocator/mesos/";

/// Those that are always there, whatever agents have.
const ALWAYS: [&str; 3] = ["cpus", "disk", "mem"];

pub(super) fn metrics(report: &Report) -> Vec<Metric> {
    let mut metrics = vec![
        Metric::counter(format!("{PREFIX}allocation_runs"), report.runs),
        Metric::gauge(
            format!("{PREFIX}frameworks_at_offer_limit"),
            report.figures.frameworks_at_offer_limit as f64,
        ),
    ];
    timing("allocation_run_ms", report.run.as_ref(), &mut metrics);
    timing(
        "allocation_run_latency_ms",
        report.latency.as_ref(),
        &mut metrics,
    );
    resources(report, &mut metrics);
    for (name, role) in &report.figures.roles {
        of_role(name, role, &mut metrics);
    }
    metrics
}

fn timing(name: &str, timing: Option<&Timing>, metrics: &mut Vec<Metric>) {
    let Some(timing) = timing else { return };
    let name = format!("{PREFIX}{name}");
    metrics.push(Metric::counter(format!("{name}/count"), timing.count));
    metrics.push(Metric::gauge(format!("{name}/min"), timing.min));
    metrics.push(Metric::gauge(format!("{name}/max"), timing.max));
    for ((part, _), time) in PERCENTILES.iter().zip(timing.percentiles) {
        metrics.push(Metric::gauge(format!("{name}/{part}"), time));
    }
    metrics.push(Metric::gauge(name, timing.last));
}

fn resources(report: &Report, metrics: &mut Vec<Metric>) {
    let known = &report.figures.resources;
    let absent = ALWAYS.into_iter().filter(|name| !known.contains_key(*name));
    for name in known.keys().map(String::as_str).chain(absent) {
        let figures = known.get(name).copied().unwrap_or_default();
        let mut add = |what: &str, quantity: Quantity| {
            metrics.push(Metric {
                name: format!("{PREFIX}resources/{name}/{what}"),
                value: quantity.to_f64(),
                is_counter: false,
                labelled: Some(Labelled {
                    family: format!("{PREFIX}resources/{what}"),
                    labels: vec![("resource", name.to_owned())],
                }),
            });
        };
        add("total", figures.total);
        add("offered_or_allocated", figures.taken);
    }
}

fn of_role(role: &str, figures: &RoleFigures, metrics: &mut Vec<Metric>) {
    let label = || vec![("role", role.to_owned())];
    let mut add = |name: String, family: String, labels, value| {
        metrics.push(Metric {
            name: format!("{PREFIX}{name}"),
            value,
            is_counter: false,
            labelled: Some(Labelled {
                family: format!("{PREFIX}{family}"),
                labels,
            }),
        });
    };
    let active = "offer_filters/active".to_owned();
    let name = format!("offer_filters/roles/{role}/active");
    add(name, active, label(), figures.refusals as f64);
    let name = format!("roles/{role}/shares/dominant");
    let family = "shares/dominant".to_owned();
    add(name, family, label(), figures.dominant_share);
    for (resource, quota) in &figures.quota {
        let has_quota = quota.guarantee.is_some() || quota.limit.is_some();
        let consumed = Some(quota.consumed).filter(|consumed| has_quota || !consumed.is_zero());
        for (what, quantity) in [
            ("guarantee", quota.guarantee),
            ("limit", quota.limit),
            ("offered_or_allocated", has_quota.then_some(quota.taken)),
            ("consumed", consumed),
        ] {
            let Some(quantity) = quantity else { continue };
            let name = format!("quota/roles/{role}/resources/{resource}/{what}");
            let mut labels = label();
            labels.push(("resource", resource.clone()));
            add(name, format!("quota/{what}"), labels, quantity.to_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::allocator::{Figures, QuotaFigures, ResourceFigures};

    #[test]
    fn names_are_those_of_mesos() {
        let one = Quantity::from_milli(1_000);
        let quota = QuotaFigures {
            guarantee: Some(one),
            limit: None,
            consumed: Quantity::ZERO,
            taken: one,
        };
        let used = QuotaFigures {
            consumed: one,
            ..QuotaFigures::default()
        };
        let role = RoleFigures {
            refusals: 3,
            dominant_share: 0.25,
            quota: BTreeMap::from([("cpus".to_owned(), quota), ("mem".to_owned(), used)]),
        };
        let time = Timing {
            last: 1.0,
            count: 7,
            min: 0.5,
            max: 2.0,
            percentiles: [1.5; PERCENTILES.len()],
        };
        let report = Report {
            runs: 7,
            run: Some(time),
            latency: None,
            figures: Figures {
                resources: BTreeMap::from([(
                    "cpus".to_owned(),
                    ResourceFigures {
                        total: one,
                        taken: one,
                    },
                )]),
                roles: BTreeMap::from([("eng/web".into(), role)]),
                frameworks_at_offer_limit: 0,
            },
        };
        let listed: Vec<String> = metrics(&report)
            .iter()
            .map(|metric| format!("{} {}", metric.name.replace(PREFIX, ""), metric.value))
            .collect();
        let expected = [
            "allocation_runs 7",
            "frameworks_at_offer_limit 0",
            "allocation_run_ms/count 7",
            "allocation_run_ms/min 0.5",
            "allocation_run_ms/max 2",
            "allocation_run_ms/p50 1.5",
            "allocation_run_ms/p90 1.5",
            "allocation_run_ms/p95 1.5",
            "allocation_run_ms/p99 1.5",
            "allocation_run_ms/p999 1.5",
            "allocation_run_ms/p9999 1.5",
            "allocation_run_ms 1",
            "resources/cpus/total 1",
            "resources/cpus/offered_or_allocated 1",
            "resources/disk/total 0",
            "resources/disk/offered_or_allocated 0",
            "resources/mem/total 0",
            "resources/mem/offered_or_allocated 0",
            "offer_filters/roles/eng/web/active 3",
            "roles/eng/web/shares/dominant 0.25",
            "quota/roles/eng/web/resources/cpus/guarantee 1",
            "quota/roles/eng/web/resources/cpus/offered_or_allocated 1",
            "quota/roles/eng/web/resources/cpus/consumed 0",
            "quota/roles/eng/web/resources/mem/consumed 1",
        ];
        assert_eq!(listed, expected);
    }
}
