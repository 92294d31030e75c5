//! The text form that Prometheus reads.
//!
//! Names are Mesos' with `mesos_` before them and `_` for what Prometheus does not allow;
//! metrics of one framework are labelled instead of named after it. Sums over labels are left out,
//! Prometheus makes them itself.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Metric;

/// The media type.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes metrics, one family after the other as the format demands.
pub(crate) fn text(metrics: &[Metric]) -> String {
    let mut families: BTreeMap<String, Vec<(String, &Metric)>> = BTreeMap::new();
    for metric in metrics {
        let (family, labels) = match &metric.labelled {
            Some(labelled) => (labelled.family.as_str(), labels(&labelled.labels)),
            None if metric.name.starts_with("master/frameworks/") => continue,
            None => (metric.name.as_str(), String::new()),
        };
        families
            .entry(name(family))
            .or_default()
            .push((labels, metric));
    }
    let mut text = String::new();
    for (family, samples) in families {
        let is_counter = samples.iter().all(|(_, metric)| metric.is_counter);
        let kind = if is_counter { "counter" } else { "gauge" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# TYPE {family} {kind}");
        for (labels, metric) in samples {
            let _ = writeln!(text, "{family}{labels} {}", metric.value);
        }
    }
    text
}

fn name(mesos: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("mesos_{}", mesos.chars().map(allowed).collect::<String>())
}

fn labels(labels: &[(&'static str, String)]) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
        .collect();
    format!("{{{}}}", labels.join(","))
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::Labelled;
    use super::*;

    #[test]
    fn families_are_together_and_labels_escaped() {
        let labelled = |id: &str, value| Metric {
            labelled: Some(Labelled {
                family: "master/framework/calls".into(),
                labels: vec![("framework_id", id.into())],
            }),
            ..Metric::counter(format!("master/frameworks/{id}/calls/kill"), value)
        };
        let metrics = [
            labelled("a\"\n\\", 1),
            Metric::gauge("master/uptime_secs", 1.5),
            labelled("b", 2),
            Metric::counter("master/frameworks/b/calls", 2),
        ];
        let expected = "# TYPE mesos_master_framework_calls counter\n\
            mesos_master_framework_calls{framework_id=\"a\\\"\\n\\\\\"} 1\n\
            mesos_master_framework_calls{framework_id=\"b\"} 2\n\
            # TYPE mesos_master_uptime_secs gauge\n\
            mesos_master_uptime_secs 1.5\n";
        assert_eq!(text(&metrics), expected);
    }
}
