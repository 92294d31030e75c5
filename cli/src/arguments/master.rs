//! `mesos master`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use master::config::{Config, RegistryKind};
use mesos::election::zookeeper::ZkUrl;

use super::values::{session_timeout, zk_url};
use super::{AllocatorFlags, HttpFlags, LifecycleFlags, LogFlags, NodeFlags, TlsFlags};

/// The flags of a master, by Mesos' names.
#[derive(Debug, Args)]
pub(crate) struct MasterFlags {
    #[command(flatten)]
    pub(crate) node: NodeFlags,

    /// Port to listen on: UDP for actors, TCP for HTTP
    #[arg(long, env = "MESOS_PORT", default_value_t = 5050)]
    pub(crate) port: u16,

    /// Where masters meet to elect a leader, as in zk://h1:2181,h2:2181,h3:2181/mesos; a single master if unset
    #[arg(long, env = "MESOS_ZK", value_parser = zk_url, value_name = "ZK_URL")]
    pub(crate) zk: Option<ZkUrl>,

    /// Time after which ZooKeeper gives up who has not been heard of
    #[arg(long = "zk_session_timeout", env = "MESOS_ZK_SESSION_TIMEOUT", value_parser = session_timeout, default_value = "10secs")]
    pub(crate) zk_session_timeout: Duration,

    /// Masters of which a majority is needed: accepted for Mesos' sake, as ZooKeeper knows its own majority
    #[arg(long, env = "MESOS_QUORUM", hide = true)]
    pub(crate) quorum: Option<usize>,

    /// Folder of the registry of a single master; one master's at a time
    #[arg(long = "work_dir", env = "MESOS_WORK_DIR", required_unless_present_any = ["registry", "zk"])]
    pub(crate) work_dir: Option<PathBuf>,

    /// Where the registry is kept: below --work_dir, or, of replicated masters, in ZooKeeper
    #[arg(long, env = "MESOS_REGISTRY", value_enum)]
    pub(crate) registry: Option<Registry>,

    /// Name of the cluster, shown by the page
    #[arg(long, env = "MESOS_CLUSTER")]
    pub(crate) cluster: Option<String>,

    #[command(flatten)]
    pub(crate) allocator: AllocatorFlags,

    #[command(flatten)]
    pub(crate) lifecycle: LifecycleFlags,

    /// Operators who may follow the events of the cluster; of more the oldest is disconnected
    #[arg(
        long = "max_operator_event_stream_subscribers",
        env = "MESOS_MAX_OPERATOR_EVENT_STREAM_SUBSCRIBERS",
        default_value_t = 1000
    )]
    pub(crate) max_operator_event_stream_subscribers: usize,

    #[command(flatten)]
    pub(crate) http: HttpFlags,
    #[command(flatten)]
    pub(crate) tls: TlsFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}

/// Where the registry is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Registry {
    /// A file below `--work_dir`, for one master
    Disk,
    /// Nodes below `--zk`, for replicated masters
    #[value(name = "zookeeper")]
    ZooKeeper,
    /// Mesos' name for the one that fits: in ZooKeeper with `--zk`, else on disk
    #[value(name = "replicated_log")]
    ReplicatedLog,
    /// Forgotten with the process
    #[value(name = "in_memory")]
    InMemory,
}

impl MasterFlags {
    pub(crate) fn config(&self) -> Result<Config, String> {
        let config = Config {
            hostname: self.node.hostname.clone(),
            cluster: self.cluster.clone(),
            work_dir: self.work_dir.clone(),
            registry: self.registry()?,
            zk: self.zk.clone(),
            zk_session_timeout: self.zk_session_timeout,
            max_operator_event_stream_subscribers: self.max_operator_event_stream_subscribers,
            ..Config::default()
        };
        Ok(self.lifecycle.apply(self.allocator.apply(config)))
    }

    fn registry(&self) -> Result<RegistryKind, String> {
        match (self.registry, &self.zk) {
            (Some(Registry::InMemory), _) => Ok(RegistryKind::InMemory),
            (Some(Registry::Disk), Some(_)) => Err(
                "--registry=disk is the registry of a single master: the next leader would not find it; \
                 leave it out, or leave out --zk"
                    .to_owned(),
            ),
            (Some(Registry::ZooKeeper), None) => {
                Err("--registry=zookeeper needs --zk=zk://HOSTS/PATH".to_owned())
            }
            (_, Some(_)) => Ok(RegistryKind::ZooKeeper),
            (_, None) => Ok(RegistryKind::Disk),
        }
    }
}
