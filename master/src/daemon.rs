//! Masters, as programs start them.
//!
//! A [`Master`] leads for as long as it lives: for tests, benchmarks, and whoever decides otherwise who leads. A
//! [`Candidate`](crate::Candidate) leads when it is elected.

use std::sync::Arc;

use libprocess::prelude::*;
use mesos::protocols::MasterProtocol;
use mesos::resources::ParseError;

use crate::allocator::AllocatorDoor;
use crate::config::{Config, RegistryKind};
use crate::inbox::InboxProtocol;
use crate::registrar::{DiskStorage, MemoryStorage, Storage};
use crate::term::Term;
use crate::view::ViewReceiver;
use crate::whitelist::WhitelistError;

/// Starts masters.
#[derive(Clone, Copy, Debug)]
pub struct Master;

/// A running master.
#[derive(Clone, Debug)]
pub struct MasterHandle {
    /// Where agents and schedulers find it.
    pub pid: Pid<MasterProtocol>,
    /// Its side door, for the operator's HTTP API.
    pub inbox: Pid<InboxProtocol>,
    /// What it publishes.
    pub view: ViewReceiver,
    /// What its allocator publishes, and where it is asked.
    pub allocator: AllocatorDoor,
    node: Node,
}

/// Why a master could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The registry is to be kept on disk, but nobody said where.
    #[error("--work_dir must be set to keep the registry on disk")]
    NoWorkDir,
    /// The registry is to be kept in ZooKeeper, but nobody said where.
    #[error("--zk must be set to keep the registry in ZooKeeper")]
    NoZooKeeper,
    /// A flag of the allocator is wrong.
    #[error("--min_allocatable_resources: {0}")]
    MinAllocatable(#[from] ParseError),
    /// There is no whitelist where the flag says.
    #[error(transparent)]
    Whitelist(#[from] WhitelistError),
    /// The node has such a process already, or is going down.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The master's actor ended at once.
    #[error("the master ended while it was starting")]
    Ended,
}

impl Master {
    /// Starts a master on `node`. It refuses calls until it has read its registry;
    /// [`MasterHandle::ready`] waits for that.
    ///
    /// # Errors
    /// If flags are missing or wrong, or the node has a master already.
    pub async fn start(config: Config, node: &Node) -> Result<MasterHandle, StartError> {
        let storage: Box<dyn Storage> = match (&config.registry, &config.work_dir) {
            (RegistryKind::InMemory, _) => Box::new(MemoryStorage::default()),
            (RegistryKind::Disk, Some(work_dir)) => Box::new(DiskStorage::new(work_dir)),
            (RegistryKind::Disk, None) => return Err(StartError::NoWorkDir),
            // Nothing would keep others from writing there.
            (RegistryKind::ZooKeeper, _) => return Err(StartError::NoZooKeeper),
        };
        Master::start_with(config, storage, node).await
    }

    /// As [`Master::start`], with a registry kept elsewhere.
    ///
    /// # Errors
    /// As there.
    pub async fn start_with(
        config: Config,
        storage: Box<dyn Storage>,
        node: &Node,
    ) -> Result<MasterHandle, StartError> {
        let term = Term::begin_first(Arc::new(config), storage, node).await?;
        Ok(MasterHandle {
            pid: term.pid,
            inbox: term.inbox,
            view: term.view,
            allocator: term.allocator,
            node: node.clone(),
        })
    }
}

impl MasterHandle {
    /// Waits until the master has read its registry and serves calls; `false` if it ended instead.
    pub async fn ready(&self) -> bool {
        let mut view = self.view.clone();
        view.wait_for(|view| view.elected.is_some()).await.is_ok()
    }

    /// Waits for its end.
    pub async fn ended(&self) -> Exited {
        self.node.monitor(&self.pid).await
    }

    /// Stops it with everything that belongs to it.
    pub fn stop(&self) {
        self.node.stop(&self.pid);
    }
}
