//! The typed tap and the trace of a simulated run: single messages expected, dropped, delayed and forbidden.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::{self, ANY, Kind, Net, Passage};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::Instant;

use crate::common::{Add, Counter, CounterProtocol, Entry, Log, LogProtocol, Quit, Total, on_both};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Two nodes, and a counter on the second.
async fn pair(net: &Net) -> (Node, Node, Pid<CounterProtocol>) {
    let a = net.node("10.0.0.1:5050").await;
    let b = net.node("10.0.0.2:5050").await;
    let counter = b.spawn("counter", |_| Counter::default()).unwrap();
    (a, b, counter)
}

/// Tells a log the numbers from 0, then ends.
struct Teller {
    log: Pid<LogProtocol>,
    count: u32,
}

protocol! { local TellerProtocol = "teller" {} }

impl Actor for Teller {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        (0..self.count).for_each(|n| ctx.tell(&self.log, Entry(n)));
        ctx.stop();
    }
}

impl Process for Teller {
    type Protocol = TellerProtocol;
}

fn teller(node: &Node, name: &str, log: &Pid<LogProtocol>, count: u32) {
    let log = log.clone();
    node.spawn(name, move |_| Teller { log, count }).unwrap();
}

fn log(node: &Node) -> (Pid<LogProtocol>, UnboundedReceiver<Result<u32, ExitReason>>) {
    let (report, heard) = mpsc::unbounded_channel();
    let pid = node.spawn("log", |_| Log(report)).unwrap();
    (pid, heard)
}

/// What a run panics with.
fn failure<F: Future>(scenario: impl FnOnce(Net) -> F) -> String {
    let run = catch_unwind(AssertUnwindSafe(|| drop(sim::run(1, scenario))));
    let panic = run.expect_err("the run did not fail");
    panic.downcast_ref::<String>().cloned().unwrap()
}

#[test]
fn an_expected_message_is_seen_when_its_actor_handles_it() {
    on_both(1, |net| async move {
        let (a, b, counter) = pair(&net).await;
        let third = net.expect::<Add>(&a, "counter").matching(|add| add.0 == 3);
        let total = net.expect::<Total>(ANY, &counter);
        let from_b = net.expect::<Add>(&b, &b).within(10 * SECOND);
        (1..=5).for_each(|n| a.tell(&counter, Add(n)));
        let seen = third.await;
        assert_eq!((seen.kind, seen.from_node), (Kind::Tell, Some(a.address())));
        b.tell(&counter, Add(0));
        from_b.await;
        assert_eq!(a.ask(&counter, Total, SECOND).await, Ok(15));
        assert_eq!(total.await.kind, Kind::Ask);
    });
}

#[test]
fn what_does_not_come_fails_the_run_and_is_told_what_came_instead() {
    let text = failure(|net| async move {
        let (a, _b, counter) = pair(&net).await;
        let expected = net.expect::<Quit>(&a, "counter").within(5 * SECOND);
        a.tell(&counter, Add(7));
        expected.await;
    });
    assert!(text.contains("Quit`"), "{text}");
    assert!(
        text.contains("10.0.0.1:5050 -> counter@10.0.0.2:5050  tell Add"),
        "{text}"
    );
}

#[test]
fn a_dropped_message_never_arrives_and_the_next_does() {
    on_both(1, |net| async move {
        let (a, _b, counter) = pair(&net).await;
        let dropped = net.drop_next::<Add>(ANY, "counter");
        a.tell(&counter, Add(1));
        a.tell(&counter, Add(10));
        assert_eq!(a.ask(&counter, Total, SECOND).await, Ok(10));
        assert_eq!(dropped.done().await.passage, Passage::Dropped);

        // As if lost on the way: whoever asked waits until the deadline.
        net.drop_next::<Total>(&a, &counter);
        let asked = Instant::now();
        let answer = a.ask(&counter, Total, 3 * SECOND).await;
        assert_eq!(answer, Err(AskError::Timeout));
        assert_eq!(asked.elapsed(), 3 * SECOND);
        assert_eq!(a.ask(&counter, Total, SECOND).await, Ok(10));
    });
}

