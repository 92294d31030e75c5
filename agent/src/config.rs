//! The agent's flags under Mesos' names, with Mesos' defaults. The command line fills this in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use libprocess::observe::Readiness;
use mesos::flags;
use mesos::v1::{CommandInfo, DomainInfo};

pub use crate::checkpoint::compatibility::ReconfigurationPolicy;
pub use crate::checkpoint::disk::Disk;
use crate::oversubscription::{ControllerChoice, EstimatorChoice};

/// The built-in executor of commands, and with `--default` of task groups: normally this binary again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutorCommand {
    /// Path of the program.
    pub program: String,
    /// Its arguments, without the name of the program.
    pub arguments: Vec<String>,
}

impl ExecutorCommand {
    /// The same program as the executor of task groups.
    #[must_use]
    pub fn of_groups(&self) -> ExecutorCommand {
        let mut command = self.clone();
        command.arguments.push("--default".to_owned());
        command
    }

    /// As a command without a shell.
    #[must_use]
    pub fn to_v1(&self) -> CommandInfo {
        let name = self.program.rsplit('/').next().unwrap_or_default();
        let arguments = std::iter::once(name.to_owned()).chain(self.arguments.iter().cloned());
        CommandInfo {
            shell: Some(false),
            value: Some(self.program.clone()),
            arguments: arguments.collect(),
            ..Default::default()
        }
    }
}

/// The configuration of one agent. Field names are Mesos' flag names.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of sandboxes and checkpoints; belongs to one agent at a time.
    pub work_dir: PathBuf,
    /// Name under which the agent is advertised; its ip when unset.
    pub hostname: Option<String>,
    /// Resources as Mesos writes them (`cpus:4;mem:1024`); what is not named is detected.
    pub resources: Option<String>,
    /// Attributes as Mesos writes them (`rack:a;zone:1`).
    pub attributes: Option<String>,
    /// Region and zone of this machine, which master and frameworks are told.
    pub domain: Option<DomainInfo>,
    /// What may change between two lives.
    pub reconfiguration_policy: ReconfigurationPolicy,
    /// The role of resources that name none.
    pub default_role: String,
    /// Whether HTTP is served beside the actors; simulations run without.
    pub http: bool,
    /// The built-in executor of command tasks.
    pub executor_command: ExecutorCommand,
    /// Certificate (PEM) of the authority that certified this agent; executors are told to believe it. Unset where the
    /// agent has no network.
    pub agent_authority_pem: Option<String>,
    /// Environment of all executors; when unset they get `PATH` only.
    pub executor_environment_variables: Option<BTreeMap<String, String>>,
    /// Whether tasks run as the user their framework names; otherwise as the agent's.
    pub switch_user: bool,
    /// Unit of the waits between attempts to register.
    pub registration_backoff_factor: Duration,
    /// How long an executor may take from its start to its SUBSCRIBE.
    pub executor_registration_timeout: Duration,
    /// How long executors may take to subscribe again after the agent restarted. The agent goes on as
    /// soon as all of them did.
    pub executor_reregistration_timeout: Duration,
    /// How long an executor may take to end after SHUTDOWN.
    pub executor_shutdown_grace_period: Duration,
    /// How long an executor waits for a restarted agent before it ends itself.
    pub recovery_timeout: Duration,
    /// What is lent of what tasks do not use.
    pub resource_estimator: EstimatorChoice,
    /// When it is taken back.
    pub qos_controller: ControllerChoice,
    /// The shortest time from one correction of the QoS controller to the next.
    pub qos_correction_interval_min: Duration,
    /// How often what is lent is estimated; also how often the master is told at most.
    pub oversubscribed_resources_interval: Duration,
    /// Interval of HEARTBEAT events on HTTP executor streams.
    pub executor_heartbeat_interval: Duration,
    /// Ended executors remembered of one framework.
    pub max_completed_executors_per_framework: usize,
    /// The present at the start, in seconds since the epoch; the machine's clock if unset. Not a
    /// flag: simulations set it so that the same seed gives the same timestamps.
    pub start_time: Option<f64>,
    /// Names the present boot of the machine; the kernel says it if unset. Not a flag: simulated machines have boots
    /// of their own.
    pub boot_id: Option<String>,
    /// Who is asked before anything is written down. Not a flag: simulated machines lose power by it.
    pub disk: Disk,
    /// Failures of old that tests put on show. Not a flag.
    pub museum: mesos::historic::Museum,
    /// What `/ready` answers. Not a flag either: the daemon around the agent knows.
    pub readiness: Readiness,
}

