//! Whole nodes in a simulated world: what breaks, what is noticed, and that it repeats.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::{self, Net};

use crate::common::on_both;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

#[derive(Serialize, Deserialize)]
struct Write(String);
#[derive(Serialize, Deserialize)]
struct Read;

protocol! { JournalProtocol = "journal" { 1 => Write -> (), 2 => Read -> Vec<String> } }

/// Keeps what it is told, in order.
#[derive(Default)]
struct Journal(Vec<String>);

impl Actor for Journal {
    type Context = Context<Self>;
}

impl Process for Journal {
    type Protocol = JournalProtocol;
}

impl Handler<Write> for Journal {
    type Result = ();

    fn handle(&mut self, Write(line): Write, _: &mut Context<Self>) {
        self.0.push(line);
    }
}

impl Handler<Read> for Journal {
    type Result = MessageResult<Read>;

    fn handle(&mut self, _: Read, _: &mut Context<Self>) -> MessageResult<Read> {
        MessageResult(self.0.clone())
    }
}

/// Two nodes, and a journal on the second.
async fn pair(net: &Net) -> (Node, Node, Pid<JournalProtocol>) {
    let a = net.node("10.0.0.1:5050").await;
    let b = net.node("10.0.0.2:5050").await;
    let journal = b.spawn("journal", |_| Journal::default()).unwrap();
    (a, b, journal)
}

#[test]
fn tells_arrive_in_order_before_the_ask_behind_them() {
    on_both(1, |net| async move {
        net.latency(MS..=20 * MS);
        net.loss(0.05);
        net.duplicate(0.05);
        let (a, _b, journal) = pair(&net).await;
        let lines: Vec<String> = (0..2000).map(|number| format!("line {number}")).collect();
        for line in &lines {
            a.tell(&journal, Write(line.clone()));
        }
        assert_eq!(a.ask(&journal, Read, 60 * SECOND).await, Ok(lines));
    });
}

#[test]
fn a_crash_is_noticed_by_silence_and_a_restart_at_once() {
    on_both(1, |net| async move {
        let (a, b, journal) = pair(&net).await;
        a.ask(&journal, Read, SECOND).await.unwrap();
        let exited = a.monitor(&journal);
        let crashed = Instant::now();
        net.crash(&b);
        assert_eq!(exited.await.reason, ExitReason::Disconnected);
        let silent = crashed.elapsed();
        assert!((3 * SECOND..6 * SECOND).contains(&silent), "{silent:?}");

        let b = net.node("10.0.0.2:5050").await;
        let second = b.spawn("journal", |_| Journal::default()).unwrap();
        a.ask(&second, Read, SECOND).await.unwrap();
        let exited = a.monitor(&second);
        let crashed = Instant::now();
        net.crash(&b);
        let b = net.node("10.0.0.2:5050").await;
        assert_eq!(exited.await.reason, ExitReason::Disconnected);
        let noticed = crashed.elapsed();
        assert!(noticed < 2 * SECOND, "{noticed:?}");

        // A successor is another actor: the old pid never means it, the name does.
        let third = b.spawn("journal", |_| Journal::default()).unwrap();
        let gone = AskError::Exited(ExitReason::NoProcess);
        assert_eq!(a.ask(&second, Read, SECOND).await, Err(gone));
        let named = Pid::<JournalProtocol>::named("journal", third.address());
        assert_eq!(a.ask(&named, Read, SECOND).await, Ok(Vec::new()));
    });
}

/// Whatever of the first handshake the other node began before it died: its next life is not waited for until the attempt
/// is given up.
#[test]
fn a_node_that_dies_in_a_handshake_is_reached_soon_after_its_return() {
    // 20 ms from node to node: the hello is back after 80.
    for died_after in [10, 30, 45, 50, 55, 65, 75, 90] {
        for calls_back in [false, true] {
            sim::explore(0..2, move |net| async move {
                net.latency(20 * MS..=20 * MS);
                let a = net.node("10.0.0.1:5050").await;
                let b = net.node("10.0.0.2:5050").await;
                a.spawn("journal", |_| Journal::default()).unwrap();
                a.tell(&journal_at(&b), Write("lost".to_owned()));
                sleep(died_after * MS).await;
                net.crash(&b);
                sleep(130 * MS).await;
                let b = net.restart(&b).await;
                b.spawn("journal", |_| Journal::default()).unwrap();
                let returned = Instant::now();
                let within = match calls_back {
                    true => 600 * MS,
                    false => 1700 * MS,
                };
                if calls_back {
                    b.tell(&journal_at(&a), Write("here I am".to_owned()));
                }
                while a.ask(&journal_at(&b), Read, 10 * SECOND).await.is_err() {
                    assert!(returned.elapsed() < within, "nobody is reached");
                    sleep(10 * MS).await;
                }
                let took = returned.elapsed();
                assert!(took < within, "{died_after} ms, {calls_back}: {took:?}");
            });
        }
    }
}

