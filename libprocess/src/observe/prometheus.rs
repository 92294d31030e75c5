//! The text form that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::view::{NodeView, Standing};

/// The media type.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Actors that have series of their own. With more, those of one protocol are added up: a node with a
/// million actors must not make ten million series.
const SERIES: usize = 1000;

/// The metrics of one node, in the text format.
pub fn metrics(view: &NodeView) -> String {
    let mut page = Page::default();
    let ready = f64::from(u8::from(view.standing == Standing::Ready));
    page.gauge("ready", "Whether the node takes work.", "", ready);
    page.gauge("actors", "Actors alive.", "", view.alive as f64);
    let undelivered = "Messages that found no actor.";
    page.counter("undelivered_total", undelivered, "", view.undelivered);
    let refused = "Messages that peers were not allowed to send.";
    page.counter("refused_total", refused, "", view.refused);
    processes(&mut page, view);
    links(&mut page, view);
    page.text()
}

fn processes(page: &mut Page, view: &NodeView) {
    let each = view.processes.len() <= SERIES;
    for process in &view.processes {
        let protocol = escaped(&process.protocol);
        let labels = match each {
            true => format!(
                "{{actor=\"{}\",protocol=\"{protocol}\"}}",
                escaped(process.pid.name())
            ),
            false => format!("{{protocol=\"{protocol}\"}}"),
        };
        let labels = labels.as_str();
        page.gauge(
            "mailbox_depth",
            "Deliveries waiting in mailboxes.",
            labels,
            process.depth as f64,
        );
        page.gauge(
            "mailbox_capacity",
            "Messages from the own node that may wait there.",
            labels,
            process.capacity as f64,
        );
        page.counter(
            "handled_total",
            "Messages handled.",
            labels,
            process.handled,
        );
        page.counter(
            "dropped_total",
            "Messages dropped at full mailboxes.",
            labels,
            process.dropped,
        );
        page.counter_f64(
            "busy_seconds_total",
            "Time spent running actors.",
            labels,
            seconds(process.busy_micros),
        );
        page.counter(
            "restarts_total",
            "Restarts by supervisors.",
            labels,
            process.restarts,
        );
        page.gauge(
            "asks_unanswered",
            "Asks that actors have yet to answer.",
            labels,
            process.asks.len() as f64,
        );
    }
}

fn links(page: &mut Page, view: &NodeView) {
    for link in &view.links {
        let peer = link
            .peer
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let labels = format!(
            "{{address=\"{}\",peer=\"{}\"}}",
            link.address,
            escaped(&peer)
        );
        let labels = labels.as_str();
        page.gauge(
            "link_up",
            "Whether the link to another node is up.",
            labels,
            f64::from(u8::from(link.peer.is_some())),
        );
        if let Some(micros) = link.rtt_micros {
            let help = "Estimated round trip time.";
            page.gauge("link_rtt_seconds", help, labels, seconds(micros));
        }
        for (name, help, value) in [
            ("link_sent_bytes_total", "Bytes sent.", link.bytes_out),
            (
                "link_received_bytes_total",
                "Bytes received.",
                link.bytes_in,
            ),
            (
                "link_sent_messages_total",
                "Messages sent.",
                link.messages_out,
            ),
            (
                "link_received_messages_total",
                "Messages received.",
                link.messages_in,
            ),
            (
                "link_dropped_messages_total",
                "Messages received that reached nobody.",
                link.dropped,
            ),
            (
                "link_lost_packets_total",
                "Packets lost and sent again.",
                link.lost_packets,
            ),
        ] {
            page.counter(name, help, labels, value);
        }
        let help = "Bytes that wait to be sent.";
        page.gauge("link_waiting_bytes", help, labels, link.waiting as f64);
        let help = "Asks at the other node without an answer yet.";
        page.gauge("link_asks", help, labels, link.asks as f64);
    }
}

/// Families by name, each together as the format demands.
#[derive(Default)]
struct Page(BTreeMap<&'static str, Family>);

struct Family {
    kind: &'static str,
    help: &'static str,
    /// By labels; what has the same labels is added up.
    samples: BTreeMap<String, f64>,
}

impl Page {
    fn gauge(&mut self, name: &'static str, help: &'static str, labels: &str, value: f64) {
        self.add("gauge", name, help, labels, value);
    }

    fn counter(&mut self, name: &'static str, help: &'static str, labels: &str, value: u64) {
        self.add("counter", name, help, labels, value as f64);
    }

    fn counter_f64(&mut self, name: &'static str, help: &'static str, labels: &str, value: f64) {
        self.add("counter", name, help, labels, value);
    }

    fn add(
        &mut self,
        kind: &'static str,
        name: &'static str,
        help: &'static str,
        labels: &str,
        value: f64,
    ) {
        let family = self.0.entry(name).or_insert_with(|| Family {
            kind,
            help,
            samples: BTreeMap::new(),
        });
        match family.samples.get_mut(labels) {
            Some(sum) => *sum += value,
            None => drop(family.samples.insert(labels.to_owned(), value)),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP libprocess_{name} {}", family.help);
            let _ = writeln!(text, "# TYPE libprocess_{name} {}", family.kind);
            for (labels, value) in &family.samples {
                let _ = writeln!(text, "libprocess_{name}{labels} {value}");
            }
        }
        text
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::samples;

    #[test]
    fn every_number_has_a_family_with_help_and_type() {
        let mut view = samples::node("10.0.0.1:1", &["a\"\n\\", "b"]);
        view.processes[1].handled = 7;
        view.processes[1].busy_micros = 1_500_000;
        view.links = vec![samples::link("10.0.0.2:1")];
        let text = metrics(&view);
        for line in [
            "# HELP libprocess_handled_total Messages handled.\n# TYPE libprocess_handled_total counter\n\
             libprocess_handled_total{actor=\"a\\\"\\n\\\\\",protocol=\"p\"} 0\n\
             libprocess_handled_total{actor=\"b\",protocol=\"p\"} 7\n",
            "libprocess_busy_seconds_total{actor=\"b\",protocol=\"p\"} 1.5\n",
            "# TYPE libprocess_link_rtt_seconds gauge\n\
             libprocess_link_rtt_seconds{address=\"10.0.0.2:1\",peer=\"agent/x\"} 0.00025\n",
            "libprocess_actors 2\n",
        ] {
            assert!(text.contains(line), "{line}\nis not in\n{text}");
        }
        let families = text.lines().filter(|line| line.starts_with("# TYPE"));
        let mut names: Vec<_> = families.collect();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a family is there twice");
    }

    #[test]
    fn of_very_many_actors_those_of_a_protocol_are_added_up() {
        let names: Vec<String> = (0..=SERIES).map(|n| format!("a{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut view = samples::node("10.0.0.1:1", &names);
        view.processes.iter_mut().for_each(|p| p.handled = 2);
        let text = metrics(&view);
        let sum = 2 * (SERIES + 1);
        assert!(text.contains(&format!(
            "libprocess_handled_total{{protocol=\"p\"}} {sum}\n"
        )));
        assert!(text.lines().count() < 100);
    }
}
