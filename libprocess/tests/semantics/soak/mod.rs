//! Soak: small clusters of actors that chatter all the time, through all that can go wrong, for many seeds. First
//! misfortunes, with an eye on what must always hold; then quiet, and everything must work again.
//!
//! A few seeds on every run of the tests; `LIBPROCESS_SOAK=1000` tries as many as it says. One file an invariant.

mod bounds;
mod chatter;
mod exits;
mod incarnations;
mod ledger;
mod misfortune;
mod once;
mod order;
mod recovery;

use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::{self, Net};

use chatter::Chatter;
use ledger::Ledger;

/// How many seeds are tried unless the variable says otherwise: a few seconds' worth.
const SEEDS: u64 = 5;

/// Nodes of a cluster.
const NODES: usize = 3;

/// Misfortunes in one run.
const STEPS: usize = 12;

/// Nodes with one chatting actor each, some of them down.
struct Cluster {
    net: Net,
    ledger: Ledger,
    nodes: Vec<Option<Node>>,
}

impl Cluster {
    async fn start(net: &Net) -> Self {
        let mut cluster = Cluster {
            net: net.clone(),
            ledger: Ledger::default(),
            nodes: vec![None; NODES],
        };
        for number in 0..NODES {
            cluster.start_node(number).await;
        }
        cluster
    }

    fn address(number: usize) -> String {
        format!("10.0.0.{}:5050", number + 1)
    }

    async fn start_node(&mut self, number: usize) {
        let node = self.net.node(&Self::address(number)).await;
        let others = (0..NODES).filter(|other| *other != number);
        let peers = others.map(|other| Self::address(other).parse().unwrap());
        let chatter = Chatter::new(peers.collect(), self.ledger.clone());
        node.process("chatter")
            .mailbox(bounds::MAILBOX)
            .spawn(|_| chatter)
            .unwrap();
        self.nodes[number] = Some(node);
    }

    fn up(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().flatten()
    }

    /// Lets time pass, with an eye on what must always hold.
    async fn pass(&self, time: Duration) {
        const LOOK_EVERY: Duration = Duration::from_millis(50);
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            self.net.advance(LOOK_EVERY).await;
            bounds::check(self);
        }
    }
}

async fn scenario(net: Net) {
    let mut cluster = Cluster::start(&net).await;
    misfortune::strike(&mut cluster, STEPS).await;
    misfortune::repair(&mut cluster).await;
    recovery::check(&cluster).await;
    cluster.ledger.look(|told| {
        order::check(told);
        once::check(told);
        incarnations::check(told);
        exits::check(told, &cluster);
    });
}

fn seeds() -> std::ops::Range<u64> {
    let wanted = std::env::var("LIBPROCESS_SOAK").ok();
    0..wanted.map_or(SEEDS, |text| text.parse().expect("a number of seeds"))
}

#[test]
fn what_is_guaranteed_holds_whatever_happens() {
    sim::explore(seeds(), scenario);
}

#[test]
fn what_is_guaranteed_holds_on_the_message_network() {
    sim::explore(seeds(), |net| {
        net.messages();
        scenario(net)
    });
}
