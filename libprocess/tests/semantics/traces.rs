//! What a subscriber of `tracing` sees of messages: one trace across nodes, and in it who caused what.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::common::SOON;
use libprocess::prelude::*;
use libprocess::sim;
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Asks the next one, twice, and answers with the sum of the answers; the last one answers 1.
#[derive(Clone, Serialize, Deserialize)]
struct Count(Vec<Pid<LinkProtocol>>);

protocol! { LinkProtocol = "link" { 1 => Count -> u64, 2 => Pass -> () } }

struct Link;

impl Actor for Link {
    type Context = Context<Self>;
}

impl Process for Link {
    type Protocol = LinkProtocol;
}

impl Handler<Count> for Link {
    type Result = ResponseActFuture<Self, u64>;

    fn handle(&mut self, Count(mut chain): Count, ctx: &mut Context<Self>) -> Self::Result {
        if chain.is_empty() {
            return Box::pin(async { 1 }.into_actor(self));
        }
        let next = chain.remove(0);
        let first = ctx.ask(&next, Count(chain.clone()), SOON);
        let both =
            first
                .into_actor(self)
                .then(move |first, link: &mut Link, ctx: &mut Context<Link>| {
                    // No handler runs here, but what it began goes on.
                    let second = ctx.ask(&next, Count(chain), SOON).into_actor(link);
                    second.map(move |second, _, _| first.unwrap() + second.unwrap())
                });
        Box::pin(both)
    }
}

/// Tells the next one.
#[derive(Serialize, Deserialize)]
struct Pass(Vec<Pid<LinkProtocol>>);

impl Handler<Pass> for Link {
    type Result = ();

    fn handle(&mut self, Pass(mut chain): Pass, ctx: &mut Context<Self>) {
        if !chain.is_empty() {
            let next = chain.remove(0);
            ctx.tell(&next, Pass(chain));
        }
    }
}

/// Remembers all spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected(Vec<Seen>);

struct Seen {
    name: &'static str,
    fields: Fields,
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Collector {
    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap()
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("libprocess::") && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut collected = self.lock();
        collected.0.push(Seen {
            name: attributes.metadata().name(),
            fields,
        });
        Id::from_u64(collected.0.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut collected = self.lock();
        values.record(&mut collected.0[span.into_u64() as usize - 1].fields);
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

impl Collected {
    /// A line a span, below its parent, which may be on another node.
    fn tree(&self, parent: &str, indent: usize) -> String {
        let mut lines = String::new();
        for span in &self.0 {
            let field = |name| span.fields.0.get(name).map_or("", String::as_str);
            if field("parent") != parent {
                continue;
            }
            let what = match span.name {
                "ask" => format!("asks {}: {}", field("to"), field("answer")),
                _ => format!("{} from {}", field("actor"), field("sender")),
            };
            lines.push_str(&format!("{:indent$}{} {what}\n", "", field("message")));
            lines.push_str(&self.tree(field("span"), indent + 2));
        }
        lines
    }
}

/// Starts a chain on as many nodes, gives it to `scenario` together with a client, and returns what was collected: one
/// trace, as a tree.
fn trace<F, R>(nodes: usize, scenario: F) -> String
where
    F: FnOnce(Node, Vec<Pid<LinkProtocol>>) -> R,
    R: Future<Output = ()>,
{
    let collector = Collector::default();
    let collected = collector.clone();
    // One thread: what the world does is seen by the subscriber of this thread.
    tracing::subscriber::with_default(collector, || {
        sim::run(1, |net| async move {
            let mut chain = Vec::new();
            for n in 1..=nodes {
                let node = net.node(&format!("10.0.0.{n}:1")).await;
                chain.push(node.spawn("link", |_| Link).unwrap());
            }
            scenario(net.node("10.0.0.9:1").await, chain).await;
            net.advance(SOON).await;
        });
    });
    let collected = collected.lock();
    let traces = collected.0.iter().map(|span| &span.fields.0["trace"]);
    let mut traces: Vec<_> = traces.collect();
    traces.dedup();
    assert_eq!(traces.len(), 1, "one trace: {traces:?}");
    collected.tree("", 0)
}

#[test]
fn one_trace_follows_asks_across_three_nodes() {
    let tree = trace(3, |client, mut chain| async move {
        let first = chain.remove(0);
        assert_eq!(client.ask(&first, Count(chain), SOON).await, Ok(4));
    });
    let expected = "\
Count asks link@10.0.0.1:1: ok
  Count link@10.0.0.1:1 from outside
    Count asks link@10.0.0.2:1: ok
      Count link@10.0.0.2:1 from link@10.0.0.1:1
        Count asks link@10.0.0.3:1: ok
          Count link@10.0.0.3:1 from link@10.0.0.2:1
        Count asks link@10.0.0.3:1: ok
          Count link@10.0.0.3:1 from link@10.0.0.2:1
    Count asks link@10.0.0.2:1: ok
      Count link@10.0.0.2:1 from link@10.0.0.1:1
        Count asks link@10.0.0.3:1: ok
          Count link@10.0.0.3:1 from link@10.0.0.2:1
        Count asks link@10.0.0.3:1: ok
          Count link@10.0.0.3:1 from link@10.0.0.2:1
";
    assert_eq!(tree, expected, "\n{tree}");
}

#[test]
fn what_is_told_on_is_below_what_it_came_of() {
    let tree = trace(3, |client, mut chain| async move {
        let first = chain.remove(0);
        client.tell(&first, Pass(chain));
    });
    let expected = "\
Pass link@10.0.0.1:1 from outside
  Pass link@10.0.0.2:1 from link@10.0.0.1:1
    Pass link@10.0.0.3:1 from link@10.0.0.2:1
";
    assert_eq!(tree, expected, "\n{tree}");
}
