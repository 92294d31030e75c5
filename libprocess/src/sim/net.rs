//! The hand on a simulated world.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::datagrams::{Datagrams, Faults};
use super::trace::TraceEvent;
use crate::node::Node;
use crate::tls::{Authority, Identity};
use crate::transport::Network;

/// A simulated network and its nodes. Clones are handles of the same one.
#[derive(Clone)]
pub struct Net {
    datagrams: Arc<Datagrams>,
    authority: Arc<Authority>,
    /// Nodes started so far: each has chance of its own.
    lives: Arc<AtomicU64>,
    seed: u64,
}

/// What has an address in a simulated world: a node, or the address itself.
pub trait Place {
    /// Where its datagrams come from and go to.
    fn place(&self) -> SocketAddr;
}

impl Net {
    /// Inside of the world's runtime.
    pub(super) fn new(seed: u64) -> Self {
        let datagrams = Arc::new(Datagrams::new(seed));
        let carrier = datagrams.clone();
        tokio::task::spawn_local(async move { carrier.carry().await });
        Net {
            datagrams,
            authority: Arc::new(Authority::from_seed(secret(seed, "authority"))),
            lives: Arc::default(),
            seed,
        }
    }

    /// A node at `address` ("10.0.0.1:5050"), in the role `node`. Its actors live on the world's
    /// thread. The address of a node that crashed or was shut down may be used again.
    ///
    /// # Panics
    /// If the address is malformed or taken.
    pub async fn node(&self, address: &str) -> Node {
        self.node_as("node", address, address).await
    }

    /// A node in the role `role`, called `name`.
    ///
    /// # Panics
    /// If the address is malformed or taken.
    pub async fn node_as(&self, role: &str, name: &str, address: &str) -> Node {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let started = Node::bind(address)
            .identity(self.identity(role, name))
            .seed(derive(self.seed, &format!("node {life}")))
            .network(self.network())
            .start()
            .await;
        started.unwrap_or_else(|error| panic!("no node at {address}: {error}"))
    }

    /// Ends a node as a power failure does: none of its actors runs again, nobody is told.
    pub fn crash(&self, node: &Node) {
        self.unplug(node);
        node.crash();
    }

    /// The seed of this run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The authority that all nodes of this world trust.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// An identity in the world's authority; the same in every run with the same seed.
    pub fn identity(&self, role: &str, name: &str) -> Identity {
        let secret = secret(self.seed, &format!("{role}/{name}"));
        self.authority.issue_from_seed(role, name, secret)
    }

    /// The network, for nodes that are started by other code.
    pub fn network(&self) -> Network {
        Network::Simulated(self.datagrams.clone())
    }

    /// Nothing passes between `one` and `other` any more, in either direction, until
    /// [`heal`](Self::heal). What is under way is lost.
    pub fn partition<A: Place, B: Place>(&self, one: &[A], other: &[B]) {
        self.partition_one_way(one, other);
        self.partition_one_way(other, one);
    }

    /// Nothing passes from `from` to `to` any more; the other direction stays.
    pub fn partition_one_way<A: Place, B: Place>(&self, from: &[A], to: &[B]) {
        self.datagrams.set_faults(|faults| {
            for from in from {
                let ways = to.iter().map(|to| (from.place(), to.place()));
                faults.blocked.extend(ways);
            }
        });
    }

    /// Ends all partitions.
    pub fn heal(&self) {
        self.datagrams.set_faults(|faults| faults.blocked.clear());
    }

    /// Cuts a node off for the rest of its life, silently: what it sends is lost, and its address is
    /// free for another. [`heal`](Self::heal) does not bring it back.
    pub fn unplug(&self, node: &impl Place) {
        self.datagrams.unplug(node.place());
    }

    /// How long datagrams take; each draws its own time, so a wide range reorders them. The clock
    /// has a resolution of one millisecond. 1 ms until set.
    pub fn latency(&self, latency: RangeInclusive<Duration>) {
        self.datagrams.set_faults(|faults| faults.latency = latency);
    }

    /// Loses datagrams with this probability.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn loss(&self, probability: f64) {
        self.chance(probability, |faults| &mut faults.loss);
    }

    /// Delivers datagrams twice with this probability.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn duplicate(&self, probability: f64) {
        self.chance(probability, |faults| &mut faults.duplicate);
    }

    /// Adds an event of the scenario's own to the trace's hash, with the current time.
    pub fn note(&self, text: &str) {
        self.datagrams.note(text);
    }

    /// A hash of all that happened on the network so far, equal in all runs with the same seed.
    pub fn trace_hash(&self) -> u64 {
        self.datagrams.trace_hash()
    }

    /// The last events on the network, at most 10,000.
    pub fn trace(&self) -> Vec<TraceEvent> {
        self.datagrams.trace()
    }

    /// Tells whether anything still holds the network.
    #[cfg(test)]
    pub(super) fn downgrade(&self) -> std::sync::Weak<dyn std::any::Any + Send + Sync> {
        let weak: std::sync::Weak<Datagrams> = Arc::downgrade(&self.datagrams);
        weak
    }

    #[track_caller]
    fn chance(&self, probability: f64, which: impl FnOnce(&mut Faults) -> &mut f64) {
        assert!(
            (0.0..=1.0).contains(&probability),
            "{probability} is no probability"
        );
        self.datagrams
            .set_faults(|faults| *which(faults) = probability);
    }
}

impl Place for Node {
    fn place(&self) -> SocketAddr {
        self.address()
    }
}

impl Place for SocketAddr {
    fn place(&self) -> SocketAddr {
        *self
    }
}

impl<P: Place> Place for &P {
    fn place(&self) -> SocketAddr {
        (**self).place()
    }
}

/// A value of its own for each purpose and seed.
fn derive(seed: u64, purpose: &str) -> u64 {
    let mut mixed = super::trace::Trace::new();
    mixed.mix(&seed.to_le_bytes());
    mixed.mix(purpose.as_bytes());
    mixed.hash()
}

fn secret(seed: u64, purpose: &str) -> [u8; 32] {
    let mut secret = [0; 32];
    secret[..8].copy_from_slice(&derive(seed, purpose).to_le_bytes());
    secret
}
