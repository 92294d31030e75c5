//! Monitors: each hears once, in its place among the messages, why an actor or the way to it ended.

use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::common::{
    Add, Counter, CounterProtocol, Entry, Hang, Log, LogProtocol, Panic, Quit, Total, Watch,
    watcher,
};

const SECOND: Duration = Duration::from_secs(1);

/// What ends the counter, or the way to it.
type Cause = fn(&Net, &Node, &Node, &Pid<CounterProtocol>);

/// Which reasons there are, and what makes them. Where the watcher is does not matter, but for the reasons
/// that are about the way between two nodes.
#[test]
fn every_reason_is_heard_once_here_and_there() {
    let text = || "ouch".to_owned();
    let causes: [(Cause, ExitReason, bool); 7] = [
        (|_, _, b, pid| b.tell(pid, Quit), ExitReason::Normal, true),
        (|_, _, b, pid| b.stop(pid), ExitReason::Normal, true),
        (
            |_, _, b, pid| b.tell(pid, Panic("ouch".into())),
            ExitReason::Panicked(text()),
            true,
        ),
        (|_, _, b, pid| b.kill(pid), ExitReason::Killed, true),
        (
            |_, _, b, _| {
                let node = b.clone();
                tokio::task::spawn_local(async move { node.shutdown(Duration::ZERO).await });
            },
            ExitReason::NodeDown,
            true,
        ),
        (
            |net, a, b, _| net.partition(&[a], &[b]),
            ExitReason::Disconnected,
            false,
        ),
        (|net, _, b, _| net.crash(b), ExitReason::Disconnected, false),
    ];
    for (number, (cause, reason, here_too)) in causes.into_iter().enumerate() {
        sim::run(number as u64, |net| async move {
            let a = net.node("10.0.0.1:5050").await;
            let b = net.node("10.0.0.2:5050").await;
            let counter = b.spawn("counter", |_| Counter(0)).unwrap();
            // What would not stop by itself at a shutdown.
            drop(tokio::task::spawn_local(b.ask(&counter, Hang, 60 * SECOND)));
            let (there, mut heard_there) = watcher(&a);
            let (here, mut heard_here) = watcher(&b);
            for _ in 0..3 {
                a.tell(&there, Watch(counter.any()));
                b.tell(&here, Watch(counter.any()));
            }
            sleep(SECOND).await;
            cause(&net, &a, &b, &counter);
            sleep(20 * SECOND).await;

            let heard = |ear: &mut mpsc::UnboundedReceiver<Exited>| {
                std::iter::from_fn(|| ear.try_recv().ok()).collect::<Vec<_>>()
            };
            let there = heard(&mut heard_there);
            assert_eq!(there.len(), 1, "cause {number}: {there:?}");
            // The end of a node may be heard as that of its actors, stopped in order before.
            let in_order = reason == ExitReason::NodeDown && there[0].reason == ExitReason::Normal;
            assert!(
                there[0].reason == reason || in_order,
                "cause {number}: {there:?}"
            );
            assert_eq!(there[0].pid, counter.any());
            if here_too && reason != ExitReason::NodeDown {
                assert_eq!(heard(&mut heard_here), there, "cause {number}");
            }
        });
    }
}

/// A stored pid means one life, and no later one: not of the actor, not of the node.
#[test]
fn a_stored_pid_outlives_everything_and_means_nobody_else() {
    sim::run(3, |net| async move {
        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        let first = b.spawn("counter", |_| Counter(0)).unwrap();
        assert_eq!(a.ask(&first, Total, SECOND).await, Ok(0));
        let exited = a.monitor(&first);
        sleep(SECOND).await;
        b.kill(&first);
        assert_eq!(exited.await.reason, ExitReason::Killed);

        let second = b.spawn("counter", |_| Counter(0)).unwrap();
        net.crash(&b);
        let b = net.node("10.0.0.2:5050").await;
        let third = b.spawn("counter", |_| Counter(0)).unwrap();
        sleep(10 * SECOND).await;
        for old in [&first, &second] {
            a.tell(old, Add(1));
            let gone = AskError::Exited(ExitReason::NoProcess);
            assert_eq!(a.ask(old, Total, SECOND).await, Err(gone.clone()));
            assert_eq!(a.monitor(old).await.reason, ExitReason::NoProcess);
            assert_eq!(b.ask(old, Total, SECOND).await, Err(gone));
        }
        assert_eq!(a.ask(&third, Total, SECOND).await, Ok(0));
        let named = Pid::<CounterProtocol>::named("counter", b.address());
        assert_eq!(a.ask(&named, Total, SECOND).await, Ok(0));
    });
}

/// Says some numbers, then ends in the given way.
struct Talker {
    to: Pid<LogProtocol>,
    panics: bool,
}

struct Talk;
protocol! { local TalkerProtocol = "talker" { 1 => Talk -> () } }

impl Actor for Talker {
    type Context = Context<Self>;
}

impl Process for Talker {
    type Protocol = TalkerProtocol;
}

impl Handler<Talk> for Talker {
    type Result = ();
    fn handle(&mut self, _: Talk, ctx: &mut Context<Self>) {
        for n in 0..100 {
            ctx.tell(&self.to, Entry(n));
        }
        assert!(!self.panics, "enough");
        ctx.fail("enough");
    }
}

#[test]
fn the_end_comes_behind_what_was_said_before_it() {
    for (panics, reason) in [
        (true, ExitReason::Panicked("enough".into())),
        (false, ExitReason::Failed("enough".into())),
    ] {
        sim::run(4, |net| async move {
            net.latency(Duration::from_millis(1)..=Duration::from_millis(40));
            net.loss(0.1);
            let a = net.node("10.0.0.1:5050").await;
            let b = net.node("10.0.0.2:5050").await;
            for node in [&a, &b] {
                let (say, mut heard) = mpsc::unbounded_channel();
                let log = node.spawn("log", |_| Log(say)).unwrap();
                // It begins to monitor at the first entry, while the rest is under way.
                let talker = b
                    .spawn("talker", move |_| Talker { to: log, panics })
                    .unwrap();
                b.tell(&talker, Talk);
                let mut all = Vec::new();
                while let Some(item) = heard.recv().await {
                    let end = item.is_err();
                    all.push(item);
                    if end {
                        break;
                    }
                }
                let mut expected: Vec<_> = (0..100).map(Ok).collect();
                // Whoever asks after the end is told that there is nobody.
                let late = all.last() == Some(&Err(ExitReason::NoProcess));
                expected.push(Err(if late {
                    ExitReason::NoProcess
                } else {
                    reason.clone()
                }));
                assert_eq!(all, expected);
                node.stop(Pid::<LogProtocol>::named("log", node.address()));
                sleep(SECOND).await;
            }
        });
    }
}
