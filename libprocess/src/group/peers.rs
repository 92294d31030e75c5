//! The other brokers that a broker knows: who is up, what they told, when to try again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::roster::Place;
use super::{FORGET, PEERS, RETRY};

/// By the address of their node.
#[derive(Default)]
pub(super) struct Peers(BTreeMap<SocketAddr, Peer>);

pub(super) struct Peer {
    /// Tried for ever.
    seed: bool,
    /// It is monitored, and was told everything.
    pub(super) up: bool,
    /// The number of the last change heard; none before it told everything.
    pub(super) version: Option<u64>,
    /// Its members, as far as heard.
    pub(super) members: BTreeSet<Place>,
    /// Tries without an answer.
    tries: u32,
    heard: Instant,
}

impl Peers {
    /// The peer at `address`, known or new. None if there are too many.
    pub(super) fn meet(&mut self, address: SocketAddr, seed: bool) -> Option<&mut Peer> {
        if !self.0.contains_key(&address) && self.0.len() >= PEERS {
            tracing::warn!(%address, "groups are shared with too many nodes: left out");
            return None;
        }
        let peer = self.0.entry(address).or_insert_with(|| Peer {
            seed,
            up: false,
            version: None,
            members: BTreeSet::new(),
            tries: 0,
            heard: Instant::now(),
        });
        Some(peer)
    }

    pub(super) fn get_mut(&mut self, address: SocketAddr) -> Option<&mut Peer> {
        self.0.get_mut(&address)
    }

    pub(super) fn knows(&self, address: SocketAddr) -> bool {
        self.0.contains_key(&address)
    }

    pub(super) fn forget(&mut self, address: SocketAddr) {
        self.0.remove(&address);
    }

    pub(super) fn up(&self) -> impl Iterator<Item = SocketAddr> {
        let up = self.0.iter().filter(|(_, peer)| peer.up);
        up.map(|(address, _)| *address)
    }
}

impl Peer {
    /// It told everything.
    pub(super) fn hear(&mut self, version: u64) {
        self.version = Some(version);
        self.tries = 0;
        self.heard = Instant::now();
    }

    /// It is gone, or the way to it. Gives when to try again, spread by `chance` (0 to 1); none for never.
    pub(super) fn lose(&mut self, chance: f64) -> Option<Duration> {
        if self.version.is_some() {
            self.heard = Instant::now();
        }
        self.up = false;
        self.version = None;
        if !self.seed && self.heard.elapsed() > FORGET {
            return None;
        }
        let (first, longest) = RETRY;
        // Beyond 2^16 times the first, any wait is the longest.
        let doubled = first.saturating_mul(1 << self.tries.min(16));
        self.tries = self.tries.saturating_add(1);
        Some(doubled.min(longest).mul_f64(0.5 + 0.5 * chance))
    }
}