#[test]
fn what_follows_a_delayed_message_waits_and_other_senders_do_not() {
    on_both(1, |net| async move {
        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        let (at_b, mut heard) = log(&b);
        let delayed = net
            .delay_next::<Entry>("slow", "log", 10 * SECOND)
            .matching(|entry| entry.0 == 2);
        let begin = Instant::now();
        teller(&a, "slow", &at_b, 5);
        delayed.done().await;
        for n in 0..2 {
            assert_eq!(heard.recv().await, Some(Ok(n)));
        }
        // Another pair's order is its own.
        teller(&b, "other", &at_b, 1);
        assert_eq!(heard.recv().await, Some(Ok(0)));
        assert_eq!(heard.recv().await, Some(Err(ExitReason::NoProcess)));
        assert!(begin.elapsed() < SECOND);
        for n in 2..5 {
            assert_eq!(heard.recv().await, Some(Ok(n)));
        }
        // The notice of the end too.
        assert_eq!(heard.recv().await, Some(Err(ExitReason::NoProcess)));
        assert!((10 * SECOND..11 * SECOND).contains(&begin.elapsed()));
    });
}

#[test]
fn a_forbidden_message_fails_the_run_whatever_it_waits_for() {
    let text = failure(|net| async move {
        let (a, _b, counter) = pair(&net).await;
        let _large = net.never::<Add>(ANY, "counter").matching(|add| add.0 > 100);
        a.tell(&counter, Add(100));
        net.advance(SECOND).await;
        a.tell(&counter, Add(101));
        net.advance(3600 * SECOND).await;
    });
    assert!(text.contains("never should"), "{text}");
    assert!(text.contains("tell Add"), "{text}");

    on_both(1, |net| async move {
        let (a, _b, counter) = pair(&net).await;
        drop(net.never::<Add>(ANY, ANY));
        a.tell(&counter, Add(1));
        assert_eq!(a.ask(&counter, Total, SECOND).await, Ok(1));
    });
}

#[test]
fn the_trace_has_a_line_for_every_envelope() {
    let run = |number: u64| {
        sim::run(1, |net| async move {
            let (a, b, counter) = pair(&net).await;
            let (at_a, mut heard) = log(&a);
            a.tell(&counter, Add(number));
            a.ask(&counter, Total, SECOND).await.unwrap();
            teller(&b, "teller", &at_a, 1);
            while heard.recv().await.is_some_and(|heard| heard.is_ok()) {}
            let lines: Vec<_> = net.envelopes().iter().map(ToString::to_string).collect();
            (lines, net.trace_hash())
        })
    };
    let (lines, hash) = run(1);
    let wanted = [
        ["10.0.0.1:5050 -> counter@10.0.0.2:5050", "tell Add"],
        ["10.0.0.1:5050 -> counter@10.0.0.2:5050", "ask Total"],
        ["counter@10.0.0.2:5050 -> outside", "answer Total"],
        ["teller@10.0.0.2:5050 -> log@10.0.0.1:5050", "tell Entry"],
        [
            "teller@10.0.0.2:5050 -> log@10.0.0.1:5050",
            "exit no such process",
        ],
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (line, parts) in lines.iter().zip(wanted) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    assert_eq!((lines, hash), run(1));
}

#[test]
fn order_and_answers_survive_a_delay_in_the_middle() {
    on_both(1, |net| async move {
        let (a, _b, counter) = pair(&net).await;
        net.delay_next::<Add>(ANY, "counter", 500 * MS);
        a.tell(&counter, Add(1));
        // Sent by nobody in particular, so from the same sender.
        assert_eq!(a.ask(&counter, Total, SECOND).await, Ok(1));
    });
}
