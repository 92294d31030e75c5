//! libprocess: the same actor through its `Pid`.

use std::time::Duration;

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

use super::threads::on_one_thread;
use super::{BOUND, BURST};
use crate::cores::apart;
use crate::measure::time;
use crate::runtime::adder::{Adder, AdderProtocol, Ask, DEADLINE, Tell};
use crate::runtime::{Note, single};

/// Asks the sender to send.
#[derive(Serialize, Deserialize)]
struct Burst;

protocol! {
    SenderProtocol = "bench.sender" {
        1 => Burst -> (),
    }
}

/// Sends from its handler.
struct Sender(Pid<AdderProtocol>);

impl Actor for Sender {
    type Context = Context<Self>;
}

impl Process for Sender {
    type Protocol = SenderProtocol;
}

impl Handler<Burst> for Sender {
    type Result = ();

    fn handle(&mut self, Burst: Burst, ctx: &mut Context<Self>) {
        for _ in 1..BURST {
            ctx.tell(&self.0, Tell(Note::new()));
        }
    }
}

fn start(node: &Node, name: &str) -> Pid<AdderProtocol> {
    let process = node.process(name).mailbox(BOUND);
    process.spawn(|_| Adder::default()).expect("a name")
}

async fn ask(node: &Node, adder: &Pid<AdderProtocol>) {
    let answer = node.ask(adder, Ask(Note::new()), DEADLINE);
    answer.await.expect("an answer");
}

async fn asks(node: &Node, adder: &Pid<AdderProtocol>, count: usize) {
    for _ in 0..count {
        ask(node, adder).await;
    }
}

/// A node on this thread; its seed does not matter.
fn node_here() -> Node {
    Node::local_here(0)
}

pub(super) fn tells_on_one_thread(count: usize) -> Duration {
    on_one_thread(async {
        let node = node_here();
        let adder = start(&node, "adder");
        let to = adder.clone();
        let sender = node.spawn("sender", |_| Sender(to)).expect("a name");
        let took = time(async {
            for _ in 0..count / BURST {
                node.ask(&sender, Burst, DEADLINE).await.expect("an answer");
                ask(&node, &adder).await;
            }
        })
        .await;
        node.shutdown(DEADLINE).await;
        took
    })
}

pub(super) fn asks_on_one_thread(count: usize) -> Duration {
    on_one_thread(async {
        let node = node_here();
        let adder = start(&node, "adder");
        let took = time(asks(&node, &adder, count)).await;
        node.shutdown(DEADLINE).await;
        took
    })
}

pub(super) fn tells_across_threads(count: usize) -> Duration {
    across_threads(async |node: &Node, adder: &Pid<AdderProtocol>| {
        for _ in 1..count {
            let told = node.tell_ready(adder, Tell(Note::new()));
            told.await.expect("room");
        }
        ask(node, adder).await;
    })
}

pub(super) fn asks_across_threads(count: usize) -> Duration {
    across_threads(async |node: &Node, adder: &Pid<AdderProtocol>| asks(node, adder, count).await)
}

/// The node's actors have a thread of their own anyway.
fn across_threads(work: impl AsyncFnOnce(&Node, &Pid<AdderProtocol>)) -> Duration {
    single().block_on(async {
        let node = Node::local();
        let (adder, _pinned) = apart(|| start(&node, "adder"));
        let took = time(work(&node, &adder)).await;
        node.shutdown(DEADLINE).await;
        took
    })
}

async fn several(node: &Node, count: usize) -> Vec<Pid<AdderProtocol>> {
    let mut adders = Vec::with_capacity(count);
    for number in 0..count {
        let adder = start(node, &format!("adder-{number}"));
        ask(node, &adder).await;
        adders.push(adder);
    }
    adders
}

pub(super) fn spawns(count: usize) -> Duration {
    on_one_thread(async {
        let node = node_here();
        let took = time(several(&node, count)).await;
        node.crash();
        took
    })
}

/// See [`super::idle`].
pub(super) fn idle(count: usize, started: &dyn Fn()) {
    on_one_thread(async {
        let node = node_here();
        let adders = several(&node, count).await;
        started();
        drop(adders);
        Duration::ZERO
    });
}
