//! What a subscriber of `tracing` sees of messages: one trace across nodes.

use std::collections::BTreeMap;
use std::fmt;
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

protocol! { LinkProtocol = "link" { 1 => Count -> u64 } }

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

/// Remembers all spans: their fields and parents.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    spans: Vec<Seen>,
    entered: Vec<u64>,
}

struct Seen {
    name: &'static str,
    parent: Option<u64>,
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
        let parent = collected.entered.last().copied();
        collected.spans.push(Seen {
            name: attributes.metadata().name(),
            parent,
            fields,
        });
        Id::from_u64(collected.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut collected = self.lock();
        values.record(&mut collected.spans[span.into_u64() as usize - 1].fields);
    }

    fn enter(&self, span: &Id) {
        self.lock().entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.lock().entered.pop();
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

impl Collected {
    /// A line a span, below its parent.
    fn tree(&self, parent: Option<u64>, indent: usize) -> String {
        let mut lines = String::new();
        for (at, span) in self.spans.iter().enumerate() {
            if span.parent != parent {
                continue;
            }
            let field = |name| span.fields.0.get(name).map_or("", String::as_str);
            let what = match span.name {
                "ask" => format!("asks {}: {}", field("to"), field("answer")),
                _ => format!("{} from {}", field("actor"), field("sender")),
            };
            lines.push_str(&format!("{:indent$}{} {what}\n", "", field("message")));
            lines.push_str(&self.tree(Some(at as u64 + 1), indent + 2));
        }
        lines
    }
}

#[test]
fn one_trace_follows_asks_across_three_nodes() {
    let collector = Collector::default();
    let collected = collector.clone();
    // One thread: what the world does is seen by the subscriber of this thread.
    tracing::subscriber::with_default(collector, || {
        sim::run(1, |net| async move {
            let mut chain = Vec::new();
            for n in 1..=3 {
                let node = net.node(&format!("10.0.0.{n}:1")).await;
                chain.push(node.spawn("link", |_| Link).unwrap());
            }
            let client = net.node("10.0.0.9:1").await;
            let first = chain.remove(0);
            assert_eq!(client.ask(&first, Count(chain), SOON).await, Ok(4));
        });
    });
    let collected = collected.lock();
    let traces = collected.spans.iter().map(|span| &span.fields.0["trace"]);
    let mut traces: Vec<_> = traces.collect();
    traces.dedup();
    assert_eq!(traces.len(), 1, "one trace: {traces:?}");
    let asked_third = "  Count asks link@10.0.0.3:1: ok\n";
    let second = format!("Count link@10.0.0.2:1 from link@10.0.0.1:1\n{asked_third}{asked_third}");
    let third = "Count link@10.0.0.3:1 from link@10.0.0.2:1\n";
    let expected = format!(
        "Count asks link@10.0.0.1:1: ok\n\
         Count link@10.0.0.1:1 from outside\n  \
           Count asks link@10.0.0.2:1: ok\n  \
           Count asks link@10.0.0.2:1: ok\n\
         {second}{third}{third}{second}{third}{third}"
    );
    let tree = collected.tree(None, 0);
    assert_eq!(tree, expected, "\n{tree}");
}
