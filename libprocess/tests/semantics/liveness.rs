//! Whether the other node is still there: silence ends a link on both sides, and nothing else does.
#![cfg(feature = "sim")]

use std::time::Duration;

use crate::common::{Add, Counter, CounterProtocol, SOON, Total};
use libprocess::Monitor;
use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use libprocess::tls::Authority;
use libprocess::transport::Liveness;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

const ONE: &str = "10.0.0.1:5050";
const OTHER: &str = "10.0.0.2:5050";
const SECOND: Duration = Duration::from_secs(1);

/// Two nodes with a link, and what each of them hears of an actor of the other.
struct Pair {
    nodes: [Node; 2],
    counters: [Pid<CounterProtocol>; 2],
    ends: [Monitor; 2],
}

async fn pair(net: &Net) -> Pair {
    let nodes = [net.node(ONE).await, net.node(OTHER).await];
    let counters = nodes
        .each_ref()
        .map(|node| node.spawn("counter", |_| Counter::default()).unwrap());
    let ends = [
        nodes[0].monitor(&counters[1]),
        nodes[1].monitor(&counters[0]),
    ];
    assert_eq!(nodes[0].ask(&counters[1], Total, SOON).await, Ok(0));
    Pair {
        nodes,
        counters,
        ends,
    }
}

/// When both sides have heard of the end of the link.
async fn both(ends: [Monitor; 2]) -> [Duration; 2] {
    let start = Instant::now();
    let [one, other] = ends.map(|end| async move {
        let exited = timeout(60 * SECOND, end).await.expect("it is not noticed");
        assert_eq!(exited.reason, ExitReason::Disconnected);
        start.elapsed()
    });
    let (one, other) = tokio::join!(one, other);
    [one, other]
}

#[test]
fn silence_ends_a_link_on_both_sides_in_time() {
    sim::explore(0..5, |net| async move {
        let pair = pair(&net).await;
        sleep(10 * SECOND).await;
        net.partition(&pair.nodes[..1], &pair.nodes[1..]);
        let Liveness {
            ping_every,
            silent_after,
        } = Liveness::default();
        for noticed in both(pair.ends).await {
            assert!(noticed <= silent_after, "{noticed:?}");
            // Not before several pings had their chance.
            assert!(noticed >= silent_after - 2 * ping_every, "{noticed:?}");
        }
        assert!(pair.nodes.iter().all(|node| node.links().is_empty()));
    });
}

/// Either direction, with traffic in either direction.
#[test]
fn a_network_that_carries_one_direction_only_ends_a_link_on_both_sides() {
    for deaf in [0, 1] {
        for talking in [None, Some(0), Some(1)] {
            sim::explore(0..3, move |net| async move {
                let pair = pair(&net).await;
                if let Some(talker) = talking {
                    let (node, to) = (pair.nodes[talker].clone(), &pair.counters[1 - talker]);
                    let to = to.clone();
                    tokio::task::spawn_local(async move {
                        while node.tell_ready(&to, Add(1)).await.is_ok() {
                            sleep(Duration::from_millis(1)).await;
                        }
                    });
                }
                sleep(SECOND).await;
                let (deaf, mute) = (&pair.nodes[deaf..=deaf], &pair.nodes[1 - deaf..2 - deaf]);
                net.partition_one_way(mute, deaf);
                for noticed in both(pair.ends).await {
                    // The other side is told, or hears nothing more itself.
                    assert!(
                        noticed <= 2 * Liveness::default().silent_after,
                        "{noticed:?}"
                    );
                }
            });
        }
    }
}

