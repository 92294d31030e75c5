//! Who leads among the masters: the seam between daemons and whatever decides it.
//!
//! A master *contends* with its address; masters, agents and schedulers *detect* the leader.
//!
//! ```text
//!   master ── contend(me) ───▶ ┌──────────┐
//!          ◀── Leadership ──── │ Election │ ── Option<Leader> ──▶ agents, schedulers, masters
//!                              └──────────┘
//! ```
//!
//! | Implementation | Decided by |
//! |---|---|
//! | [`Standalone`] | configuration: one master, which always leads |
//! | [`MemoryGroup`] | a list in memory, for simulated clusters |

mod address;
mod memory;
mod standalone;

use std::net::SocketAddr;

use tokio::sync::watch;

pub use address::{AddressError, DEFAULT_MASTER_PORT, MasterAddress};
pub use memory::MemoryGroup;
pub use standalone::Standalone;

use crate::v1;

/// A way to agree on a leading master. Cheap to share: `Arc<dyn Election>`.
pub trait Election: Send + Sync + 'static {
    /// Joins the contest. Dropping the candidacy withdraws.
    fn contend(&self, me: Leader) -> Candidacy;

    /// Follows who leads; `None` while nobody does. The first value is there at once.
    fn detect(&self) -> watch::Receiver<Option<Leader>>;
}

/// The leading master.
#[derive(Clone, Debug, PartialEq)]
pub struct Leader {
    /// Where its actors (QUIC over UDP) and its HTTP server (TCP, the same number) are.
    pub address: SocketAddr,
    /// Its description. Known only in part if the election knows no more than an address: then
    /// `id` is empty.
    pub info: v1::MasterInfo,
}

/// One master's place in the contest; withdraws when dropped.
#[derive(Debug)]
pub struct Candidacy {
    /// Where it stands. [`Leadership::Lost`] is final.
    pub leadership: watch::Receiver<Leadership>,
    _withdraw: Withdraw,
}

/// Where a contender stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Not leading yet.
    Contending,
    /// Leading.
    Leading,
    /// Leading no more. Whoever led stops at once and starts over as a new master: another may
    /// already have changed the registry.
    Lost,
}

impl Leader {
    /// A leader of which only the address is known.
    pub fn at(address: SocketAddr, hostname: &str) -> Leader {
        let ip = match address {
            // Mesos reads the bytes of an IPv4 address, in network order, as an integer of its
            // (little-endian) machine.
            SocketAddr::V4(v4) => u32::from_le_bytes(v4.ip().octets()),
            SocketAddr::V6(_) => 0,
        };
        let info = v1::MasterInfo {
            ip,
            port: u32::from(address.port()),
            pid: Some(format!("master@{address}")),
            hostname: Some(hostname.to_string()),
            address: Some(v1::Address {
                hostname: Some(hostname.to_string()),
                ip: Some(address.ip().to_string()),
                port: i32::from(address.port()),
            }),
            ..Default::default()
        };
        Leader { address, info }
    }
}

impl Candidacy {
    /// A candidacy that calls `withdraw` when it is dropped.
    pub fn new(
        leadership: watch::Receiver<Leadership>,
        withdraw: impl FnOnce() + Send + 'static,
    ) -> Candidacy {
        Candidacy {
            leadership,
            _withdraw: Withdraw(Some(Box::new(withdraw))),
        }
    }
}

struct Withdraw(Option<Box<dyn FnOnce() + Send>>);

impl Drop for Withdraw {
    fn drop(&mut self) {
        if let Some(withdraw) = self.0.take() {
            withdraw();
        }
    }
}

impl std::fmt::Debug for Withdraw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Withdraw")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_address_as_recorded() {
        let leader = Leader::at("127.0.0.1:15060".parse().unwrap(), "localhost");
        assert_eq!(leader.info.ip, 16777343);
        assert_eq!(leader.info.pid.as_deref(), Some("master@127.0.0.1:15060"));
    }
}
