//! `mesos run`.

use clap::Args;
use mesos::resources::Quantity;

use super::ClusterFlags;
use super::values::{assignment, quantity};

/// A command to run on a cluster.
#[derive(Debug, Args)]
pub(crate) struct RunFlags {
    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,

    /// Processors of one instance
    #[arg(long, value_parser = quantity, default_value = "0.5", allow_negative_numbers = true)]
    pub(crate) cpus: Quantity,

    /// Memory of one instance, in megabytes
    #[arg(long, value_parser = quantity, default_value = "64", allow_negative_numbers = true)]
    pub(crate) mem: Quantity,

    /// Disk of one instance, in megabytes
    #[arg(long, value_parser = quantity, allow_negative_numbers = true)]
    pub(crate) disk: Option<Quantity>,

    /// How many times to run it, side by side
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) instances: u32,

    /// A variable of the command's environment; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) env: Vec<(String, String)>,

    /// A file to fetch into the sandbox, and to unpack if it is an archive; may be repeated
    #[arg(long, value_name = "URI")]
    pub(crate) uri: Vec<String>,

    /// Name of the task and the framework
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Role to receive offers for
    #[arg(long, env = "MESOS_ROLE", default_value = "*")]
    pub(crate) role: String,

    /// User to run as; your own if unset
    #[arg(long)]
    pub(crate) user: Option<String>,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}