/// Interval of HEARTBEAT events to HTTP executors; Mesos compiles it in.
const EXECUTOR_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// Mesos waits for 2 s, always. An executor that was connecting to the dead agent repeats its
/// handshake at doubling intervals, the last of them 2 s apart, and the wait ends with the last
/// executor: so it may be longer here, and costs nothing.
const EXECUTOR_REREGISTRATION_TIMEOUT: Duration = Duration::from_secs(10);

impl Config {
    /// Mesos' defaults with the two things that have none.
    pub fn new(work_dir: impl Into<PathBuf>, executor_command: ExecutorCommand) -> Config {
        Config {
            work_dir: work_dir.into(),
            hostname: None,
            resources: None,
            attributes: None,
            domain: None,
            reconfiguration_policy: ReconfigurationPolicy::Equal,
            default_role: "*".to_owned(),
            http: true,
            executor_command,
            agent_authority_pem: None,
            executor_environment_variables: None,
            switch_user: true,
            registration_backoff_factor: Duration::from_secs(1),
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: EXECUTOR_REREGISTRATION_TIMEOUT,
            executor_shutdown_grace_period: Duration::from_secs(5),
            recovery_timeout: Duration::from_secs(15 * 60),
            resource_estimator: EstimatorChoice::default(),
            qos_controller: ControllerChoice::default(),
            qos_correction_interval_min: Duration::ZERO,
            oversubscribed_resources_interval: Duration::from_secs(15),
            executor_heartbeat_interval: EXECUTOR_HEARTBEAT_INTERVAL,
            max_completed_executors_per_framework: 150,
            start_time: None,
            boot_id: None,
            disk: Disk::default(),
            museum: Default::default(),
            readiness: Readiness::new(),
        }
    }

    /// The flags as text, as `/flags` and `/state` show them.
    pub fn flags(&self) -> BTreeMap<String, String> {
        let mut flags: BTreeMap<String, String> = [
            ("attributes", self.attributes.clone()),
            ("default_role", Some(self.default_role.clone())),
            (
                "domain",
                self.domain
                    .as_ref()
                    .and_then(|domain| serde_json::to_string(domain).ok()),
            ),
            (
                "executor_environment_variables",
                self.executor_environment_variables
                    .as_ref()
                    .and_then(|v| serde_json::to_string(v).ok()),
            ),
            ("hostname", self.hostname.clone()),
            ("recover", Some("reconnect".to_owned())),
            ("resources", self.resources.clone()),
            (
                "resource_estimator",
                Some(self.resource_estimator.to_string()),
            ),
            ("qos_controller", Some(self.qos_controller.to_string())),
            (
                "reconfiguration_policy",
                Some(self.reconfiguration_policy.name().to_owned()),
            ),
            ("strict", Some("true".to_owned())),
            ("switch_user", Some(self.switch_user.to_string())),
            ("work_dir", Some(self.work_dir.display().to_string())),
            (
                "max_completed_executors_per_framework",
                Some(self.max_completed_executors_per_framework.to_string()),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        let durations = [
            (
                "registration_backoff_factor",
                self.registration_backoff_factor,
            ),
            (
                "executor_registration_timeout",
                self.executor_registration_timeout,
            ),
            (
                "executor_reregistration_timeout",
                self.executor_reregistration_timeout,
            ),
            (
                "executor_shutdown_grace_period",
                self.executor_shutdown_grace_period,
            ),
            ("recovery_timeout", self.recovery_timeout),
            (
                "qos_correction_interval_min",
                self.qos_correction_interval_min,
            ),
            (
                "oversubscribed_resources_interval",
                self.oversubscribed_resources_interval,
            ),
        ];
        for (name, value) in durations {
            flags.insert(name.to_owned(), flags::format_duration(value));
        }
        flags
    }
}
