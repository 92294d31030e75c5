//! Where an actor runs, what time and chance are to it, and what becomes of a message that stays on its node.

use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

use crate::common::{Add, Counter, SOON, Total, soon};
use libprocess::prelude::*;
use libprocess::sim;
use libprocess::tls::Authority;
use rand::Rng;
use tokio::runtime::Runtime;

struct Where;
struct Dice;
struct Keep(Arc<String>);

impl Message for Where {
    type Result = ThreadId;
}

impl Message for Keep {
    type Result = Arc<String>;
}

protocol! { local HostProtocol = "host" { 1 => Where, 2 => Dice -> u64, 3 => Keep } }

/// Says where it is, throws dice, and gives back what it gets.
struct Host;

impl Actor for Host {
    type Context = Context<Self>;
}

impl Process for Host {
    type Protocol = HostProtocol;
}

impl Handler<Where> for Host {
    type Result = MessageResult<Where>;
    fn handle(&mut self, _: Where, _: &mut Context<Self>) -> Self::Result {
        MessageResult(std::thread::current().id())
    }
}

impl Handler<Dice> for Host {
    type Result = u64;
    fn handle(&mut self, _: Dice, ctx: &mut Context<Self>) -> u64 {
        ctx.random().random()
    }
}

impl Handler<Keep> for Host {
    type Result = MessageResult<Keep>;
    fn handle(&mut self, Keep(value): Keep, _: &mut Context<Self>) -> Self::Result {
        MessageResult(value)
    }
}

async fn place(node: &Node, host: &Pid<HostProtocol>) -> ThreadId {
    node.ask(host, Where, SOON).await.unwrap()
}

#[tokio::test]
async fn actors_spread_over_threads_and_a_heavy_one_has_its_own() {
    let node = Node::bind("127.0.0.1:0").threads(2).start().await.unwrap();
    let mut shared = Vec::new();
    for n in 0..8 {
        let host = node.spawn(format!("host{n}"), |_| Host).unwrap();
        shared.push(place(&node, &host).await);
    }
    let heavy = node.process("heavy").own_thread().spawn(|_| Host).unwrap();
    let heavy = place(&node, &heavy).await;
    // Two threads, both used, neither of them the sender's; and the heavy one shares with nobody.
    let mut distinct = shared.clone();
    distinct.sort_by_key(|id| format!("{id:?}"));
    distinct.dedup();
    assert_eq!(distinct.len(), 2, "{shared:?}");
    assert!(!shared.contains(&heavy));
    assert!(!shared.contains(&std::thread::current().id()));
}

#[test]
fn links_may_live_on_the_first_thread_of_actors() {
    let authority = Authority::generate("test");
    let node = Node::bind("127.0.0.1:0")
        .identity(authority.issue("node", "host"))
        .threads(2)
        .links_with_actors();
    // Of the runtime in which the node is started it needs nothing more.
    let node = runtime().block_on(node.start()).unwrap();
    let host = node.spawn("counter", |_| Counter::default()).unwrap();
    runtime().block_on(async {
        let identity = authority.issue("node", "asker");
        let asker = Node::bind("127.0.0.1:0").identity(identity);
        let asker = asker.start().await.unwrap();
        asker.tell(&host, Add(4));
        assert_eq!(asker.ask(&host, Total, SOON).await, Ok(4));

        // It says goodbye, although its actors are gone by then; and then its port is free.
        let ended = asker.monitor(&host);
        node.shutdown(SOON).await;
        soon(ended).await;
        let again = soon(async {
            loop {
                match Node::bind(node.address()).start().await {
                    Ok(again) => return again,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        again.await.shutdown(SOON).await;
        asker.shutdown(SOON).await;
    });
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

#[test]
fn in_simulation_all_actors_share_the_one_thread() {
    sim::run(1, |net| async move {
        let node = net.node("10.0.0.1:5050").await;
        let usual = node.spawn("usual", |_| Host).unwrap();
        let heavy = node.process("heavy").own_thread().spawn(|_| Host).unwrap();
        for host in [usual, heavy] {
            assert_eq!(place(&node, &host).await, std::thread::current().id());
        }
    });
}

#[test]
fn time_and_chance_are_the_worlds() {
    let throw = |seed| {
        sim::run(seed, |net| async move {
            let node = net.node("10.0.0.1:5050").await;
            let mut thrown = Vec::new();
            let begun = tokio::time::Instant::now();
            for name in ["one", "other"] {
                let host = node.spawn(name, |_| Host).unwrap();
                for _ in 0..3 {
                    // An hour of the world, no time of ours.
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                    thrown.push(node.ask(&host, Dice, SOON).await.unwrap());
                }
            }
            assert_eq!(begun.elapsed().as_secs() / 3600, 6);
            thrown
        })
    };
    let first = throw(7);
    // The same seed gives the same chance, another one another; and no two throws of one world are alike.
    assert_eq!(first, throw(7));
    assert_ne!(first, throw(8));
    let mut distinct = first.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), first.len());
}

#[tokio::test]
async fn what_stays_on_the_node_is_not_copied() {
    let node = Node::local();
    let host = node.spawn("host", |_| Host).unwrap();
    let value = Arc::new(String::from("the very same"));
    let back = node.ask(&host, Keep(value.clone()), SOON).await.unwrap();
    // There and back across threads: the same allocation, and the type has no encoding at all.
    assert!(Arc::ptr_eq(&value, &back));
}