/// Whoever made the link, however long the node was gone, and whenever in the rhythm of pings it died.
#[test]
fn the_links_of_a_former_life_end_within_half_a_second_of_the_return() {
    for killed in [0, 1] {
        for gone in [0, 150, 1000, 2500] {
            sim::explore(0..4, move |net| async move {
                let Pair { nodes, ends, .. } = pair(&net).await;
                let [end_at_one, end_at_other] = ends;
                let mut survivors_end = if killed == 0 {
                    end_at_other
                } else {
                    end_at_one
                };
                sleep(5 * SECOND + Duration::from_millis(110 * net.seed())).await;
                net.crash(&nodes[killed]);
                sleep(Duration::from_millis(gone)).await;
                let still = timeout(Duration::ZERO, &mut survivors_end).await;
                assert!(still.is_err(), "it knew before");

                let returned = Instant::now();
                let _again = net.restart(&nodes[killed]).await;
                let exited = timeout(SECOND, survivors_end)
                    .await
                    .expect("it is not noticed");
                assert_eq!(exited.reason, ExitReason::Disconnected);
                let noticed = returned.elapsed();
                assert!(noticed <= Duration::from_millis(500), "{noticed:?}");
            });
        }
    }
}

/// As by SIGSTOP: the connection is whole, and nobody is there.
#[test]
fn a_node_that_stands_still_is_missed_but_not_for_a_short_pause() {
    sim::explore(0..5, |net| async move {
        let Pair {
            nodes,
            counters,
            ends: [mut heard_by_one, mut heard_by_other],
        } = pair(&net).await;
        net.pause(&nodes[1]);
        sleep(2 * SECOND).await;
        net.resume(&nodes[1]);
        assert_eq!(nodes[0].ask(&counters[1], Total, SOON).await, Ok(0));
        for end in [&mut heard_by_one, &mut heard_by_other] {
            assert!(timeout(10 * SECOND, end).await.is_err(), "the link ended");
        }

        net.pause(&nodes[1]);
        let patience = Liveness::default().silent_after;
        let exited = timeout(patience, heard_by_one)
            .await
            .expect("it is not noticed");
        assert_eq!(exited.reason, ExitReason::Disconnected);
        sleep(10 * SECOND).await;
        net.resume(&nodes[1]);
        let exited = timeout(patience, heard_by_other)
            .await
            .expect("it is not noticed");
        assert_eq!(exited.reason, ExitReason::Disconnected);
    });
}

#[test]
fn an_idle_link_lives_and_costs_one_ping_at_a_time() {
    sim::run(1, |net| async move {
        const MINUTE: Duration = Duration::from_secs(60);
        let pair = pair(&net).await;
        sleep(SECOND).await;
        let before = net.trace().len();
        sleep(MINUTE).await;
        // A ping, its answer, and the acknowledgement of that: each is sent, and delivered.
        let pings = MINUTE.as_millis() / Liveness::default().ping_every.as_millis();
        let events = (net.trace().len() - before) as u128;
        // One may have been under way already.
        assert!(events <= 6 * (pings + 1), "{events} for {pings} pings");
        for node in &pair.nodes {
            let measured = node.links()[0].round_trip.expect("it was pinged");
            // The network's own latency is one to two milliseconds.
            assert!(measured < Duration::from_millis(10), "{measured:?}");
        }
        let heard = pair.nodes[0].ask(&pair.counters[1], Total, SOON).await;
        assert_eq!(heard, Ok(0));
    });
}

#[derive(Serialize, Deserialize)]
struct Bulk(Vec<u8>);

protocol! { SinkProtocol = "sink" { 1 => Bulk -> () } }

/// Takes what it is given.
struct Sink;

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Process for Sink {
    type Protocol = SinkProtocol;
}

impl Handler<Bulk> for Sink {
    type Result = ();
    fn handle(&mut self, _: Bulk, _: &mut Context<Self>) {}
}

