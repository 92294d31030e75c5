//! Reaching another node: attempts, pauses between them, and what is known at once.
#![cfg(feature = "sim")]

use std::time::Duration;

use crate::common::{Counter, CounterProtocol, SOON, Total};
use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use libprocess::tls::Authority;
use libprocess::transport::Liveness;
use tokio::time::{Instant, sleep};

const ONE: &str = "10.0.0.1:5050";
const OTHER: &str = "10.0.0.2:5050";
const DISCONNECTED: AskError = AskError::Exited(ExitReason::Disconnected);

fn counter_at(address: &str) -> Pid<CounterProtocol> {
    Pid::named("counter", address.parse().unwrap())
}

/// Datagrams sent so far.
fn datagrams(net: &Net) -> usize {
    let sent = |event: &&sim::TraceEvent| event.fate == sim::Fate::Sent;
    net.trace().iter().filter(sent).count()
}

#[test]
fn after_a_failed_attempt_sends_fail_at_once_for_a_while() {
    sim::explore(0..5, |net| async move {
        let one = net.node(ONE).await;
        let absent = counter_at(OTHER);
        let start = Instant::now();
        assert_eq!(one.ask(&absent, Total, SOON).await, Err(DISCONNECTED));
        assert!(start.elapsed() > Duration::from_secs(1), "it was not tried");

        let (start, tried) = (Instant::now(), datagrams(&net));
        for _ in 0..1000 {
            assert_eq!(one.ask(&absent, Total, SOON).await, Err(DISCONNECTED));
            assert_eq!(one.monitor(&absent).await.reason, ExitReason::Disconnected);
        }
        assert_eq!((start.elapsed(), datagrams(&net)), (Duration::ZERO, tried));
        assert_eq!(one.links(), []);

        // However long it goes on, the pauses have an end.
        for _ in 0..20 {
            sleep(Duration::from_secs(2)).await;
            let tried = datagrams(&net);
            assert_eq!(one.ask(&absent, Total, SOON).await, Err(DISCONNECTED));
            assert!(datagrams(&net) > tried);
        }
    });
}

#[test]
fn a_node_that_speaks_first_is_reached_at_once() {
    sim::explore(0..5, |net| async move {
        let one = net.node(ONE).await;
        one.spawn("counter", |_| Counter::default()).unwrap();
        assert_eq!(
            one.ask(&counter_at(OTHER), Total, SOON).await,
            Err(DISCONNECTED)
        );

        let other = net.node(OTHER).await;
        other.spawn("counter", |_| Counter::default()).unwrap();
        assert_eq!(other.ask(&counter_at(ONE), Total, SOON).await, Ok(0));
        assert_eq!(one.ask(&counter_at(OTHER), Total, SOON).await, Ok(0));
    });
}

/// The machine is up and says that nobody has the port: no need to wait for silence.
#[tokio::test]
async fn a_port_that_nobody_has_is_known_at_once() {
    let authority = Authority::generate("test");
    let start = |name, address| {
        Node::bind(address)
            .identity(authority.issue("node", name))
            .start()
    };
    let one = start("one", "127.0.0.1:0").await.unwrap();
    let other = start("other", "127.0.0.1:0").await.unwrap();
    let counter = other.spawn("counter", |_| Counter::default()).unwrap();
    assert_eq!(one.ask(&counter, Total, SOON).await, Ok(0));
    other.shutdown(SOON).await;

    let asked = Instant::now();
    assert_eq!(one.ask(&counter, Total, SOON).await, Err(DISCONNECTED));
    assert!(
        asked.elapsed() < Liveness::default().silent_after,
        "{:?}",
        asked.elapsed()
    );
}
