//! Back-pressure: who is slowed by a slow actor, how far ahead of it a sender gets, and who is not starved.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::common::{Add, Counter, SOON, Total, soon};
use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// A piece of work of some size.
#[derive(Serialize, Deserialize)]
struct Work(String);

/// Answered when it is done.
#[derive(Serialize, Deserialize)]
struct Done;

protocol! { WorkerProtocol = "worker" { 1 => Work -> (), 2 => Done -> u64 } }

/// Takes its time for each piece.
struct Worker {
    pace: Duration,
    done: Arc<AtomicU64>,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

impl Process for Worker {
    type Protocol = WorkerProtocol;
}

impl Handler<Work> for Worker {
    type Result = ();
    fn handle(&mut self, _: Work, ctx: &mut Context<Self>) {
        self.done.fetch_add(1, Ordering::Relaxed);
        if !self.pace.is_zero() {
            ctx.wait(wrap_future(sleep(self.pace)));
        }
    }
}

impl Handler<Done> for Worker {
    type Result = u64;
    fn handle(&mut self, _: Done, _: &mut Context<Self>) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// A worker on `node`, and how many pieces it has begun.
fn worker(node: &Node, name: &str, pace: Duration) -> (Pid<WorkerProtocol>, Arc<AtomicU64>) {
    let done = Arc::new(AtomicU64::new(0));
    let counted = done.clone();
    let pid = node.spawn(name, move |_| Worker { pace, done }).unwrap();
    (pid, counted)
}

/// Sends pieces of this size one after the other, each as soon as there is room, until the world ends. Gives how
/// many were sent.
fn push(node: &Node, to: &Pid<WorkerProtocol>, size: usize) -> Arc<AtomicU64> {
    let sent = Arc::new(AtomicU64::new(0));
    let (node, to, counted) = (node.clone(), to.clone(), sent.clone());
    tokio::task::spawn_local(async move {
        while node.tell_ready(&to, Work("x".repeat(size))).await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    sent
}

/// How many asks, one after the other, `to` answers to `node` in two seconds.
async fn asks_in_two_seconds(node: &Node, to: &Pid<WorkerProtocol>) -> u64 {
    let end = Instant::now() + 2 * SECOND;
    let mut answered = 0;
    while Instant::now() < end {
        node.ask(to, Done, SOON).await.unwrap();
        answered += 1;
    }
    answered
}

const SLOW: Duration = Duration::from_millis(20);

/// Three nodes, a slow actor and a quick one on the last; how many asks the quick one answers to the first, and
/// what those got done who sent to the slow one, if they were `crowding` it.
async fn neighbours(net: Net, crowding: bool) -> (u64, u64) {
    let one = net.node("10.0.0.1:5050").await;
    let two = net.node("10.0.0.2:5050").await;
    let three = net.node("10.0.0.3:5050").await;
    let (slow, slow_done) = worker(&three, "slow", SLOW);
    let (quick, _) = worker(&three, "quick", Duration::ZERO);
    if crowding {
        // From the node that asks, and from another one.
        push(&one, &slow, 10_000);
        push(&two, &slow, 10_000);
        sleep(SECOND).await;
    }
    let before = slow_done.load(Ordering::Relaxed);
    let answered = asks_in_two_seconds(&one, &quick).await;
    (answered, slow_done.load(Ordering::Relaxed) - before)
}

#[test]
fn a_slow_actor_slows_exactly_those_who_send_to_it() {
    let (alone, nothing) = sim::run(3, |net| neighbours(net, false));
    let (beside, done) = sim::run(3, |net| neighbours(net, true));
    // One connection carries both from the first node: the quick one's asks do not notice what waits for the slow one.
    assert!(
        beside * 100 >= alone * 98,
        "{alone} asks alone, {beside} beside a crowd"
    );
    // The crowd goes exactly at the slow one's pace: 100 pieces in the same two seconds.
    assert_eq!(nothing, 0);
    assert!((95..=105).contains(&done), "{done}");
}

#[test]
fn a_sender_that_waits_for_room_is_never_far_ahead() {
    sim::run(4, |net| async move {
        const SIZE: usize = 10_000;
        let one = net.node("10.0.0.1:5050").await;
        let two = net.node("10.0.0.2:5050").await;
        let (slow, done) = worker(&two, "slow", SLOW);
        let sent = push(&one, &slow, SIZE);
        let mut most = 0;
        for _ in 0..500 {
            sleep(SLOW).await;
            let ahead = sent.load(Ordering::Relaxed) - done.load(Ordering::Relaxed);
            most = most.max(ahead);
        }
        // What is on the way and in the mailbox is bounded by its bytes, a quarter of a MiB for one actor, however
        // long it goes on; and what is sent is what is done.
        assert!((10..60).contains(&most), "{most} pieces ahead");
        let done = done.load(Ordering::Relaxed);
        assert!((480..=505).contains(&done), "{done}");
        let waiting = one.links()[0].waiting;
        assert!(waiting < 2 * SIZE, "{waiting} bytes wait at the sender");
        // Nothing was dropped for it.
        assert_eq!((one.undelivered(), two.undelivered()), (0, 0));
    });
}

/// What each of three senders on the first node has got done with a slow actor on `place`, all of them waiting for
/// room all the time.
async fn shares(net: Net, place: usize) -> Vec<u64> {
    const SENDERS: usize = 3;
    const ROOM: usize = 16;
    let nodes = [
        net.node("10.0.0.1:5050").await,
        net.node("10.0.0.2:5050").await,
    ];
    let done = Arc::new(AtomicU64::new(0));
    let slow = nodes[place].process("slow").mailbox(ROOM);
    let slow = slow.spawn(move |_| Worker { pace: SLOW, done }).unwrap();
    let sent: Vec<_> = (0..SENDERS)
        .map(|_| push(&nodes[0], &slow, 10_000))
        .collect();
    sleep(20 * SECOND).await;
    sent.iter()
        .map(|sent| sent.load(Ordering::Relaxed))
        .collect()
}

#[test]
fn senders_that_wait_for_room_are_served_in_turn() {
    for place in [0, 1] {
        let shares = sim::run(6, move |net| shares(net, place));
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        // Together about a thousand; in turns of what there is room for.
        assert!(*least > 250 && most - least < 70, "{shares:?}");
    }
}

#[test]
fn a_sender_that_does_not_wait_is_told_by_its_monitors() {
    sim::run(5, |net| async move {
        let one = net.node("10.0.0.1:5050").await;
        let two = net.node("10.0.0.2:5050").await;
        let (slow, _) = worker(&two, "slow", 3600 * SECOND);
        let (quick, _) = worker(&two, "quick", Duration::ZERO);
        assert_eq!(one.ask(&quick, Done, SOON).await, Ok(0));
        let (slow_ended, quick_ended) = (one.monitor(&slow), one.monitor(&quick));
        let from_two = two.monitor(&slow);

        let mut sent = 0_u64;
        let mut ended = std::pin::pin!(slow_ended);
        let exited = loop {
            tokio::select! {
                biased;
                exited = &mut ended => break exited,
                () = tokio::task::yield_now() => {}
            }
            one.tell(&slow, Work("x".repeat(1_000_000)));
            sent += 1;
            assert!(sent < 1000, "nothing bounds what waits");
        };
        // The link is gone with all that waited for it, and whoever watched through it knows why.
        assert_eq!(exited.reason, ExitReason::Overloaded);
        assert_eq!(quick_ended.await.reason, ExitReason::Overloaded);
        // A new link works at once. The actors themselves have not ended.
        assert_eq!(one.ask(&quick, Done, SOON).await, Ok(0));
        let still = tokio::time::timeout(SECOND, from_two).await;
        assert!(still.is_err(), "{still:?}");
    });
}

#[tokio::test]
async fn an_actor_that_is_flooded_does_not_starve_its_thread() {
    // One thread for all actors; another one floods.
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let node = Node::local_here(1);
            let flooded = node.spawn("flooded", |_| Counter::default()).unwrap();
            let neighbour = node.spawn("neighbour", |_| Counter::default()).unwrap();
            let over = Arc::new(AtomicBool::new(false));
            let flood = std::thread::spawn({
                let (node, flooded, over) = (node.clone(), flooded.clone(), over.clone());
                move || {
                    while !over.load(Ordering::Relaxed) {
                        node.tell(&flooded, Add(1));
                    }
                }
            });
            let depth = || {
                let processes = node.processes();
                let flooded = processes
                    .iter()
                    .find(|process| process.pid == flooded.any());
                flooded.unwrap().depth
            };
            soon(async {
                while depth() < 1000 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            // The neighbour's turn comes again and again, while there is always something to do for the other one.
            for n in 0..200 {
                node.tell(&neighbour, Add(1));
                assert_eq!(node.ask(&neighbour, Total, SOON).await, Ok(n + 1));
            }
            over.store(true, Ordering::Relaxed);
            flood.join().unwrap();
            node.crash();
        })
        .await;
}
