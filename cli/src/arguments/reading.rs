//! What commands that look at a cluster take.

use clap::{Args, Subcommand};

use super::{StateFlags, TlsFlags};

/// Which cluster.
#[derive(Debug, Args)]
pub(crate) struct ClusterFlags {
    /// The master of the cluster, or zk://HOSTS/PATH where its masters meet
    #[arg(
        long,
        env = "MESOS_MASTER",
        default_value = "127.0.0.1:5050",
        value_name = "HOST:PORT"
    )]
    pub(crate) master: String,

    #[command(flatten)]
    pub(crate) tls: TlsFlags,
}

/// How to print.
#[derive(Debug, Args)]
pub(crate) struct JsonFlag {
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// List the tasks that run, and with --all those that have ended
    List(ListFlags),
    /// Print what a task wrote
    Logs(LogsFlags),
    /// Kill a task
    Kill(KillFlags),
}

#[derive(Debug, Args)]
pub(crate) struct ListFlags {
    #[command(flatten)]
    pub(crate) state: StateFlags,

    /// Also those that have ended
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsFlags {
    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,

    /// Go on printing until the task ends
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Its standard error instead of its standard output
    #[arg(long)]
    pub(crate) stderr: bool,

    /// Id of the task, or the beginning of it if no other task begins so
    pub(crate) task: String,
}

#[derive(Debug, Args)]
pub(crate) struct KillFlags {
    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,

    /// Id of the task, or the beginning of it if no other task begins so
    pub(crate) task: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainFlags {
    #[command(flatten)]
    pub(crate) state: StateFlags,

    /// Only what is said about this agent
    #[arg(long, value_name = "AGENT_ID")]
    pub(crate) agent: Option<String>,

    /// Only what is said about this role; without a framework, about all frameworks in it
    #[arg(long)]
    pub(crate) role: Option<String>,

    /// Id of the framework, or its name if no other is called so
    #[arg(required_unless_present = "role")]
    pub(crate) framework: Option<String>,
}
