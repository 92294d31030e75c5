//! Actors that the tests share.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use libprocess::ProcessBuilder;
use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Long enough for anything that happens at all.
pub const SOON: Duration = Duration::from_secs(10);

pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(SOON, future)
        .await
        .expect("it did not happen in time")
}

/// Runs a scenario on both simulated networks: what it asserts holds on either.
#[track_caller]
pub fn on_both<F: Future>(seed: u64, scenario: impl Fn(Net) -> F) {
    explore_both(seed..seed + 1, scenario);
}

/// As [`on_both`], with each seed.
#[track_caller]
pub fn explore_both<F: Future>(seeds: Range<u64>, scenario: impl Fn(Net) -> F) {
    let scenario = &scenario;
    sim::explore(
        seeds.clone(),
        |net| async move { drop(scenario(net).await) },
    );
    sim::explore(seeds, |net| async move {
        net.messages();
        drop(scenario(net).await);
    });
}

/// A counter whose thread is busy building it until the gate is opened or dropped: what is sent to it before waits.
pub fn gated(process: ProcessBuilder) -> (std::sync::mpsc::Sender<()>, Pid<CounterProtocol>) {
    let (gate, opened) = std::sync::mpsc::channel();
    let make = move |_: &mut Context<Counter>| {
        let _ = opened.recv();
        Counter::default()
    };
    (gate, process.spawn(make).unwrap())
}

#[derive(Serialize, Deserialize)]
pub struct Add(pub u64);
#[derive(Serialize, Deserialize)]
pub struct Total;
#[derive(Serialize, Deserialize)]
pub struct WhoAsks;
#[derive(Serialize, Deserialize)]
pub struct Panic(pub String);
#[derive(Serialize, Deserialize)]
pub struct Quit;
/// Answered when the actor ends, which is never an answer.
#[derive(Serialize, Deserialize)]
pub struct Hang;

/// Handles nothing for a second.
#[derive(Serialize, Deserialize)]
pub struct Pause;

protocol! {
    /// A counter that can be made to end in various ways.
    pub CounterProtocol = "counter" {
        1 => Add -> (),
        2 => Total -> u64,
        3 => WhoAsks -> Option<AnyPid>,
        4 => Panic -> (),
        5 => Quit -> (),
        6 => Hang -> (),
        7 => Pause -> (),
    }
}

#[derive(Default)]
pub struct Counter(pub u64);

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Process for Counter {
    type Protocol = CounterProtocol;
}

impl Handler<Add> for Counter {
    type Result = ();
    fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) {
        self.0 += n;
    }
}

impl Handler<Total> for Counter {
    type Result = u64;
    fn handle(&mut self, _: Total, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

impl Handler<WhoAsks> for Counter {
    type Result = Option<AnyPid>;
    fn handle(&mut self, _: WhoAsks, ctx: &mut Context<Self>) -> Option<AnyPid> {
        ctx.sender().cloned()
    }
}

impl Handler<Panic> for Counter {
    type Result = ();
    fn handle(&mut self, Panic(text): Panic, _: &mut Context<Self>) {
        panic!("{text}");
    }
}

impl Handler<Quit> for Counter {
    type Result = ();
    fn handle(&mut self, _: Quit, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Pause> for Counter {
    type Result = ();
    fn handle(&mut self, _: Pause, ctx: &mut Context<Self>) {
        ctx.wait(wrap_future(tokio::time::sleep(Duration::from_secs(1))));
    }
}

impl Handler<Hang> for Counter {
    type Result = ResponseActFuture<Self, ()>;
    fn handle(&mut self, _: Hang, _: &mut Context<Self>) -> Self::Result {
        Box::pin(std::future::pending().into_actor(self))
    }
}

/// Watches what it is told to watch and reports what it hears.
pub struct Watcher(pub mpsc::UnboundedSender<Exited>);

#[derive(Serialize, Deserialize)]
pub struct Watch(pub AnyPid);
#[derive(Serialize, Deserialize)]
pub struct Unwatch(pub AnyPid);

protocol! {
    pub WatcherProtocol = "watcher" {
        1 => Watch -> (),
        2 => Unwatch -> (),
    }
}

impl Actor for Watcher {
    type Context = Context<Self>;
}

impl Process for Watcher {
    type Protocol = WatcherProtocol;
}

impl Handler<Watch> for Watcher {
    type Result = ();
    fn handle(&mut self, Watch(pid): Watch, ctx: &mut Context<Self>) {
        ctx.monitor(pid);
    }
}

impl Handler<Unwatch> for Watcher {
    type Result = ();
    fn handle(&mut self, Unwatch(pid): Unwatch, ctx: &mut Context<Self>) {
        ctx.demonitor(pid);
    }
}

impl Handler<Exited> for Watcher {
    type Result = ();
    fn handle(&mut self, exited: Exited, _: &mut Context<Self>) {
        let _ = self.0.send(exited);
    }
}

/// A watcher on `node` and what it hears.
pub fn watcher(node: &Node) -> (Pid<WatcherProtocol>, mpsc::UnboundedReceiver<Exited>) {
    let (report, heard) = mpsc::unbounded_channel();
    let pid = node.spawn("watcher", |_| Watcher(report)).unwrap();
    (pid, heard)
}

#[derive(Serialize, Deserialize)]
pub struct Entry(pub u32);

protocol! { pub LogProtocol = "log" { 1 => Entry -> () } }

/// Reports what it is told, and the end of its talker.
pub struct Log(pub mpsc::UnboundedSender<Result<u32, ExitReason>>);

impl Actor for Log {
    type Context = Context<Self>;
}

impl Process for Log {
    type Protocol = LogProtocol;
}

impl Handler<Entry> for Log {
    type Result = ();
    fn handle(&mut self, Entry(n): Entry, ctx: &mut Context<Self>) {
        if n == 0
            && let Some(talker) = ctx.sender().cloned()
        {
            ctx.monitor(talker);
        }
        let _ = self.0.send(Ok(n));
    }
}

impl Handler<Exited> for Log {
    type Result = ();
    fn handle(&mut self, exited: Exited, _: &mut Context<Self>) {
        let _ = self.0.send(Err(exited.reason));
    }
}