/// Far more is sent, both ways, than the network carries: its queue and all windows are full all the time.
#[test]
fn a_flood_over_a_slow_network_does_not_hold_up_pings() {
    sim::explore(0..3, |net| async move {
        let Pair {
            nodes, mut ends, ..
        } = pair(&net).await;
        net.bandwidth(&nodes[..1], &nodes[1..], 500_000);
        net.bandwidth(&nodes[1..], &nodes[..1], 500_000);
        let sinks = nodes
            .each_ref()
            .map(|node| node.spawn("sink", |_| Sink).unwrap());
        for (from, to) in [(0, 1), (1, 0)] {
            let (node, sink) = (nodes[from].clone(), sinks[to].clone());
            tokio::task::spawn_local(async move {
                while node.tell_ready(&sink, Bulk(vec![1; 100_000])).await.is_ok() {}
            });
        }
        let mut worst = Duration::ZERO;
        for _ in 0..30 {
            sleep(SECOND / 10).await;
            let links = nodes.iter().flat_map(Node::links);
            worst = worst.max(
                links
                    .filter_map(|link| link.round_trip)
                    .max()
                    .unwrap_or_default(),
            );
        }
        // The network's queues, half a second each way, and little more.
        assert!(
            worst > Duration::from_millis(50) && worst < 2 * SECOND,
            "{worst:?}"
        );
        for end in &mut ends {
            assert!(
                timeout(Duration::ZERO, end).await.is_err(),
                "the link ended"
            );
        }
    });
}

/// As a node with thousands of links does, if left to itself.
#[tokio::test]
async fn a_node_that_wants_fewer_pings_is_pinged_less() {
    const LOOKED_AT: Duration = Duration::from_secs(2);
    let authority = Authority::generate("test");
    let start = |name, ping_every| {
        Node::bind("127.0.0.1:0")
            .identity(authority.issue("node", name))
            .liveness(Liveness {
                ping_every,
                silent_after: 4 * SECOND,
            })
            .start()
    };
    let often = Duration::from_millis(20);
    let eager = start("eager", often).await.unwrap();
    let calm = start("calm", SECOND / 2).await.unwrap();
    let counter = calm.spawn("counter", |_| Counter::default()).unwrap();
    assert_eq!(eager.ask(&counter, Total, SOON).await, Ok(0));
    let sent = || eager.links()[0].traffic.expect("it is up").bytes_out;
    // The first answer has arrived.
    sleep(10 * often).await;
    let before = sent();
    sleep(LOOKED_AT).await;
    let sent = sent() - before;
    // A packet is larger than that.
    let if_eager = 40 * LOOKED_AT.as_millis() / often.as_millis();
    assert!(u128::from(sent) < if_eager / 3, "{sent} of {if_eager}");
    let round_trip = eager.links()[0].round_trip;
    assert!(round_trip.is_some(), "it is not pinged");
}

/// Both directions of a real link are filled for many times the silence that would end it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saturated_link_lives_and_its_pings_are_answered() {
    let authority = Authority::generate("test");
    let start = |name| {
        Node::bind("127.0.0.1:0")
            .identity(authority.issue("node", name))
            .liveness(Liveness {
                ping_every: Duration::from_millis(50),
                silent_after: SECOND,
            })
            .start()
    };
    let nodes = [start("a").await.unwrap(), start("b").await.unwrap()];
    let sinks = nodes
        .each_ref()
        .map(|node| node.spawn("sink", |_| Sink).unwrap());
    let (mut broken, mut worst) = (Vec::new(), Duration::ZERO);
    for (from, to) in [(0, 1), (1, 0)] {
        // Several senders, so that every lane is full.
        for sender in 0..4 {
            let (node, sink) = (nodes[from].clone(), sinks[to].clone());
            broken.push(tokio::spawn(async move {
                let bulk = || Bulk(vec![sender; 200_000]);
                while node.tell_ready(&sink, bulk()).await.is_ok() {}
            }));
        }
    }
    let until = Instant::now() + 3 * SECOND;
    while Instant::now() < until {
        for node in &nodes {
            let links = node.links();
            worst = worst.max(
                links
                    .iter()
                    .filter_map(|link| link.round_trip)
                    .max()
                    .unwrap_or_default(),
            );
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        broken.iter().all(|sender| !sender.is_finished()),
        "a link broke"
    );
    assert!(worst > Duration::ZERO && worst < SECOND, "{worst:?}");
    broken.iter().for_each(|sender| sender.abort());
}
