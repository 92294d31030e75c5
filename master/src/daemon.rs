//! One master: its actors, put together in one place.
//!
//! ```text
//!   allocator ── Allocated ──▶ inbox ──▶ master ──▶ agent-observer(n), one per agent
//!       ▲                                │  ▲ │
//!       └───────── AllocatorOp ──────────┘  │ └──▶ Arc<View>, for everybody who only looks;
//!                                           │      changes of it ──▶ operator-events
//!                       registrar ◀─────────┘
//! ```
//!
//! A `whitelist` process tells the inbox of changes of its file, if there is one.
//!
//! They live and end together: a master whose registry, allocator or core has failed knows less
//! than it believes, so it ends as a whole and is started anew.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use libprocess::prelude::*;
use mesos::protocols::{MasterProtocol, names};
use mesos::resources::ParseError;
use mesos::v1;
use mesos::version::MESOS_COMPATIBLE;
use tokio::sync::{mpsc, oneshot};

use crate::allocator::{
    ALLOCATOR_MAILBOX, Allocator, AllocatorDoor, AllocatorOptions, AllocatorProcess,
    HierarchicalAllocator,
};
use crate::config::{Config, RegistryKind};
use crate::events::Herald;
use crate::inbox::{Inbox, InboxProtocol};
use crate::master::{MasterProcess, Parts, fresh_uuid};
use crate::registrar::{DiskStorage, MemoryStorage, RegistrarProcess, RegistrarTimeouts, Storage};
use crate::view::ViewReceiver;
use crate::whitelist::{self, WhitelistError, WhitelistWatcher};

/// Messages that may wait for the master: every agent and framework of a large cluster at once.
const MASTER_MAILBOX: usize = 1 << 17;

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
        let (to_master, inputs) = mpsc::unbounded_channel();
        let inbox = node.spawn("master-inbox", move |_| Inbox::new(to_master))?;
        let started = start_parts(config, storage, inbox.clone(), inputs, node).await;
        if started.is_err() {
            node.stop(&inbox);
        }
        started
    }
}

async fn start_parts(
    config: Config,
    storage: Box<dyn Storage>,
    inbox: Pid<InboxProtocol>,
    inputs: mpsc::UnboundedReceiver<crate::inbox::Input>,
    node: &Node,
) -> Result<MasterHandle, StartError> {
    let options = AllocatorOptions {
        interval: config.allocation_interval,
        min_allocatable: config.min_allocatable_resources.parse()?,
        filter_gpu_resources: config.filter_gpu_resources,
        weights: config.weights.clone(),
        fair_sharing_excluded: config
            .fair_sharing_excluded_resource_names
            .iter()
            .cloned()
            .collect(),
        role_sorter: config.role_sorter,
        framework_sorter: config.framework_sorter,
        agent_sorter: config.agent_sorter,
        region: config.domain.as_ref().and_then(region),
        recovery_factor: config.allocator_agent_recovery_factor,
        recovery_timeout: config.allocator_recovery_timeout,
        max_offers: config.max_offers_per_framework,
    };
    let timeouts = RegistrarTimeouts {
        fetch: config.registry_fetch_timeout,
        store: config.registry_store_timeout,
    };
    let whitelist = config
        .whitelist
        .as_deref()
        .map(whitelist::read)
        .transpose()?;
    if let (Some(path), Some(hosts)) = (config.whitelist.clone(), whitelist.clone()) {
        let inbox = inbox.clone();
        node.process("whitelist")
            .own_thread()
            .spawn(move |_| WhitelistWatcher::new(path, hosts, inbox))?;
    }
    let (interval, subscriber) = (config.allocation_interval, inbox.clone());
    let (announce, reports) = oneshot::channel();
    let allocator = node
        .process("allocator")
        .mailbox(ALLOCATOR_MAILBOX)
        .own_thread()
        .spawn(move |ctx| {
            let mut allocator = Box::new(HierarchicalAllocator::new(options));
            allocator.update_whitelist(whitelist);
            let process = AllocatorProcess::new(allocator, interval, subscriber, ctx);
            // Whoever starts the master may have given up.
            let _ = announce.send(process.reports());
            process
        })?;
    let door = AllocatorDoor {
        pid: allocator.clone(),
        reports: reports.await.map_err(|_| StartError::Ended)?,
    };
    let registrar = node
        .process("registrar")
        .own_thread()
        .spawn(move |_| RegistrarProcess::new(storage, timeouts))?;

    let parts = Parts {
        inbox: inbox.clone(),
        allocator,
        registrar,
    };
    let config = Arc::new(config);
    let address = node.address();
    let (announce, announced) = oneshot::channel();
    let pid = node
        .process(names::MASTER)
        .mailbox(MASTER_MAILBOX)
        .own_thread()
        .spawn(move |ctx| {
            let id = fresh_uuid(ctx).to_string();
            let info = master_info(id, address, config.hostname.clone(), config.domain.clone());
            let master = MasterProcess::new(config, info, parts, inputs, ctx);
            // Whoever starts the master may have given up.
            let _ = announce.send(master.views());
            master
        })?;
    let view = announced.await.map_err(|_| StartError::Ended)?;
    let events = view.borrow().events.clone();
    Herald::spawn(node, events, pid.clone())?;
    Ok(MasterHandle {
        pid,
        inbox,
        view,
        allocator: door,
        node: node.clone(),
    })
}

impl MasterHandle {
    /// Waits until the master has read its registry and serves calls; `false` if it ended instead.
    pub async fn ready(&self) -> bool {
        let mut view = self.view.clone();
        view.wait_for(|view| !view.is_recovering()).await.is_ok()
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

/// Who the master is, as frameworks and readers see it.
fn region(domain: &v1::DomainInfo) -> Option<String> {
    let fault_domain = domain.fault_domain.as_ref()?;
    Some(fault_domain.region.name.clone())
}

fn master_info(
    id: String,
    address: SocketAddr,
    hostname: Option<String>,
    domain: Option<v1::DomainInfo>,
) -> v1::MasterInfo {
    use v1::master_info::{Capability, capability};

    let ip = address.ip();
    let hostname = hostname.unwrap_or_else(|| ip.to_string());
    v1::MasterInfo {
        id,
        ip: packed(ip),
        port: u32::from(address.port()),
        pid: Some(format!("{}@{address}", names::MASTER)),
        hostname: Some(hostname.clone()),
        version: Some(MESOS_COMPATIBLE.to_owned()),
        address: Some(v1::Address {
            hostname: Some(hostname),
            ip: Some(ip.to_string()),
            port: i32::from(address.port()),
        }),
        domain,
        capabilities: [
            capability::Type::AgentUpdate,
            capability::Type::AgentDraining,
        ]
        .map(|kind| Capability {
            r#type: Some(kind as i32),
        })
        .into(),
    }
}

/// The bytes of an IPv4 address in network order, as Mesos writes them into an integer on the
/// machines it runs on; clients that need more read `address`.
fn packed(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    }
}
