//! `mesos master`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use master::config::{Config, RegistryKind};

use super::values::{duration, percentage};
use super::{AllocatorFlags, HttpFlags, LogFlags, NodeFlags, TlsFlags};

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

    /// Interval of the pings of agents
    #[arg(long = "agent_ping_timeout", env = "MESOS_AGENT_PING_TIMEOUT", value_parser = duration, default_value = "15secs")]
    pub(crate) agent_ping_timeout: Duration,

    /// Missed pings after which an agent is unreachable
    #[arg(
        long = "max_agent_ping_timeouts",
        env = "MESOS_MAX_AGENT_PING_TIMEOUTS",
        default_value_t = 5
    )]
    pub(crate) max_agent_ping_timeouts: u32,

    /// Time that known agents have to come back after the master restarted
    #[arg(long = "agent_reregister_timeout", env = "MESOS_AGENT_REREGISTER_TIMEOUT", value_parser = duration, default_value = "10mins")]
    pub(crate) agent_reregister_timeout: Duration,

    /// Share of agents that may fail to come back before the master refuses to give them up
    #[arg(long = "recovery_agent_removal_limit", env = "MESOS_RECOVERY_AGENT_REMOVAL_LIMIT", value_parser = percentage, default_value = "100%")]
    pub(crate) recovery_agent_removal_limit: f64,

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
            agent_ping_timeout: self.agent_ping_timeout,
            max_agent_ping_timeouts: self.max_agent_ping_timeouts,
            agent_reregister_timeout: self.agent_reregister_timeout,
            recovery_agent_removal_limit: self.recovery_agent_removal_limit,
            ..Config::default()
        };
        self.allocator.apply(config)
    }
}
