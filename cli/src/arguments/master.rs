//! `mesos master`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use master::config::{Config, RegistryKind};

use super::{AllocatorFlags, HttpFlags, LifecycleFlags, LogFlags, NodeFlags, TlsFlags};

/// The flags of a master, by Mesos' names.
#[derive(Debug, Args)]
pub(crate) struct MasterFlags {
    #[command(flatten)]
    pub(crate) node: NodeFlags,

    /// Port to listen on: UDP for actors, TCP for HTTP
    #[arg(long, env = "MESOS_PORT", default_value_t = 5050)]
    pub(crate) port: u16,

    /// Folder of the registry; one master's at a time
    #[arg(long = "work_dir", env = "MESOS_WORK_DIR", required_unless_present_any = ["registry"])]
    pub(crate) work_dir: Option<PathBuf>,

    /// Where the registry is kept
    #[arg(long, env = "MESOS_REGISTRY", value_enum, default_value_t = Registry::Disk)]
    pub(crate) registry: Registry,

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
    /// Forgotten with the process
    #[value(name = "in_memory")]
    InMemory,
}

impl MasterFlags {
    pub(crate) fn config(&self) -> Config {
        let config = Config {
            hostname: self.node.hostname.clone(),
            cluster: self.cluster.clone(),
            work_dir: self.work_dir.clone(),
            registry: match self.registry {
                Registry::Disk => RegistryKind::Disk,
                Registry::InMemory => RegistryKind::InMemory,
            },
            max_operator_event_stream_subscribers: self.max_operator_event_stream_subscribers,
            ..Config::default()
        };
        self.lifecycle.apply(self.allocator.apply(config))
    }
}
