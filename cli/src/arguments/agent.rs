//! `mesos agent`.

use std::path::PathBuf;
use std::time::Duration;

use agent::config::ReconfigurationPolicy;
use agent::oversubscription::{ControllerChoice, EstimatorChoice};
use clap::{Args, ValueEnum};
use mesos::v1::DomainInfo;

use super::values::{domain, duration, session_timeout, text_or_file};
use super::{HttpFlags, LogFlags, NodeFlags, TlsFlags};

/// The flags of an agent, by Mesos' names.
#[derive(Debug, Args)]
pub(crate) struct AgentFlags {
    #[command(flatten)]
    pub(crate) node: NodeFlags,

    /// The master: HOST:PORT, or zk://HOSTS/PATH where replicated ones meet, or file:// and the path of a file that holds it
    #[arg(long, env = "MESOS_MASTER", value_parser = text_or_file, required = true, value_name = "HOST:PORT")]
    pub(crate) master: Option<String>,

    /// Time after which ZooKeeper gives up who has not been heard of
    #[arg(long = "zk_session_timeout", env = "MESOS_ZK_SESSION_TIMEOUT", value_parser = session_timeout, default_value = "10secs")]
    pub(crate) zk_session_timeout: Duration,

    /// Port to listen on: UDP for actors, TCP for HTTP
    #[arg(long, env = "MESOS_PORT", default_value_t = 5051)]
    pub(crate) port: u16,

    /// Folder of sandboxes and checkpoints; one agent's at a time
    #[arg(long = "work_dir", env = "MESOS_WORK_DIR", required = true)]
    pub(crate) work_dir: Option<PathBuf>,

    /// Resources such as `cpus:4;mem:1024;ports:[31000-32000]`, or JSON; what is not named is detected
    #[arg(long, env = "MESOS_RESOURCES", value_parser = text_or_file)]
    pub(crate) resources: Option<String>,

    /// Attributes such as `rack:r1;zone:a`
    #[arg(long, env = "MESOS_ATTRIBUTES", value_parser = text_or_file)]
    pub(crate) attributes: Option<String>,

    /// Region and zone of this machine, as JSON or a file:// with it; the master must have a domain too
    #[arg(long, env = "MESOS_DOMAIN", value_parser = domain)]
    pub(crate) domain: Option<DomainInfo>,

    /// What may change between two lives of the agent: nothing, or only more resources and attributes
    #[arg(long = "reconfiguration_policy", env = "MESOS_RECONFIGURATION_POLICY", value_enum, default_value_t = Policy::Equal)]
    pub(crate) reconfiguration_policy: Policy,

    /// Role of resources that name none
    #[arg(long = "default_role", env = "MESOS_DEFAULT_ROLE", default_value = "*")]
    pub(crate) default_role: String,

    #[command(flatten)]
    pub(crate) containers: ContainerFlags,
    #[command(flatten)]
    pub(crate) lending: LendingFlags,
    #[command(flatten)]
    pub(crate) http: HttpFlags,
    #[command(flatten)]
    pub(crate) tls: TlsFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}

/// What may change between two lives of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
    /// Nothing
    Equal,
    /// There may be more of everything
    Additive,
}

impl From<Policy> for ReconfigurationPolicy {
    fn from(policy: Policy) -> ReconfigurationPolicy {
        match policy {
            Policy::Equal => ReconfigurationPolicy::Equal,
            Policy::Additive => ReconfigurationPolicy::Additive,
        }
    }
}

/// How containers are run.
#[derive(Clone, Debug, Args)]
pub(crate) struct ContainerFlags {
    /// How containers are kept: linux (cgroups) or posix (process sessions); linux if root
    #[arg(long, env = "MESOS_LAUNCHER", value_parser = ["linux", "posix"])]
    pub(crate) launcher: Option<String>,

    /// Parent of the containers' cgroups
    #[arg(
        long = "cgroups_root",
        env = "MESOS_CGROUPS_ROOT",
        default_value = "mesos"
    )]
    pub(crate) cgroups_root: String,

    /// Bound cpu time by quota beside weighing it by shares
    #[arg(long = "cgroups_enable_cfs", env = "MESOS_CGROUPS_ENABLE_CFS")]
    pub(crate) cgroups_enable_cfs: bool,

    /// Whether cpus that were lent weigh next to nothing against those that were given
    #[arg(
        long = "revocable_cpu_low_priority",
        env = "MESOS_REVOCABLE_CPU_LOW_PRIORITY",
        default_value_t = true,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub(crate) revocable_cpu_low_priority: bool,

    /// Time from an executor's start to its subscription
    #[arg(long = "executor_registration_timeout", env = "MESOS_EXECUTOR_REGISTRATION_TIMEOUT", value_parser = duration, default_value = "1mins")]
    pub(crate) executor_registration_timeout: Duration,

    /// Time that executors have to subscribe again after the agent restarted; it ends with the last of them
    #[arg(long = "executor_reregistration_timeout", env = "MESOS_EXECUTOR_REREGISTRATION_TIMEOUT", value_parser = duration, default_value = "10secs")]
    pub(crate) executor_reregistration_timeout: Duration,

    /// Time from SHUTDOWN to the end of an executor
    #[arg(long = "executor_shutdown_grace_period", env = "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", value_parser = duration, default_value = "5secs")]
    pub(crate) executor_shutdown_grace_period: Duration,

    /// Time that an executor waits for a restarted agent
    #[arg(long = "recovery_timeout", env = "MESOS_RECOVERY_TIMEOUT", value_parser = duration, default_value = "15mins")]
    pub(crate) recovery_timeout: Duration,
}

/// What is lent to frameworks that declare REVOCABLE_RESOURCES, and when it is taken back.
#[derive(Clone, Debug, Args)]
pub(crate) struct LendingFlags {
    /// What is lent of what tasks do not use: `noop`, `fixed:cpus:4` (always the same resources), or
    /// `measured:margin=10%,half_life=1mins` (cpus that were given and are not used, less a margin, averaged
    /// with this half-life)
    #[arg(
        long = "resource_estimator",
        env = "MESOS_RESOURCE_ESTIMATOR",
        default_value = "noop"
    )]
    pub(crate) resource_estimator: EstimatorChoice,

    /// When what was lent is taken back by killing who uses it: `noop`, or
    /// `load:load_threshold_5min=6,load_threshold_15min=4` (while the load is above either)
    #[arg(
        long = "qos_controller",
        env = "MESOS_QOS_CONTROLLER",
        default_value = "noop"
    )]
    pub(crate) qos_controller: ControllerChoice,

    /// Shortest time from one correction of the QoS controller to the next
    #[arg(long = "qos_correction_interval_min", env = "MESOS_QOS_CORRECTION_INTERVAL_MIN", value_parser = duration, default_value = "0secs")]
    pub(crate) qos_correction_interval_min: Duration,

    /// Time between two estimates, and so the shortest between two messages to the master about them
    #[arg(long = "oversubscribed_resources_interval", env = "MESOS_OVERSUBSCRIBED_RESOURCES_INTERVAL", value_parser = duration, default_value = "15secs")]
    pub(crate) oversubscribed_resources_interval: Duration,
}
