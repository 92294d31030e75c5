//! What can be said on the command line. Flags have Mesos' names (with underscores) and `MESOS_` variables.

mod agent;
mod allocator;
mod daemon;
mod lifecycle;
mod local;
mod master;
mod operator;
mod reading;
mod registry;
mod run;
mod top;
mod values;

use clap::{Args, Parser, Subcommand};

pub(crate) use agent::{AgentFlags, ContainerFlags};
pub(crate) use allocator::AllocatorFlags;
pub(crate) use daemon::{HttpFlags, LogFlags, LogFormat, NodeFlags, TlsFlags};
pub(crate) use lifecycle::LifecycleFlags;
pub(crate) use local::LocalFlags;
pub(crate) use master::MasterFlags;
pub(crate) use operator::{
    AgentCommand, DrainFlags, MachinesFlags, MaintenanceCommand, OneAgentFlags, ScheduleFlags,
};
pub(crate) use reading::{
    ClusterFlags, ExplainFlags, JsonFlag, KillFlags, ListFlags, LogsFlags, TaskCommand,
};
pub(crate) use registry::{RegistryCommand, RegistryPlace};
pub(crate) use run::RunFlags;
pub(crate) use top::TopFlags;

/// Mesos: the resources of many machines for many frameworks.
#[derive(Debug, Parser)]
#[command(
    name = "mesos",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "First steps:\n  mesos local                   a cluster on this machine\n  mesos run -- echo hello       a command on it, from a second terminal"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole cluster in this process: a master and agents
    Local(LocalFlags),
    /// Run a master
    Master(Box<MasterFlags>),
    /// Run an agent, or list, drain, deactivate and reactivate those of a cluster (`mesos agent list`)
    Agent(Box<AgentArguments>),
    /// Run a command on a cluster; its output comes back, its exit code is yours
    Run(RunFlags),
    /// List, read or kill tasks
    #[command(subcommand)]
    Task(TaskCommand),
    /// List frameworks
    #[command(subcommand)]
    Framework(ListCommand),
    /// Show the state of a cluster
    State(StateFlags),
    /// Say why a framework is offered nothing, or no more
    Explain(ExplainFlags),
    /// Plan the maintenance of machines, take them down and bring them up
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Show, save or restore what masters must not forget
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Show what the actors of a cluster do: depths of mailboxes, links, who waits for whom
    Top(TopFlags),
    /// The built-in executor; agents start it
    #[command(hide = true)]
    Executor {
        /// Run task groups instead of one command
        #[arg(long)]
        default: bool,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct AgentArguments {
    #[command(subcommand)]
    pub(crate) command: Option<AgentCommand>,
    #[command(flatten)]
    pub(crate) flags: AgentFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ListCommand {
    /// List them
    List(StateFlags),
}

#[derive(Debug, Args)]
pub(crate) struct StateFlags {
    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,
    #[command(flatten)]
    pub(crate) output: JsonFlag,
}
