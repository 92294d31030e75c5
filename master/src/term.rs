//! One term of a master: its actors, put together in one place.
//!
//! ```text
//!   allocator ── Allocated ──▶ inbox ──▶ master ──▶ agent-observer(n), one per agent
//!       ▲                                │  ▲ │
//!       └───────── AllocatorOps ─────────┘  │ └──▶ Arc<View>, for everybody who only looks;
//!                                           │      changes of it ──▶ operator-events
//!                       registrar ◀─────────┘
//! ```
//!
//! A `whitelist` process tells the inbox of changes of its file, if there is one.
//!
//! They live and end together: a master whose registry, allocator or core has failed knows less
//! than it believes, so it ends as a whole and another term begins with what was stored.

use std::net::IpAddr;
use std::sync::Arc;

use libprocess::prelude::*;
use mesos::protocols::{MasterProtocol, names};
use mesos::v1;
use mesos::version::MESOS_COMPATIBLE;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::allocator::{ALLOCATOR_MAILBOX, AllocatorDoor, AllocatorOptions, AllocatorProcess};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::StartError;
use crate::events::{Herald, History};
use crate::inbox::{Inbox, InboxProtocol, Input};
use crate::master::{MasterProcess, Parts, Seat, fresh_uuid};
use crate::registrar::{RegistrarProcess, RegistrarTimeouts, Storage};
use crate::view::{View, ViewReceiver};
use crate::whitelist::{self, WhitelistWatcher};

/// Messages that may wait for the master: every agent and framework of a large cluster at once.
const MASTER_MAILBOX: usize = 1 << 17;

/// A term that has begun.
pub(crate) struct Term {
    pub(crate) pid: Pid<MasterProtocol>,
    pub(crate) inbox: Pid<InboxProtocol>,
    pub(crate) view: ViewReceiver,
    pub(crate) allocator: AllocatorDoor,
    /// All actors but the master's observers, which end with it.
    actors: Vec<AnyPid>,
    node: Node,
}

impl Seat {
    /// For a master that does not lead yet.
    pub(crate) fn new(config: &Arc<Config>, info: v1::MasterInfo) -> Seat {
        let now = Instant::now();
        let clock = Clock::new(now, config.start_time);
        let vacant = View::vacant(config, info, None, clock.at(now));
        Seat {
            clock,
            views: watch::Sender::new(Arc::new(vacant)),
            allocators: watch::Sender::new(None),
        }
    }
}

impl Term {
    /// The first and only term of a master.
    pub(crate) async fn begin_first(
        config: Arc<Config>,
        storage: Box<dyn Storage>,
        node: &Node,
    ) -> Result<Term, StartError> {
        let (to_master, inputs) = mpsc::unbounded_channel();
        let (announce, id) = oneshot::channel();
        let inbox = node.spawn("master-inbox", move |ctx| {
            // Whoever starts the master may have given up.
            let _ = announce.send(fresh_uuid(ctx));
            Inbox::new(to_master)
        })?;
        let id = id.await.map_err(|_| StartError::Ended)?;
        let info = master_info(id.to_string(), node, &config);
        let seat = Seat::new(&config, info.clone());
        Term::with_inbox(config, info, storage, seat, inbox, inputs, node).await
    }

    /// A term of a master that is known as `info`, and that publishes and reads the time where it sits.
    pub(crate) async fn begin(
        config: Arc<Config>,
        info: v1::MasterInfo,
        storage: Box<dyn Storage>,
        seat: Seat,
        node: &Node,
    ) -> Result<Term, StartError> {
        let (to_master, inputs) = mpsc::unbounded_channel();
        let inbox = node.spawn("master-inbox", move |_| Inbox::new(to_master))?;
        Term::with_inbox(config, info, storage, seat, inbox, inputs, node).await
    }

