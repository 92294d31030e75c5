//! The simulated network below the nodes: real QUIC, virtual time.

mod network;
mod worlds;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::*;
use crate::transport::{CloseReason, Connection, Endpoint, EndpointConfig, Liveness, bind};

const MS: Duration = Duration::from_millis(1);

fn endpoint(net: &Net, address: &str) -> Endpoint {
    let config = EndpointConfig {
        address: address.parse().unwrap(),
        identity: net.identity("node", address),
        trusts: Vec::new(),
        seed: Some(net.seed()),
        keys_dir: None,
        liveness: Liveness::default(),
        network: net.network(),
    };
    bind(config).unwrap()
}

/// Two connected endpoints.
async fn pair(net: &Net) -> (Endpoint, Endpoint, Connection, Connection) {
    let (a, b) = (
        endpoint(net, "10.0.0.1:5050"),
        endpoint(net, "10.0.0.2:5050"),
    );
    let (to_b, to_a) = tokio::join!(a.connect(b.local_addr()), async {
        b.accept().await.unwrap().accept().await
    });
    (a, b, to_b.unwrap(), to_a.unwrap())
}

/// Sends `size` bytes and waits until the other side has them all.
async fn transfer(from: &Connection, to: &Connection, size: usize) {
    let mut lane = from.open_uni().await.unwrap();
    let sending = async {
        lane.write_chunk(Bytes::from(vec![7; size])).await.unwrap();
        lane.finish();
    };
    let receiving = async {
        let mut lane = to.accept_uni().await.unwrap();
        let mut received = 0;
        while let Some(bytes) = lane.read(4096).await {
            received += bytes.len();
        }
        assert_eq!(received, size);
    };
    tokio::join!(sending, receiving);
}

#[test]
fn an_hour_passes_in_no_time() {
    let passed = run(1, |net| async move {
        let start = Instant::now();
        let (_a, _b, to_b, to_a) = pair(&net).await;
        // Links ping; a bare connection lives as long as it is used.
        for _ in 0..900 {
            tokio::time::sleep(Duration::from_secs(4)).await;
            transfer(&to_b, &to_a, 1000).await;
        }
        start.elapsed()
    });
    assert!(passed >= Duration::from_secs(3600));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let trace = |seed| {
        run(seed, |net| async move {
            net.latency(MS..=20 * MS);
            net.loss(0.05);
            net.duplicate(0.02);
            let (_a, _b, to_b, to_a) = pair(&net).await;
            transfer(&to_b, &to_a, 200_000).await;
            transfer(&to_a, &to_b, 50_000).await;
            net.note("done");
            (net.trace_hash(), net.trace())
        })
    };
    let (first, events) = trace(7);
    let (second, again) = trace(7);
    if let Some((one, other)) = events.iter().zip(&again).find(|(one, other)| one != other) {
        panic!("the runs part:\n{one}\n{other}");
    }
    assert_eq!(first, second);
    for fate in [Fate::Lost, Fate::Duplicated, Fate::Delivered] {
        assert!(events.iter().any(|event| event.fate == fate), "{fate:?}");
    }
    if std::env::var(SEED_VARIABLE).is_err() {
        assert_ne!(first, trace(8).0);
    }
}

#[test]
fn latency_is_what_was_asked_for() {
    run(1, |net| async move {
        net.latency(50 * MS..=50 * MS);
        let (_a, _b, to_b, _to_a) = pair(&net).await;
        let rtt = to_b.rtt();
        assert!((100 * MS..110 * MS).contains(&rtt), "{rtt:?}");
    });
}

#[test]
fn a_partition_ends_connections_and_healing_allows_new_ones() {
    run(1, |net| async move {
        let (a, b, to_b, to_a) = pair(&net).await;
        net.partition(&[a.local_addr()], &[b.local_addr()]);
        assert_eq!(to_b.closed().await, CloseReason::Silent);
        assert_eq!(to_a.closed().await, CloseReason::Silent);
        a.connect(b.local_addr()).await.unwrap_err();

        net.heal();
        let (to_b, to_a) = tokio::join!(a.connect(b.local_addr()), async {
            b.accept().await.unwrap().accept().await
        });
        transfer(&to_b.unwrap(), &to_a.unwrap(), 1000).await;
    });
}

#[test]
fn a_one_way_partition_lets_the_other_direction_pass() {
    run(1, |net| async move {
        let (a, b, to_b, _to_a) = pair(&net).await;
        net.partition_one_way(&[a.local_addr()], &[b.local_addr()]);
        let before = net.trace().len();
        to_b.closed().await;
        let after = &net.trace()[before..];
        let fates = |from: SocketAddr| {
            let of = move |event: &&TraceEvent| event.from == from && event.fate != Fate::Sent;
            after.iter().filter(of).map(|event| event.fate)
        };
        assert!(fates(a.local_addr()).all(|fate| fate == Fate::Blocked));
        assert!(fates(b.local_addr()).any(|fate| fate == Fate::Delivered));
    });
}

#[test]
fn a_node_that_is_started_again_ends_the_connections_of_its_former_life() {
    run(1, |net| async move {
        let (_a, b, to_b, _to_a) = pair(&net).await;
        net.unplug(&b.local_addr());
        let _reborn = endpoint(&net, "10.0.0.2:5050");
        let died = Instant::now();
        assert_eq!(to_b.closed().await, CloseReason::Restarted);
        assert!(died.elapsed() <= Liveness::default().ping_every + 100 * MS);
    });
}

#[test]
fn addresses_are_taken_and_given_back() {
    run(1, |net| async move {
        let address: SocketAddr = "10.0.0.1:5050".parse().unwrap();
        let first = endpoint(&net, "10.0.0.1:5050");
        let network = net.network();
        let crate::transport::Network::Simulated(datagrams) = network else {
            panic!("it is simulated");
        };
        assert!(datagrams.attach(address).is_err());
        let free = datagrams.attach("10.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(free.address.port(), 0);

        first.close(b"").await;
        drop(first);
        tokio::time::sleep(MS).await;
        datagrams.attach(address).unwrap();
    });
}

#[test]
fn a_failing_run_fails_with_its_own_panic() {
    let failed = std::panic::catch_unwind(|| run(3, |_| async { panic!("the scenario's own") }));
    let panic = failed.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the scenario's own"));
}

#[test]
fn a_failing_run_says_how_to_repeat_it() {
    let command = replay(3);
    assert!(command.starts_with("LIBPROCESS_SEED=3 cargo test -p libprocess -- --exact"));
    assert!(command.ends_with("sim::tests::a_failing_run_says_how_to_repeat_it"));
}

#[test]
fn exploring_runs_every_seed_in_a_world_of_its_own() {
    let seeds = std::cell::RefCell::new(Vec::new());
    explore(3..6, |net| {
        seeds.borrow_mut().push(net.seed());
        async move {
            // Taken in the world before, if it were the same.
            let _endpoint = endpoint(&net, "10.0.0.1:5050");
        }
    });
    let replayed = std::env::var(SEED_VARIABLE).is_ok();
    assert!(replayed || *seeds.borrow() == [3, 4, 5]);
}
