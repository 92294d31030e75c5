//! Encrypted, authenticated connections between nodes: QUIC, and the only place that knows it.
//!
//! ```text
//!   link/  ──►  Endpoint ── Connection ── SendLane / ReceiveLane       this module
//!                  │
//!              driver, quinn-proto                                     the protocol
//!                  │
//!               Network  ◄── the seam: datagrams, from UDP or simulated
//! ```
//!
//! Start at [`bind`]. A connection is mutual TLS (see [`tls`](crate::tls)), so every [`Connection`]
//! knows its [`PeerIdentity`]. A lane is a one-way ordered stream of bytes; a connection has few of
//! them, because their number is memory set aside at both ends.

mod config;
mod congestion;
mod connection;
mod driver;
mod endpoint;
mod keys;
mod lane;
mod network;
mod refusal;
mod simulated;
mod vacancy;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use crate::tls::PeerIdentity;
use crate::tls::{Identity, Trust};
pub use config::Liveness;
pub use connection::{CloseReason, Connection, Traffic};
pub use endpoint::{BindError, ConnectError, Endpoint, Incoming, bind};
pub use lane::{LaneError, ReceiveLane, SendLane};
pub use network::{Attached, DatagramNetwork, Network};

/// The most lanes that one side of a connection may have open at once: those of a link, and one that
/// is being closed. Each one allowed is a place set aside for every connection; these are as many as fit into
/// a table of sixteen.
pub const MAX_LANES: u32 = 14;

/// What a node's endpoint is made of.
#[derive(Debug)]
pub struct EndpointConfig {
    /// The address to bind; port 0 lets the system choose.
    pub address: SocketAddr,
    /// What to present to peers.
    pub identity: Identity,
    /// Whom to believe. If empty, the authority that issued `identity`, in any role.
    pub trusts: Vec<Trust>,
    /// Makes the protocol's random choices predictable: for simulation only.
    pub seed: Option<u64>,
    /// Where to keep the keys by which a restarted node ends the links of its former life. Without
    /// it (and without a seed) its peers notice a restart only when a link falls silent.
    pub keys_dir: Option<PathBuf>,
    /// How soon silence counts as the end.
    pub liveness: Liveness,
    /// Real or simulated.
    pub network: Network,
}
