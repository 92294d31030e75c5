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
//! | [`Elected`] | a [`Group`](group::Group), whose first member leads: in ZooKeeper ([`zookeeper`]), or in memory ([`MemoryGroup`]) for simulated clusters |
//!
//! What Mesos' documents say of it: `docs/high-availability.md`.

mod address;
mod contender;
mod detector;
mod elected;
pub mod group;
mod leader;
mod memory;
mod standalone;
#[cfg(test)]
mod tests;
pub mod zookeeper;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use libprocess::prelude::Node;
use tokio::sync::watch;

pub use address::{AddressError, DEFAULT_MASTER_PORT, MasterAddress, MasterFlag};
pub use elected::{Elected, NoLeader};
pub use memory::{MemoryGroup, MemoryPeer};
pub use standalone::Standalone;

use crate::v1;
use zookeeper::ZooKeeper;

/// A way to agree on a leading master. Cheap to share: `Arc<dyn Election>`.
pub trait Election: Send + Sync + 'static {
    /// Joins the contest. Dropping the candidacy withdraws.
    fn contend(&self, me: Leader) -> Candidacy;

    /// Follows who leads; `None` while nobody does. The first value is there at once.
    fn detect(&self) -> watch::Receiver<Option<Leader>>;
}

/// The election that `--master` names, for everybody who contends in none. Looks names up, which may block.
///
/// # Errors
/// The name of the master cannot be found.
pub fn of_flag(
    flag: &MasterFlag,
    session_timeout: Duration,
    node: &Node,
) -> Result<Arc<dyn Election>, AddressError> {
    Ok(match flag {
        MasterFlag::One(master) => Arc::new(Standalone::at(master.resolve()?, &master.host)),
        MasterFlag::Elected(url) => {
            let group = ZooKeeper::new(url.clone(), session_timeout);
            Arc::new(Elected::new(node, Arc::new(group)))
        }
    })
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
pub struct Candidacy {
    /// Where it stands. [`Leadership::Lost`] is final.
    pub leadership: watch::Receiver<Leadership>,
    withdraw: Withdraw,
    ended: BoxFuture<'static, ()>,
}

/// Where a contender stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Not leading yet.
    Contending,
    /// Leading.
    Leading(Term),
    /// Leading no more. Whoever led stops at once and starts over as a new master: another may
    /// already have changed the registry.
    Lost,
}

/// One leadership from its beginning to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Term {
    /// A node of the group that exists exactly as long as the leadership: a write that depends on it cannot be
    /// made by a former leader. None where there is no group.
    pub node: Option<Arc<str>>,
}

impl Candidacy {
    /// A candidacy that calls `withdraw` when it is dropped.
    pub fn new(
        leadership: watch::Receiver<Leadership>,
        withdraw: impl FnOnce() + Send + 'static,
    ) -> Candidacy {
        Candidacy {
            leadership,
            withdraw: Withdraw(Some(Box::new(withdraw))),
            ended: async {}.boxed(),
        }
    }

    /// With a future that resolves when, after the withdrawal, everybody can know of it.
    pub fn ending(mut self, ended: impl Future<Output = ()> + Send + 'static) -> Candidacy {
        self.ended = ended.boxed();
        self
    }

    /// Withdraws, and waits until others can know of it.
    pub async fn withdraw(self) {
        drop(self.withdraw);
        self.ended.await;
    }
}

impl std::fmt::Debug for Candidacy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Candidacy");
        shown.field("leadership", &*self.leadership.borrow());
        shown.finish_non_exhaustive()
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
