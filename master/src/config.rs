//! The master's flags under Mesos' names, with Mesos' defaults. The command line fills this in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mesos::election::zookeeper::{DEFAULT_SESSION_TIMEOUT, ZkUrl};
use mesos::flags::{format_bytes, format_duration};
use mesos::historic::Museum;
use mesos::v1::{DomainInfo, RateLimits};

pub use crate::allocator::{AgentSorter, AllocatorKind, SorterKind};
use crate::allocator::{
    DEFAULT_MAX_OFFERS, DEFAULT_REGEX_MAX_MEM, DEFAULT_REGEX_MAX_PROGRAM_SIZE, RegexLimits,
};
pub use crate::state::RateLimit;
use crate::state::Timestamp;

/// How long offers may be held unless said otherwise. Mesos has no limit by default; here whoever sits on what others could
/// use meets one, long after frameworks that live have answered.
const DEFAULT_OFFER_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Where the registry (admitted agents, frameworks and their deadlines) is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryKind {
    /// Forgotten with the process: tests and throw-away clusters.
    InMemory,
    /// A file under `work_dir`, for one master.
    Disk,
    /// Where the masters of `zk` meet, for replicated ones.
    ZooKeeper,
}

/// The configuration of one master. Field names are Mesos' flag names.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name under which the master is advertised; its ip when unset.
    pub hostname: Option<String>,
    /// Human name of the cluster, shown by the page.
    pub cluster: Option<String>,
    /// Folder of the master's persistent state; required for [`RegistryKind::Disk`].
    pub work_dir: Option<PathBuf>,
    /// Where the registry is kept.
    pub registry: RegistryKind,
    /// Where replicated masters meet; a single master if unset.
    pub zk: Option<ZkUrl>,
    /// After how long a silence ZooKeeper gives a master up.
    pub zk_session_timeout: Duration,
    /// How long the registry may take to be read at start.
    pub registry_fetch_timeout: Duration,
    /// How long one write of the registry may take before the master gives up.
    pub registry_store_timeout: Duration,
    /// How often unreachable agents are looked at for being forgotten.
    pub registry_gc_interval: Duration,
    /// How long an unreachable agent is remembered.
    pub registry_max_agent_age: Duration,
    /// How many unreachable agents are remembered.
    pub registry_max_agent_count: usize,
    /// How long an agent may stay away, after the master restarted or its link broke, before it
    /// is marked unreachable.
    pub agent_reregister_timeout: Duration,
    /// Percentage of recovered agents above which the master refuses to mark them unreachable.
    pub recovery_agent_removal_limit: f64,
    /// How fast agents may become unreachable; at once when unset.
    pub agent_removal_rate_limit: Option<RateLimit>,
    /// Interval of the pings of agents, and how long one answer may take.
    pub agent_ping_timeout: Duration,
    /// Missed pings after which an agent is unreachable.
    pub max_agent_ping_timeouts: u32,
    /// Interval of the periodic allocation.
    pub allocation_interval: Duration,
    /// After this time an unanswered offer is rescinded, and counts as refused; never when unset.
    pub offer_timeout: Option<Duration>,
    /// Who decides what is offered to whom.
    pub allocator: AllocatorKind,
    /// A framework with so many unanswered offers gets no more until it answers. Not in Mesos.
    pub max_offers_per_framework: usize,
    /// A file with the hosts that may be offered, one a line; all when unset. It is read again every
    /// few seconds.
    pub whitelist: Option<PathBuf>,
    /// Alternatives of quantities, one of which an offer must contain (`cpus:0.01|mem:32`).
    pub min_allocatable_resources: String,
    /// Weights of roles; 1 where absent.
    pub weights: BTreeMap<String, f64>,
    /// Whether agents with GPUs are offered to GPU_RESOURCES frameworks only.
    pub filter_gpu_resources: bool,
    /// Resource names that do not count for fairness.
    pub fair_sharing_excluded_resource_names: Vec<String>,
    /// Order of roles.
    pub role_sorter: SorterKind,
    /// Order of frameworks within a role.
    pub framework_sorter: SorterKind,
    /// In which order agents are given away. Mesos knows only a random one.
    pub agent_sorter: AgentSorter,
    /// With quotas, the part of the recovered agents that must be back before anything is offered.
    pub allocator_agent_recovery_factor: f64,
    /// After this time offers are made even if they are not.
    pub allocator_recovery_timeout: Duration,
    /// Bytes for running one regular expression of offer constraints.
    pub offer_constraints_re2_max_mem: u64,
    /// Instructions of one regular expression of offer constraints.
    pub offer_constraints_re2_max_program_size: usize,
    /// Region and zone of the master. Agents in other regions are offered to REGION_AWARE
    /// frameworks only.
    pub domain: Option<DomainInfo>,
    /// Whether agents without a domain are left unanswered.
    pub require_agent_domain: bool,
    /// Whether frameworks and tasks may run as root.
    pub root_submissions: bool,
    /// How fast frameworks may call, by principal; unlimited when unset.
    pub rate_limits: Option<RateLimits>,
    /// Completed frameworks remembered.
    pub max_completed_frameworks: usize,
    /// Completed tasks remembered of one framework.
    pub max_completed_tasks_per_framework: usize,
    /// Unreachable tasks remembered of one framework.
    pub max_unreachable_tasks_per_framework: usize,
    /// Operators who may follow the events of the cluster; of more the oldest goes.
    pub max_operator_event_stream_subscribers: usize,
    /// What the master takes for the time at its start; the machine's when unset. Not a flag:
    /// simulations set it.
    pub start_time: Option<Timestamp>,
    /// Failures of old that tests put on show. Not a flag.
    pub museum: Museum,
    /// Interval of HEARTBEAT events. Not a flag: Mesos compiles 15 seconds in, tests shorten it.
    pub heartbeat_interval: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            hostname: None,
            cluster: None,
            work_dir: None,
            registry: RegistryKind::InMemory,
            zk: None,
            zk_session_timeout: DEFAULT_SESSION_TIMEOUT,
            registry_fetch_timeout: Duration::from_secs(60),
            registry_store_timeout: Duration::from_secs(20),
            registry_gc_interval: Duration::from_secs(15 * 60),
            registry_max_agent_age: Duration::from_secs(14 * 24 * 60 * 60),
            registry_max_agent_count: 102_400,
            agent_reregister_timeout: Duration::from_secs(600),
            recovery_agent_removal_limit: 100.0,
            agent_removal_rate_limit: None,
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            allocation_interval: Duration::from_secs(1),
            offer_timeout: Some(DEFAULT_OFFER_TIMEOUT),
            allocator: AllocatorKind::default(),
            max_offers_per_framework: DEFAULT_MAX_OFFERS,
            whitelist: None,
            min_allocatable_resources: "cpus:0.01|mem:32".to_owned(),
            weights: BTreeMap::new(),
            filter_gpu_resources: true,
            fair_sharing_excluded_resource_names: Vec::new(),
            role_sorter: SorterKind::Drf,
            framework_sorter: SorterKind::Drf,
            agent_sorter: AgentSorter::Random,
            allocator_agent_recovery_factor: 0.8,
            allocator_recovery_timeout: Duration::from_secs(10 * 60),
            offer_constraints_re2_max_mem: DEFAULT_REGEX_MAX_MEM as u64,
            offer_constraints_re2_max_program_size: DEFAULT_REGEX_MAX_PROGRAM_SIZE,
            domain: None,
            require_agent_domain: false,
            root_submissions: true,
            rate_limits: None,
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            max_operator_event_stream_subscribers: 1000,
            museum: Museum::default(),
            start_time: None,
            heartbeat_interval: Duration::from_secs(15),
        }
    }
}

