//! The hand on a simulated world.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::datagrams::Datagrams;
use super::disk::Disk;
use super::envelope::Envelope;
use super::messages::Messages;
use super::trace::TraceEvent;
use super::world::World;
use crate::node::Node;
use crate::tls::{Authority, Identity, PeerIdentity};
use crate::transport::Network;

/// A simulated network and its nodes. Clones are handles of the same one.
#[derive(Clone)]
pub struct Net {
    pub(super) world: Arc<World>,
    pub(super) datagrams: Arc<Datagrams>,
    pub(super) messages: Messages,
    /// Whether nodes are to be started on the message network.
    by_message: Arc<AtomicBool>,
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
    /// Inside of the world's runtime, where somebody has to poll its [`carrier`](Self::carrier).
    pub(super) fn new(seed: u64) -> Self {
        let world = Arc::new(World::new(seed));
        let datagrams = Arc::new(Datagrams::new(world.clone()));
        let carrier = datagrams.clone();
        tokio::task::spawn_local(async move { carrier.carry().await });
        let messages = Messages::new(world.clone());
        Net {
            world,
            datagrams,
            messages,
            by_message: Arc::default(),
            authority: Arc::new(Authority::from_seed(secret(seed, "authority"))),
            lives: Arc::default(),
            seed,
        }
    }

    /// Carries messages, for ever.
    pub(super) fn carrier(&self) -> impl Future<Output = ()> + use<> {
        self.messages.shared().clone().carry()
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
        let builder = Node::bind(address).seed(derive(self.seed, &format!("node {life}")));
        let builder = match self.by_message.load(Ordering::Relaxed) {
            true => {
                let identity = PeerIdentity::new(role, name);
                builder.network(Network::Messages(self.messages.presenting(identity)))
            }
            false => builder
                .identity(self.identity(role, name))
                .network(self.network()),
        };
        let started = builder.start().await;
        let node = started.unwrap_or_else(|error| panic!("no node at {address}: {error}"));
        self.world.machine(node.address(), |machine| {
            machine.identity = Some((role.to_owned(), name.to_owned()));
        });
        node
    }

    /// Ends a node as a power failure does: none of its actors runs again, nobody is told, and what was not synced
    /// to its [`disk`](Self::disk) may be lost.
    pub fn crash(&self, node: &Node) {
        self.unplug(node);
        node.crash();
        self.world.power_failure(node.address());
    }

    /// Starts a node anew at its address, with its role and name, and the disk it had. If it still lives, it crashes
    /// first. It has no actors yet: spawn them, and hand them its [`disk`](Self::disk).
    ///
    /// # Panics
    /// If this world did not start it.
    pub async fn restart(&self, node: &Node) -> Node {
        let address = node.address();
        if node.is_alive() {
            self.crash(node);
        }
        let identity = self
            .world
            .machine(address, |machine| machine.identity.clone());
        let (role, name) = identity.unwrap_or_else(|| panic!("{address} is no node of this world"));
        self.node_as(&role, &name, &address.to_string()).await
    }

    /// As [`restart`](Self::restart), on a new machine: what was on the disk is gone.
    ///
    /// # Panics
    /// If this world did not start it.
    pub async fn restart_without_disk(&self, node: &Node) -> Node {
        if node.is_alive() {
            self.crash(node);
        }
        self.disk(node).wipe();
        self.restart(node).await
    }

    /// The disk of the machine at a node's address, which survives the lives of the node.
    pub fn disk(&self, place: &impl Place) -> Disk {
        self.world
            .machine(place.place(), |machine| machine.disk.clone())
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
        match self.by_message.load(Ordering::Relaxed) {
            true => Network::Messages(self.messages.clone()),
            false => Network::Simulated(self.datagrams.clone()),
        }
    }

    /// From now on nodes are started on the message network, where those of the other are not reached: links carry
    /// messages without QUIC, TLS and tasks, for worlds of very many nodes or very many messages. What they guarantee
    /// is the same, and the faults are. Nodes are believed to be who they say they are.
    pub fn messages(&self) {
        self.by_message.store(true, Ordering::Relaxed);
    }

    /// Adds an event of the scenario's own to the trace's hash, with the current time.
    pub fn note(&self, text: &str) {
        self.world.note(text);
    }

    /// A hash of all packets and envelopes so far, equal in all runs with the same seed.
    pub fn trace_hash(&self) -> u64 {
        self.world.trace_hash()
    }

    /// The last messages, answers and notices between actors, at most 10,000.
    pub fn envelopes(&self) -> Vec<Envelope> {
        self.world
            .envelopes(|envelopes| envelopes.last().cloned().collect())
    }

    /// The last events on the network, at most 10,000.
    pub fn trace(&self) -> Vec<TraceEvent> {
        self.world.trace()
    }

    /// Tells whether anything still holds the network.
    #[cfg(test)]
    pub(super) fn downgrade(&self) -> std::sync::Weak<dyn std::any::Any + Send + Sync> {
        let weak: std::sync::Weak<Datagrams> = Arc::downgrade(&self.datagrams);
        weak
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
