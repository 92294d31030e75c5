//! `mesos local`.

use std::path::PathBuf;

use clap::Args;

use super::agent::ContainerFlags;
use super::{LogFlags, TlsFlags};

/// The flags of a cluster in one process.
#[derive(Debug, Args)]
pub(crate) struct LocalFlags {
    /// Number of agents; each offers this machine's resources, divided among them
    #[arg(long, alias = "num_slaves", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) agents: u16,

    /// Port of the master; the agents take the ports after it where they are free
    #[arg(long, default_value_t = 5050)]
    pub(crate) port: u16,

    /// Folder of the registry, sandboxes and checkpoints; a folder of its own, removed at the end, if unset
    #[arg(long = "work_dir")]
    pub(crate) work_dir: Option<PathBuf>,

    /// Resources of each agent, such as `cpus:4;mem:1024`; detected if unset
    #[arg(long)]
    pub(crate) resources: Option<String>,

    #[command(flatten)]
    pub(crate) containers: ContainerFlags,
    #[command(flatten)]
    pub(crate) tls: TlsFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}