impl Config {
    /// How large regular expressions of offer constraints may become.
    pub fn regex_limits(&self) -> RegexLimits {
        RegexLimits {
            max_mem: usize::try_from(self.offer_constraints_re2_max_mem).unwrap_or(usize::MAX),
            max_program_size: self.offer_constraints_re2_max_program_size,
        }
    }

    /// The flags as text, as `/flags` and `/state` show them.
    pub fn flags(&self) -> BTreeMap<String, String> {
        let mut flags = Flags::default();
        flags.set(
            "agent_ping_timeout",
            format_duration(self.agent_ping_timeout),
        );
        flags.set(
            "agent_reregister_timeout",
            format_duration(self.agent_reregister_timeout),
        );
        flags.set(
            "allocation_interval",
            format_duration(self.allocation_interval),
        );
        flags.set("agent_sorter", self.agent_sorter.name());
        flags.set("allocator", self.allocator.name());
        flags.set(
            "allocator_agent_recovery_factor",
            self.allocator_agent_recovery_factor,
        );
        flags.set(
            "allocator_recovery_timeout",
            format_duration(self.allocator_recovery_timeout),
        );
        flags.set("filter_gpu_resources", self.filter_gpu_resources);
        flags.set("framework_sorter", self.framework_sorter.name());
        flags.set("max_agent_ping_timeouts", self.max_agent_ping_timeouts);
        flags.set("max_completed_frameworks", self.max_completed_frameworks);
        flags.set(
            "max_completed_tasks_per_framework",
            self.max_completed_tasks_per_framework,
        );
        flags.set(
            "max_operator_event_stream_subscribers",
            self.max_operator_event_stream_subscribers,
        );
        flags.set(
            "max_unreachable_tasks_per_framework",
            self.max_unreachable_tasks_per_framework,
        );
        flags.set("max_offers_per_framework", self.max_offers_per_framework);
        flags.set("min_allocatable_resources", &self.min_allocatable_resources);
        flags.set_some(
            "agent_removal_rate_limit",
            self.agent_removal_rate_limit
                .map(|limit| format!("{}/{}", limit.count, format_duration(limit.per))),
        );
        let limit = format!("{}%", self.recovery_agent_removal_limit);
        flags.set("recovery_agent_removal_limit", limit);
        flags.set(
            "offer_constraints_re2_max_mem",
            format_bytes(self.offer_constraints_re2_max_mem),
        );
        flags.set(
            "offer_constraints_re2_max_program_size",
            self.offer_constraints_re2_max_program_size,
        );
        let domain = self.domain.as_ref();
        flags.set_some(
            "domain",
            domain.and_then(|domain| serde_json::to_string(domain).ok()),
        );
        flags.set("require_agent_domain", self.require_agent_domain);
        let rate_limits = self.rate_limits.as_ref();
        flags.set_some(
            "rate_limits",
            rate_limits.and_then(|limits| serde_json::to_string(limits).ok()),
        );
        flags.set("registry", self.registry.name());
        flags.set(
            "registry_fetch_timeout",
            format_duration(self.registry_fetch_timeout),
        );
        flags.set(
            "registry_gc_interval",
            format_duration(self.registry_gc_interval),
        );
        flags.set(
            "registry_max_agent_age",
            format_duration(self.registry_max_agent_age),
        );
        flags.set("registry_max_agent_count", self.registry_max_agent_count);
        flags.set(
            "registry_store_timeout",
            format_duration(self.registry_store_timeout),
        );
        flags.set_some("zk", self.zk.as_ref());
        flags.set(
            "zk_session_timeout",
            format_duration(self.zk_session_timeout),
        );
        flags.set("role_sorter", self.role_sorter.name());
        flags.set("root_submissions", self.root_submissions);
        flags.set_some("cluster", self.cluster.as_ref());
        flags.set_some("hostname", self.hostname.as_ref());
        flags.set_some("offer_timeout", self.offer_timeout.map(format_duration));
        flags.set_some(
            "whitelist",
            self.whitelist.as_ref().map(|path| path.display()),
        );
        flags.set_some(
            "work_dir",
            self.work_dir.as_ref().map(|path| path.display()),
        );
        let excluded = &self.fair_sharing_excluded_resource_names;
        let excluded = (!excluded.is_empty()).then(|| excluded.join(","));
        flags.set_some("fair_sharing_excluded_resource_names", excluded);
        let weights = self
            .weights
            .iter()
            .map(|(role, weight)| format!("{role}={weight}"));
        let weights: Vec<String> = weights.collect();
        flags.set_some("weights", (!weights.is_empty()).then(|| weights.join(",")));
        flags.0
    }
}

/// Flags being written down.
#[derive(Default)]
struct Flags(BTreeMap<String, String>);

impl Flags {
    fn set(&mut self, name: &str, value: impl ToString) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// Flags that are not set do not appear.
    fn set_some(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

impl RegistryKind {
    fn name(&self) -> &'static str {
        match self {
            RegistryKind::InMemory => "in_memory",
            RegistryKind::Disk => "disk",
            RegistryKind::ZooKeeper => "zookeeper",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_read_as_mesos_writes_them() {
        let flags = Config::default().flags();
        for (name, value) in [
            ("agent_ping_timeout", "15secs"),
            ("agent_reregister_timeout", "10mins"),
            ("allocation_interval", "1secs"),
            ("recovery_agent_removal_limit", "100%"),
            ("offer_timeout", "30mins"),
            ("registry_fetch_timeout", "1mins"),
        ] {
            assert_eq!(flags.get(name).map(String::as_str), Some(value), "{name}");
        }
    }
}
