//! What operators say of agents and machines.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::values::duration;
use super::{ClusterFlags, StateFlags};

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// List them
    List(StateFlags),
    /// Let what runs on an agent end and offer nothing of it any more, for its machine to be taken
    Drain(DrainFlags),
    /// Offer nothing of an agent any more; what runs on it goes on
    Deactivate(OneAgentFlags),
    /// Use an agent again that was drained or deactivated
    Reactivate(OneAgentFlags),
}

#[derive(Debug, Args)]
pub(crate) struct OneAgentFlags {
    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,

    /// Id of the agent, or the beginning of it, or its hostname, if no other agent is called so
    pub(crate) agent: String,
}

#[derive(Debug, Args)]
pub(crate) struct DrainFlags {
    #[command(flatten)]
    pub(crate) of: OneAgentFlags,

    /// The longest that its tasks get to end, whatever they asked for, as 10mins
    #[arg(long = "max_grace_period", value_parser = duration)]
    pub(crate) max_grace_period: Option<Duration>,

    /// Give the agent up for good when nothing is left on it: it cannot be reactivated
    #[arg(long = "mark_gone")]
    pub(crate) mark_gone: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Show which machines are to be left or are down, and what frameworks answered
    Status(StateFlags),
    /// Show what is planned, or plan anew
    Schedule(ScheduleFlags),
    /// Take machines of the schedule down: their agents end
    Down(MachinesFlags),
    /// Bring machines up again: their agents may come back
    Up(MachinesFlags),
}

#[derive(Debug, Args)]
pub(crate) struct ScheduleFlags {
    #[command(flatten)]
    pub(crate) state: StateFlags,

    /// Replace the schedule by this file, in the JSON that `--json` prints
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MachinesFlags {
    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,

    /// Hostnames or ips, as the schedule has them
    #[arg(required = true, value_name = "MACHINE")]
    pub(crate) machines: Vec<String>,
}
