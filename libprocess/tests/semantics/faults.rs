//! Links in a simulated network that misbehaves: what is guaranteed holds for every seed.
#![cfg(feature = "sim")]

use std::time::Duration;

use crate::common::{
    Add, Counter, CounterProtocol, Entry, Log, LogProtocol, Pause, SOON, Total, Watch,
    explore_both, on_both, watcher,
};
use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::sleep;

const ONE: &str = "10.0.0.1:5050";
const OTHER: &str = "10.0.0.2:5050";

/// Longer than a link needs to notice silence and to give up connecting.
const SILENCE: Duration = Duration::from_secs(30);

fn spoil(net: &Net) {
    net.latency(Duration::from_millis(1)..=Duration::from_millis(20));
    net.loss(0.05);
    net.duplicate(0.05);
}

type Heard = UnboundedReceiver<Result<u32, ExitReason>>;

fn log(node: &Node) -> (Pid<LogProtocol>, Heard) {
    let (report, heard) = mpsc::unbounded_channel();
    let pid = node.spawn("log", |_| Log(report)).unwrap();
    (pid, heard)
}

/// Counts aloud to a log, two a millisecond, then ends.
struct Talker {
    to: Pid<LogProtocol>,
    next: u32,
    end: u32,
}

protocol! { local TalkerProtocol = "talker" { } }

impl Actor for Talker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(Duration::from_millis(1), |talker, ctx| {
            for _ in 0..2 {
                if talker.next == talker.end {
                    return ctx.stop();
                }
                ctx.tell(&talker.to, Entry(talker.next));
                talker.next += 1;
            }
        });
    }
}

impl Process for Talker {
    type Protocol = TalkerProtocol;
}

fn talk(node: &Node, to: &Pid<LogProtocol>, end: u32) {
    let to = to.clone();
    node.spawn("talker", move |_| Talker { to, next: 0, end })
        .unwrap();
}

#[test]
fn order_holds_and_the_end_comes_last() {
    const COUNT: u32 = 2000;
    explore_both(0..10, |net| async move {
        spoil(&net);
        let (one, other) = (net.node(ONE).await, net.node(OTHER).await);
        let (at_one, mut heard_by_one) = log(&one);
        let (at_other, mut heard_by_other) = log(&other);
        // Both connect at once.
        talk(&one, &at_other, COUNT);
        talk(&other, &at_one, COUNT);
        for heard in [&mut heard_by_one, &mut heard_by_other] {
            for n in 0..COUNT {
                assert_eq!(heard.recv().await, Some(Ok(n)));
            }
            assert_eq!(heard.recv().await, Some(Err(ExitReason::Normal)));
        }
        assert_eq!((one.links().len(), other.links().len()), (1, 1));
    });
}

#[test]
fn a_partition_is_heard_once_on_both_sides_and_heals() {
    explore_both(0..10, |net| async move {
        spoil(&net);
        let nodes = [net.node(ONE).await, net.node(OTHER).await];
        let counters = nodes
            .each_ref()
            .map(|node| node.spawn("counter", |_| Counter::default()).unwrap());
        let mut ears = Vec::new();
        for (node, counter) in [(&nodes[0], &counters[1]), (&nodes[1], &counters[0])] {
            let (watcher, heard) = watcher(node);
            node.ask(&watcher, Watch(counter.any()), SOON)
                .await
                .unwrap();
            assert_eq!(node.ask(counter, Total, SOON).await, Ok(0));
            ears.push(heard);
        }

        net.partition(&nodes[..1], &nodes[1..]);
        let lost = nodes[0].ask(&counters[1], Add(1), SILENCE);
        for heard in &mut ears {
            assert_eq!(heard.recv().await.unwrap().reason, ExitReason::Disconnected);
        }
        assert_eq!(lost.await, Err(AskError::Exited(ExitReason::Disconnected)));
        let lost = nodes[0].ask(&counters[1], Add(1), SILENCE).await;
        assert_eq!(lost, Err(AskError::Exited(ExitReason::Disconnected)));

        net.heal();
        // The longest pause after attempts that were in vain.
        sleep(Duration::from_secs(2)).await;
        for (node, counter) in [(&nodes[0], &counters[1]), (&nodes[1], &counters[0])] {
            assert_eq!(node.ask(counter, Total, SOON).await, Ok(0));
        }
        sleep(SILENCE).await;
        assert!(ears.iter_mut().all(|heard| heard.try_recv().is_err()));
    });
}

#[test]
fn what_arrives_before_a_crash_has_no_gaps() {
    explore_both(0..5, |net| async move {
        spoil(&net);
        let (one, other) = (net.node(ONE).await, net.node(OTHER).await);
        let (target, mut heard) = log(&other);
        talk(&one, &target, u32::MAX);
        let ended = one.monitor(&target);
        sleep(Duration::from_millis(500 + net.seed() * 7)).await;
        net.crash(&other);
        assert_eq!(ended.await.reason, ExitReason::Disconnected);

        let again = net.node(OTHER).await;
        let (_, mut heard_again) = log(&again);
        let mut next = 0;
        while let Ok(entry) = heard.try_recv() {
            assert_eq!(entry, Ok(next));
            next += 1;
        }
        assert!(next > 0);
        sleep(Duration::from_secs(2)).await;
        // The pid meant the life that is over.
        assert!(heard_again.try_recv().is_err());
        let gone = one.monitor(&target).await.reason;
        assert_eq!(gone, ExitReason::NoProcess);
    });
}

#[test]
fn a_slow_link_is_not_a_broken_one() {
    on_both(1, |net| async move {
        net.latency(Duration::from_millis(400)..=Duration::from_millis(600));
        let (one, other) = (net.node(ONE).await, net.node(OTHER).await);
        let counter = other.spawn("counter", |_| Counter::default()).unwrap();
        for _ in 0..100 {
            one.tell(&counter, Add(1));
        }
        assert_eq!(one.ask(&counter, Total, SILENCE).await, Ok(100));
        let named = Pid::<CounterProtocol>::named("counter", other.address());
        assert_eq!(one.ask(&named, Total, SILENCE).await, Ok(100));
    });
}

#[test]
fn an_expired_ask_is_not_handled() {
    on_both(1, |net| async move {
        let (one, other) = (net.node(ONE).await, net.node(OTHER).await);
        let counter = other.spawn("counter", |_| Counter::default()).unwrap();
        one.tell(&counter, Pause);
        let mut late = one.ask(&counter, Add(1000), Duration::from_millis(500));
        assert_eq!((&mut late).await, Err(AskError::Timeout));
        assert_eq!(one.ask(&counter, Total, SOON).await, Ok(0));
        // Kept until now, so that it was not taken back.
        drop(late);
    });
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| {
        sim::run(seed, |net| async move {
            spoil(&net);
            let (one, other) = (net.node(ONE).await, net.node(OTHER).await);
            let (target, mut heard) = log(&other);
            talk(&one, &target, 500);
            while heard.recv().await.is_some_and(|entry| entry.is_ok()) {}
            net.crash(&one);
            other.shutdown(SOON).await;
            net.trace_hash()
        })
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
