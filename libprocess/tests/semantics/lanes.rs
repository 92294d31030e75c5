//! What holds for all that crosses a link, whatever its size and whoever sends it: found out with many seeds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::SOON;
use libprocess::prelude::*;
use libprocess::sim;
use libprocess::wire::MAX_BODY;
use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

/// The number of a message among those of its sender to its receiver; the text is ballast.
#[derive(Serialize, Deserialize)]
struct Item(u32, String);

protocol! { SinkProtocol = "sink" { 1 => Item -> u32 } }
protocol! { local SourceProtocol = "source" {} }

/// By sender and receiver: what was handled, in order.
type Handled = Arc<Mutex<BTreeMap<(String, String), Vec<u32>>>>;
/// By sender and receiver: answers heard, in order.
type Heard = Handled;

struct Sink(Handled);

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Process for Sink {
    type Protocol = SinkProtocol;
}

impl Handler<Item> for Sink {
    type Result = u32;
    fn handle(&mut self, Item(number, _): Item, ctx: &mut Context<Self>) -> u32 {
        let from = ctx.sender().unwrap().name().to_owned();
        let pair = (from, ctx.me().name().to_owned());
        self.0.lock().unwrap().entry(pair).or_default().push(number);
        // A quick actor, a slow one, and one in between.
        let pace = ctx.me().name().len() as u64 % 3;
        if pace > 0 {
            ctx.wait(wrap_future(sleep(Duration::from_millis(pace))));
        }
        number
    }
}

const ITEMS: u32 = 60;

/// Sends its items to each sink, in bursts, told or asked, mostly small and sometimes large.
struct Source {
    sinks: Vec<Pid<SinkProtocol>>,
    next: u32,
    heard: Heard,
}

impl Actor for Source {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.burst(ctx);
    }
}

impl Process for Source {
    type Protocol = SourceProtocol;
}

impl Source {
    fn burst(&mut self, ctx: &mut Context<Self>) {
        for _ in 0..ctx.random().random_range(1..10) {
            if self.next == ITEMS {
                return;
            }
            for sink in self.sinks.clone() {
                let size = match ctx.random().random_range(0..20) {
                    0 => 200_000,
                    1 => 65_536,
                    2 => 20_000,
                    _ => ctx.random().random_range(0..200),
                };
                let item = Item(self.next, "x".repeat(size));
                match ctx.random().random_bool(0.3) {
                    false => ctx.tell(&sink, item),
                    true => self.ask(&sink, item, ctx),
                }
            }
            self.next += 1;
        }
        let pause = Duration::from_millis(ctx.random().random_range(0..30));
        ctx.run_later(pause, Self::burst);
    }

    fn ask(&mut self, sink: &Pid<SinkProtocol>, item: Item, ctx: &mut Context<Self>) {
        let pair = (ctx.me().name().to_owned(), sink.name().to_owned());
        ctx.ask_then(sink, item, 60 * SOON, move |source, answer, _| {
            let mut heard = source.heard.lock().unwrap();
            heard.entry(pair).or_default().push(answer.unwrap());
        });
    }
}

#[test]
fn every_pair_of_actors_keeps_its_order_whatever_the_sizes() {
    sim::explore(0..6, |net| async move {
        net.latency(Duration::from_millis(1)..=Duration::from_millis(10));
        if net.seed() % 2 == 1 {
            net.loss(0.02);
        }
        let here = net.node("10.0.0.1:5050").await;
        let there = net.node("10.0.0.2:5050").await;
        let (handled, heard) = (Handled::default(), Heard::default());
        let mut sinks = Vec::new();
        for name in ["abc", "abcd", "abcde"] {
            let handled = handled.clone();
            sinks.push(there.spawn(name, move |_| Sink(handled)).unwrap());
        }
        for name in ["p", "q", "r", "s"] {
            let (sinks, heard) = (sinks.clone(), heard.clone());
            let source = Source {
                sinks,
                next: 0,
                heard,
            };
            here.spawn(name, move |_| source).unwrap();
        }

        let all = |handled: &Handled| {
            let handled = handled.lock().unwrap();
            handled.len() == 12 && handled.values().all(|items| items.len() == ITEMS as usize)
        };
        let patience = Instant::now() + 60 * SOON;
        while !all(&handled) {
            sleep(Duration::from_millis(20)).await;
            assert!(Instant::now() < patience, "items are missing");
            // What waits is bounded, while it is being sent, too.
            for link in here.links() {
                assert!(link.waiting <= 3 * MAX_BODY, "{} bytes wait", link.waiting);
            }
        }
        // Each exactly once, in the order in which its sender sent them to this receiver.
        for (pair, items) in handled.lock().unwrap().iter() {
            assert_eq!(*items, (0..ITEMS).collect::<Vec<_>>(), "{pair:?}");
        }
        sleep(SOON).await;
        for (pair, answers) in heard.lock().unwrap().iter() {
            assert!(answers.is_sorted(), "{pair:?}: {answers:?}");
        }
        // Nothing was lost on the way, and all credit and room came back.
        assert_eq!((here.undelivered(), there.undelivered()), (0, 0));
        assert_eq!(here.links()[0].waiting, 0);
        assert!(there.processes().iter().all(|process| process.depth == 0));
    });
}
