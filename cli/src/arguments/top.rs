//! What `mesos top` takes.

use std::time::Duration;

use clap::Args;

use super::TlsFlags;
use super::values::duration;

/// Which node to look at, and how.
#[derive(Debug, Args)]
pub(crate) struct TopFlags {
    /// The master, agent or other node to begin with; all that can be reached from it by links are shown
    #[arg(default_value = "127.0.0.1:5050", value_name = "HOST:PORT")]
    pub(crate) address: String,

    /// Look once, and end
    #[arg(long)]
    pub(crate) once: bool,

    /// Print JSON, for programs: one line each time
    #[arg(long)]
    pub(crate) json: bool,

    /// Time between two looks
    #[arg(long, default_value = "2secs", value_parser = duration)]
    pub(crate) interval: Duration,

    /// Actors shown of each node: those with the most to do
    #[arg(long, default_value_t = 20)]
    pub(crate) actors: usize,

    #[command(flatten)]
    pub(crate) tls: TlsFlags,
}