    async fn with_inbox(
        config: Arc<Config>,
        info: v1::MasterInfo,
        storage: Box<dyn Storage>,
        seat: Seat,
        inbox: Pid<InboxProtocol>,
        inputs: mpsc::UnboundedReceiver<Input>,
        node: &Node,
    ) -> Result<Term, StartError> {
        let view = seat.views.subscribe();
        let mut actors = vec![inbox.any()];
        let parts = spawn_parts(&config, storage, inbox.clone(), &mut actors, node).await;
        let master = parts.and_then(|(parts, allocator)| {
            seat.allocators.send_replace(Some(allocator.clone()));
            let events = History::new(info.id.replace('-', "")).showing(config.museum);
            let events = Arc::new(events);
            let told = events.clone();
            let process = node
                .process(names::MASTER)
                .mailbox(MASTER_MAILBOX)
                .own_thread();
            let master = process.spawn(move |ctx| {
                MasterProcess::new(config, info, parts, inputs, seat, events, ctx)
            })?;
            // It ends with its master.
            Herald::spawn(node, told, master.clone())?;
            Ok((master, allocator))
        });
        match master {
            Ok((pid, allocator)) => {
                actors.insert(0, pid.any());
                Ok(Term {
                    pid,
                    inbox,
                    view,
                    allocator,
                    actors,
                    node: node.clone(),
                })
            }
            Err(error) => {
                actors.iter().for_each(|actor| node.stop(actor));
                Err(error)
            }
        }
    }

    /// Waits until the master ends by itself.
    pub(crate) async fn ended(&self) -> Exited {
        self.node.monitor(&self.pid).await
    }

    /// Ends it without letting it do anything more, and waits until nothing of it is left.
    pub(crate) async fn end(self) {
        let ends: Vec<_> = (self.actors.iter())
            .map(|actor| {
                let end = self.node.monitor(actor.clone());
                self.node.kill(actor);
                end
            })
            .collect();
        for end in ends {
            end.await;
        }
    }
}

async fn spawn_parts(
    config: &Config,
    storage: Box<dyn Storage>,
    inbox: Pid<InboxProtocol>,
    actors: &mut Vec<AnyPid>,
    node: &Node,
) -> Result<(Parts, AllocatorDoor), StartError> {
    let options = allocator_options(config)?;
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
        let watcher = node
            .process("whitelist")
            .own_thread()
            .spawn(move |_| WhitelistWatcher::new(path, hosts, inbox))?;
        actors.push(watcher.any());
    }
    let (interval, subscriber) = (config.allocation_interval, inbox.clone());
    let (announce, reports) = oneshot::channel();
    let kind = config.allocator;
    let allocator = node
        .process("allocator")
        .mailbox(ALLOCATOR_MAILBOX)
        .own_thread()
        .spawn(move |ctx| {
            let mut allocator = kind.build(options);
            allocator.update_whitelist(whitelist);
            let process = AllocatorProcess::new(allocator, interval, subscriber, ctx);
            // Whoever starts the master may have given up.
            let _ = announce.send(process.reports());
            process
        })?;
    actors.push(allocator.any());
    let door = AllocatorDoor {
        pid: allocator.clone(),
        reports: reports.await.map_err(|_| StartError::Ended)?,
    };
    let museum = config.museum;
    let registrar = node
        .process("registrar")
        .own_thread()
        .spawn(move |_| RegistrarProcess::new(storage, timeouts).showing(museum))?;
    actors.push(registrar.any());
    let parts = Parts {
        inbox,
        allocator,
        registrar,
    };
    Ok((parts, door))
}

/// What the flags say about allocation.
fn allocator_options(config: &Config) -> Result<AllocatorOptions, StartError> {
    Ok(AllocatorOptions {
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
    })
}

fn region(domain: &v1::DomainInfo) -> Option<String> {
    let fault_domain = domain.fault_domain.as_ref()?;
    Some(fault_domain.region.name.clone())
}

