//! A cluster as text, for terminals.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::cluster::{ClusterView, NodeSight, tree};
use super::view::{LinkView, NodeView, ProcessView, Standing};
use crate::pid::AnyPid;

/// How much room there is.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns; names are shortened to fit.
    pub width: usize,
    /// Actors shown of each node, those with the most to do; the others are counted.
    pub actors: usize,
}

impl Default for Layout {
    /// What fits any terminal.
    fn default() -> Self {
        Self {
            width: 80,
            actors: 40,
        }
    }
}

/// Columns of numbers behind a name: heading and width.
type Columns<const N: usize> = [(&'static str, usize); N];

const ACTOR: Columns<6> = [
    ("DEPTH", 7),
    ("HANDLED", 9),
    ("MSG/S", 8),
    ("BUSY", 7),
    ("DROP", 6),
    ("RST", 5),
];

const LINK: Columns<7> = [
    ("RTT", 7),
    ("SENT", 7),
    ("RECV", 7),
    ("OUT", 7),
    ("IN", 7),
    ("WAIT", 7),
    ("DROP", 6),
];

/// Writes `view` as tables. With an `earlier` view of the same cluster, taken so long before, they show
/// what happens per second; without, `BUSY` is the time since the actor's start.
pub fn render(
    view: &ClusterView,
    earlier: Option<(&ClusterView, Duration)>,
    layout: Layout,
) -> String {
    let mut text = String::new();
    for node in &view.nodes {
        let _ = writeln!(text, "{}", shortened(&heading(node), layout.width));
        if let Some(seen) = &node.view {
            let before = Before::of(node, earlier);
            write_actors(&mut text, seen, &before, layout);
            write_links(&mut text, &seen.links, layout);
        }
        text.push('\n');
    }
    if view.left_out > 0 {
        let more = plural(view.left_out, "more node");
        let _ = writeln!(text, "{more} not asked\n");
    }
    write_waits(&mut text, view, layout);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn heading(node: &NodeSight) -> String {
    let role = match &node.peer {
        Some(peer) => format!(" ({})", peer.role),
        None => String::new(),
    };
    let state = match &node.view {
        Some(seen) => state(seen),
        None => format!(
            ": not seen, {}",
            node.unseen.as_deref().unwrap_or("no reason given")
        ),
    };
    format!("NODE {}{role}{state}", node.address)
}

fn state(seen: &NodeView) -> String {
    let standing = match seen.standing {
        Standing::Unknown => "",
        Standing::Starting => " starting,",
        Standing::Ready => " ready,",
        Standing::Unfit => " NOT READY,",
        Standing::Draining => " draining,",
    };
    let undelivered = match seen.undelivered {
        0 => String::new(),
        many => format!(", {} undelivered", count(many)),
    };
    let refused = match seen.refused {
        0 => String::new(),
        many => format!(", {} refused", count(many)),
    };
    let actors = plural(seen.alive, "actor");
    let links = plural(seen.links.len(), "link");
    format!(":{standing} {actors}, {links}{undelivered}{refused}")
}

/// What the actors of a node had done earlier.
struct Before<'a>(Option<(BTreeMap<&'a AnyPid, &'a ProcessView>, Duration)>);

impl<'a> Before<'a> {
    fn of(node: &NodeSight, earlier: Option<(&'a ClusterView, Duration)>) -> Self {
        let found = earlier.and_then(|(earlier, passed)| {
            let same = |other: &&NodeSight| other.address == node.address;
            let seen = earlier.nodes.iter().find(same)?.view.as_ref()?;
            let by_pid = seen.processes.iter().map(|process| (&process.pid, process));
            Some((by_pid.collect(), passed))
        });
        Self(found)
    }

    /// Messages per second and the share of the time that it ran; without a past, the time itself.
    fn rates(&self, now: &ProcessView) -> (String, String) {
        let busy = Duration::from_micros(now.busy_micros);
        let Some((before, passed)) = &self.0 else {
            return (String::new(), duration(busy));
        };
        // An actor that was not there has done all of it since.
        let before = before.get(&now.pid);
        let (handled, ran) = before.map_or((0, 0), |then| (then.handled, then.busy_micros));
        let seconds = passed.as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = now.handled.saturating_sub(handled) as f64 / seconds;
        let ran = Duration::from_micros(now.busy_micros.saturating_sub(ran));
        let share = 100.0 * ran.as_secs_f64() / seconds;
        let rate = match rate {
            few if few > 0.0 && few < 10.0 => format!("{few:.1}"),
            many => count(many.round() as u64),
        };
        (rate, format!("{share:.1}%"))
    }
}

fn write_actors(text: &mut String, seen: &NodeView, before: &Before<'_>, layout: Layout) {
    let mut shown = seen.clone();
    shown.keep_busiest(layout.actors);
    if shown.processes.is_empty() {
        return;
    }
    row(text, "  ACTOR", &ACTOR.map(heading_of), &ACTOR, layout);
    for (depth, process) in tree(&shown) {
        let (rate, busy) = before.rates(process);
        let blocked = if process.blocked { " (waits)" } else { "" };
        let name = format!(
            "  {:indent$}{}{blocked}",
            "",
            process.pid.name(),
            indent = 2 * depth
        );
        let numbers = [
            count(process.depth as u64),
            count(process.handled),
            rate,
            busy,
            nonzero(process.dropped),
            nonzero(process.restarts),
        ];
        row(text, &name, &numbers, &ACTOR, layout);
    }
    let hidden = seen.alive.saturating_sub(shown.processes.len());
    if hidden > 0 {
        let _ = writeln!(text, "  and {} with less to do", plural(hidden, "actor"));
    }
}

fn write_links(text: &mut String, links: &[LinkView], layout: Layout) {
    if links.is_empty() {
        return;
    }
    row(text, "  LINK TO", &LINK.map(heading_of), &LINK, layout);
    for link in links.iter().take(layout.actors) {
        let role = link.peer.as_ref().map_or("down", |peer| peer.role.as_str());
        let rtt = link.rtt_micros.map(Duration::from_micros);
        let numbers = [
            rtt.map_or_else(String::new, duration),
            count(link.messages_out),
            count(link.messages_in),
            bytes(link.bytes_out),
            bytes(link.bytes_in),
            match link.waiting {
                0 => String::new(),
                some => bytes(some as u64),
            },
            nonzero(link.dropped),
        ];
        let name = format!("  {} {role}", link.address);
        row(text, &name, &numbers, &LINK, layout);
    }
    let hidden = links.len().saturating_sub(layout.actors);
    if hidden > 0 {
        let _ = writeln!(text, "  and {}", plural(hidden, "more link"));
    }
}

fn write_waits(text: &mut String, view: &ClusterView, layout: Layout) {
    if !view.waits.is_empty() {
        text.push_str("WAITS\n");
    }
    for wait in view.waits.iter().take(layout.actors) {
        let begun = if wait.begun { "handled" } else { "queued" };
        let left = duration(Duration::from_millis(wait.left_millis));
        let line = format!(
            "  {} -> {}  {} ({begun}, {left} left)",
            wait.from, wait.to, wait.message
        );
        let _ = writeln!(text, "{}", shortened(&line, layout.width));
    }
    let hidden = view.waits.len().saturating_sub(layout.actors);
    if hidden > 0 {
        let _ = writeln!(text, "  and {}", plural(hidden, "more wait"));
    }
    if !view.cycles.is_empty() {
        text.push_str("\nASK CYCLES\n");
    }
    for cycle in view.cycles.iter().take(layout.actors) {
        // Never shortened: it is what one came for.
        let stuck = if cycle.stuck { "stuck: " } else { "" };
        let _ = writeln!(text, "  {stuck}{cycle}");
    }
}

fn row<const N: usize>(
    text: &mut String,
    name: &str,
    cells: &[String; N],
    columns: &Columns<N>,
    layout: Layout,
) {
    let numbers: usize = columns.iter().map(|(_, width)| width).sum();
    let room = layout.width.saturating_sub(numbers).max(8);
    let mut line = format!("{:<room$}", shortened(name, room));
    for (cell, (_, width)) in cells.iter().zip(columns) {
        let _ = write!(line, "{cell:>width$}");
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

fn heading_of((heading, _): (&str, usize)) -> String {
    heading.to_owned()
}

/// Cut in the middle: beginnings tell what it is, ends which one.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end = (width.saturating_sub(1)) / 3;
    let begin = width.saturating_sub(end + 1);
    let head = text.chars().take(begin);
    let tail = text.chars().skip(length - end);
    head.chain(['…']).chain(tail).collect()
}

fn plural(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

fn nonzero(number: u64) -> String {
    match number {
        0 => String::new(),
        some => count(some),
    }
}

/// At most six characters.
fn count(number: u64) -> String {
    match number {
        0..100_000 => number.to_string(),
        100_000..10_000_000 => format!("{}k", number / 1000),
        _ => scaled(number as f64, 1e6, &["M", "G", "T"]),
    }
}

fn bytes(number: u64) -> String {
    match number {
        0..1000 => format!("{number}B"),
        _ => scaled(number as f64, 1e3, &["kB", "MB", "GB", "TB"]),
    }
}

fn scaled(number: f64, first: f64, units: &[&str]) -> String {
    let mut value = number / first;
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        if value < 1000.0 || units.peek().is_none() {
            let decimals = usize::from(value < 10.0);
            return format!("{value:.decimals$}{unit}");
        }
        value /= 1000.0;
    }
    String::new()
}

fn duration(time: Duration) -> String {
    let micros = time.as_micros() as f64;
    match micros {
        few if few < 1e3 => format!("{few:.0}us"),
        few if few < 1e6 => format!("{:.1}ms", few / 1e3),
        some if some < 1e8 => format!("{:.1}s", some / 1e6),
        many if many < 36e8 => format!("{:.0}min", many / 6e7),
        many => format!("{:.0}h", many / 36e8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::samples;
    use crate::tls::PeerIdentity;

    fn sight(view: NodeView, role: Option<&str>) -> NodeSight {
        NodeSight {
            address: view.address,
            peer: role.map(|role| PeerIdentity::new(role, "x")),
            view: Some(view),
            unseen: None,
        }
    }

    fn cluster() -> ClusterView {
        let (here, there) = ("10.0.0.1:5050", "10.0.0.2:5051");
        let mut master = samples::node(here, &["master", "observer(1)", "zoo"]);
        master.processes[1].parent = Some(samples::pid("master", here));
        master.processes[0].handled = 120;
        master.processes[0].busy_micros = 250_000;
        master.processes[2].restarts = 2;
        master.processes[2].asks = vec![samples::ask(samples::pid("agent", there), false)];
        master.links = vec![samples::link(there)];
        let mut agent = samples::node(there, &["agent"]);
        agent.processes[0].blocked = true;
        agent.processes[0].asks = vec![samples::ask(samples::pid("zoo", here), true)];
        let gone = NodeSight {
            address: "10.0.0.3:1".parse().unwrap(),
            peer: None,
            view: None,
            unseen: Some("no answer in time".into()),
        };
        ClusterView::of(
            vec![sight(master, None), sight(agent, Some("agent")), gone],
            0,
        )
    }

    #[test]
    fn a_cluster_fits_eighty_columns() {
        let expected = "\
NODE 10.0.0.1:5050: ready, 3 actors, 1 link
  ACTOR                                 DEPTH  HANDLED   MSG/S   BUSY  DROP  RST
  master                                    0      120        250.0ms
    observer(1)                             0        0            0us
  zoo                                       0        0            0us          2
  LINK TO                           RTT   SENT   RECV    OUT     IN   WAIT  DROP
  10.0.0.2:5051 agent             250us     30     20  2.0MB  1.0kB            1

NODE 10.0.0.2:5051 (agent): ready, 1 actor, 0 links
  ACTOR                                 DEPTH  HANDLED   MSG/S   BUSY  DROP  RST
  agent (waits)                             0        0            0us

NODE 10.0.0.3:1: not seen, no answer in time

WAITS
  agent@10.0.0.2:5051 -> zoo@10.0.0.1:5050  Add (queued, 4.2s left)
  zoo@10.0.0.1:5050 -> agent@10.0.0.2:5051  Add (handled, 4.2s left)

ASK CYCLES
  agent@10.0.0.2:5051 -> zoo@10.0.0.1:5050 -> agent@10.0.0.2:5051
";
        let text = render(&cluster(), None, Layout::default());
        assert_eq!(text, expected, "\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn with_a_past_it_shows_what_happens_per_second() {
        let earlier = cluster();
        let mut now = cluster();
        let master = &mut now.nodes[0].view.as_mut().unwrap().processes[0];
        master.handled += 5000;
        master.busy_micros += 500_000;
        let past = Some((&earlier, Duration::from_secs(2)));
        let text = render(&now, past, Layout::default());
        let line = "  master                                    0     5120    2500  25.0%\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn long_names_and_many_actors_are_shortened() {
        let mut view = samples::node("10.0.0.1:1", &["a", "b", &"long-".repeat(40)]);
        view.processes[2].depth = 1;
        let view = ClusterView::of(vec![sight(view, None)], 3);
        let layout = Layout {
            width: 80,
            actors: 1,
        };
        let text = render(&view, None, layout);
        assert!(text.contains("long-long-long-lon…g-long-long-"), "{text}");
        assert!(text.contains("  and 2 actors with less to do\n"), "{text}");
        assert!(text.contains("3 more nodes not asked\n"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }

    #[test]
    fn numbers_stay_short() {
        for (number, expected) in [
            (0, "0"),
            (99_999, "99999"),
            (123_456, "123k"),
            (9_999_999, "9999k"),
            (12_345_678, "12M"),
            (5_000_000_000, "5.0G"),
        ] {
            assert_eq!(count(number), expected);
        }
        assert_eq!(bytes(999), "999B");
        assert_eq!(bytes(12_345_678), "12MB");
        assert_eq!(duration(Duration::from_micros(1500)), "1.5ms");
        assert_eq!(duration(Duration::from_secs(7200)), "2h");
    }
}