/// Whoever connects to a node that is being shut down is told so, and does not take it for a crossing connection; its next
/// life is reached at once.
#[test]
fn a_node_that_is_being_shut_down_says_so_to_who_connects() {
    on_both(2, |net| async move {
        let (a, b, journal) = pair(&net).await;
        a.ask(&journal, Read, SECOND).await.unwrap();
        // What waits for somebody who does not listen keeps the node open until its deadline.
        b.tell(&journal_at(&a), Write("for nobody".to_owned()));
        net.partition_one_way(&[&b], &[&a]);
        b.tell(&journal_at(&a), Write("lost on the way".to_owned()));
        let closing = tokio::spawn({
            let b = b.clone();
            async move { b.shutdown(2 * SECOND).await }
        });
        sleep(100 * MS).await;
        let c = net.node("10.0.0.3:5050").await;
        let asked = Instant::now();
        let answer = c.ask(&journal_at(&b), Read, 10 * SECOND).await;
        assert!(answer.is_err(), "{answer:?}");
        closing.await.unwrap();
        let b = net.restart(&b).await;
        b.spawn("journal", |_| Journal::default()).unwrap();
        b.tell(&journal_at(&c), Write("here I am".to_owned()));
        while c.ask(&journal_at(&b), Read, 10 * SECOND).await.is_err() {
            sleep(10 * MS).await;
        }
        let took = asked.elapsed();
        assert!(took < 4 * SECOND, "{took:?}");
    });
}

fn journal_at(node: &Node) -> Pid<JournalProtocol> {
    Pid::named("journal", node.address())
}

#[test]
fn an_ask_into_a_partition_ends_by_its_deadline() {
    on_both(1, |net| async move {
        let (a, b, journal) = pair(&net).await;
        a.ask(&journal, Read, SECOND).await.unwrap();
        net.partition_one_way(&[&b], &[&a]);
        let asked = Instant::now();
        let answer = a.ask(&journal, Read, 2 * SECOND).await;
        assert_eq!(answer, Err(AskError::Timeout));
        assert!(asked.elapsed() <= 2 * SECOND + 10 * MS);
    });
}

/// Everybody tells everybody, for ever, through whatever the network does.
struct Gossip {
    peers: Vec<Pid<GossipProtocol>>,
    heard: Arc<Mutex<Vec<String>>>,
}

#[derive(Serialize, Deserialize)]
struct Rumour(u32);

protocol! { GossipProtocol = "gossip" { 1 => Rumour -> () } }

impl Actor for Gossip {
    type Context = Context<Self>;
}

impl Process for Gossip {
    type Protocol = GossipProtocol;
}

impl Handler<Rumour> for Gossip {
    type Result = ();

    fn handle(&mut self, Rumour(age): Rumour, ctx: &mut Context<Self>) {
        let from = ctx.sender().map(ToString::to_string);
        let line = format!("{age} {from:?} -> {}", ctx.me());
        self.heard.lock().unwrap().push(line);
        for peer in &self.peers {
            if age < 5 {
                ctx.tell(peer, Rumour(age + 1));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_messages_and_datagrams() {
    let world = |seed| {
        sim::run(seed, |net| async move {
            net.latency(MS..=30 * MS);
            net.loss(0.1);
            let heard = Arc::new(Mutex::new(Vec::new()));
            let addresses = ["10.0.0.1:5050", "10.0.0.2:5050", "10.0.0.3:5050"];
            let mut nodes = Vec::new();
            for address in addresses {
                nodes.push(net.node(address).await);
            }
            let named = |node: &Node| Pid::<GossipProtocol>::named("gossip", node.address());
            let pids: Vec<_> = nodes.iter().map(named).collect();
            for node in &nodes {
                let heard = heard.clone();
                let peers = pids.clone();
                node.spawn("gossip", |_| Gossip { peers, heard }).unwrap();
            }
            nodes[0].tell(&pids[1], Rumour(0));
            tokio::time::sleep(SECOND).await;
            net.partition(&nodes[..1], &nodes[1..]);
            nodes[1].tell(&pids[2], Rumour(0));
            tokio::time::sleep(10 * SECOND).await;
            net.heal();
            nodes[2].tell(&pids[0], Rumour(0));
            tokio::time::sleep(10 * SECOND).await;
            let heard = heard.lock().unwrap().clone();
            (net.trace_hash(), heard)
        })
    };
    let (first, heard) = world(11);
    assert!(heard.len() > 500, "{}", heard.len());
    assert_eq!((first, heard), world(11));
}