/// Who the master on `node` is, as frameworks and readers see it.
pub(crate) fn master_info(id: String, node: &Node, config: &Config) -> v1::MasterInfo {
    use v1::master_info::{Capability, capability};

    let address = node.address();
    let ip = address.ip();
    let hostname = config.hostname.clone();
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
        domain: config.domain.clone(),
        capabilities: [
            capability::Type::AgentUpdate,
            capability::Type::AgentDraining,
            capability::Type::QuotaV2,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesos::election::Leader;
    use mesos::v1::domain_info::FaultDomain;
    use mesos::v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
    use serde_json::{Value, json};

    use super::*;
    use crate::allocator::{AgentSorter, SorterKind};

    #[test]
    fn the_allocator_does_what_the_flags_say() {
        let fault_domain = FaultDomain {
            region: RegionInfo { name: "eu".into() },
            zone: ZoneInfo { name: "1".into() },
        };
        let config = Config {
            allocation_interval: Duration::from_secs(2),
            min_allocatable_resources: "cpus:3".into(),
            filter_gpu_resources: false,
            weights: [("eng".to_owned(), 3.0)].into(),
            fair_sharing_excluded_resource_names: vec!["gpus".into()],
            role_sorter: SorterKind::Random,
            framework_sorter: SorterKind::Random,
            agent_sorter: AgentSorter::Spread,
            allocator_agent_recovery_factor: 0.5,
            allocator_recovery_timeout: Duration::from_secs(7),
            max_offers_per_framework: 9,
            domain: Some(v1::DomainInfo {
                fault_domain: Some(fault_domain),
            }),
            ..Config::default()
        };
        let options = allocator_options(&config).expect("options");
        assert_eq!(options.interval, Duration::from_secs(2));
        assert_eq!(options.min_allocatable, "cpus:3".parse().expect("amounts"));
        assert!(!options.filter_gpu_resources);
        assert_eq!(options.weights, config.weights);
        assert_eq!(options.fair_sharing_excluded, ["gpus".to_owned()].into());
        assert_eq!(options.role_sorter, SorterKind::Random);
        assert_eq!(options.framework_sorter, SorterKind::Random);
        assert_eq!(options.agent_sorter, AgentSorter::Spread);
        assert_eq!(options.region.as_deref(), Some("eu"));
        assert_eq!(options.recovery_factor, 0.5);
        assert_eq!(options.recovery_timeout, Duration::from_secs(7));
        assert_eq!(options.max_offers, 9);

        let plain = allocator_options(&Config::default()).expect("options");
        assert_eq!(
            (plain.role_sorter, plain.framework_sorter),
            Default::default()
        );
        assert!(plain.filter_gpu_resources && plain.region.is_none());
        assert_eq!(plain.recovery_factor, 0.8);

        let wrong = Config {
            min_allocatable_resources: "some".into(),
            ..Config::default()
        };
        let error = allocator_options(&wrong)
            .expect_err("no amounts")
            .to_string();
        assert!(
            error.starts_with("--min_allocatable_resources: "),
            "{error}"
        );
    }

    /// What a master of Mesos 1.11 writes into its node in ZooKeeper, but for the values that are its own.
    #[tokio::test]
    async fn a_master_writes_what_mesos_writes() {
        let node = Node::local();
        let config = Config {
            hostname: Some("host".to_owned()),
            ..Config::default()
        };
        let info = master_info("an-id".to_owned(), &node, &config);
        let leader = Leader {
            address: node.address(),
            info,
        };
        let written: Value = serde_json::from_slice(&leader.to_json()).expect("JSON");
        let (ip, port) = (node.address().ip().to_string(), node.address().port());
        let octets: Vec<u32> = ip
            .split('.')
            .map(|it| it.parse().expect("a byte"))
            .collect();
        let number = octets.iter().rev().fold(0, |all, byte| (all << 8) | byte);
        let recorded = json!({
            "address": {"hostname": "host", "ip": ip, "port": port},
            "capabilities": [
                {"type": "AGENT_UPDATE"}, {"type": "AGENT_DRAINING"}, {"type": "QUOTA_V2"}
            ],
            "hostname": "host",
            "id": "an-id",
            "ip": number,
            "pid": format!("master@{ip}:{port}"),
            "port": port,
            "version": "1.11.0",
        });
        assert_eq!(written, recorded);
    }
}
