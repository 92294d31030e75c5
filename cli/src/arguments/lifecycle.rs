//! How long `mesos master` remembers agents, frameworks and tasks, and how fast it gives them up.

use std::time::Duration;

use clap::{ArgAction, Args};
use master::config::{Config, RateLimit};
use mesos::v1::RateLimits;

use super::values::{duration, percentage, rate, rate_limits};

/// The flags of what comes and goes, by Mesos' names.
#[derive(Debug, Args)]
pub(crate) struct LifecycleFlags {
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

    /// How fast agents may become unreachable, as 1/10mins; as fast as it comes if unset
    #[arg(long = "agent_removal_rate_limit", env = "MESOS_AGENT_REMOVAL_RATE_LIMIT", value_parser = rate)]
    pub(crate) agent_removal_rate_limit: Option<RateLimit>,

    /// How often unreachable and gone agents are looked at for being forgotten
    #[arg(long = "registry_gc_interval", env = "MESOS_REGISTRY_GC_INTERVAL", value_parser = duration, default_value = "15mins")]
    pub(crate) registry_gc_interval: Duration,

    /// How long unreachable and gone agents are remembered
    #[arg(long = "registry_max_agent_age", env = "MESOS_REGISTRY_MAX_AGENT_AGE", value_parser = duration, default_value = "2weeks")]
    pub(crate) registry_max_agent_age: Duration,

    /// How many unreachable, and how many gone agents are remembered
    #[arg(
        long = "registry_max_agent_count",
        env = "MESOS_REGISTRY_MAX_AGENT_COUNT",
        default_value_t = 102_400
    )]
    pub(crate) registry_max_agent_count: usize,

    /// Leave agents without a fault domain unanswered
    #[arg(long = "require_agent_domain", env = "MESOS_REQUIRE_AGENT_DOMAIN", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", default_value_t = false)]
    pub(crate) require_agent_domain: bool,

    /// How fast frameworks may call: JSON such as {"limits": [{"principal": "p", "qps": 10, "capacity": 100}],
    /// "aggregate_default_qps": 50} for all others
    #[arg(long = "rate_limits", env = "MESOS_RATE_LIMITS", value_parser = rate_limits)]
    pub(crate) rate_limits: Option<RateLimits>,

    /// Completed frameworks that are remembered
    #[arg(
        long = "max_completed_frameworks",
        env = "MESOS_MAX_COMPLETED_FRAMEWORKS",
        default_value_t = 50
    )]
    pub(crate) max_completed_frameworks: usize,

    /// Completed tasks that are remembered of each framework
    #[arg(
        long = "max_completed_tasks_per_framework",
        env = "MESOS_MAX_COMPLETED_TASKS_PER_FRAMEWORK",
        default_value_t = 1_000
    )]
    pub(crate) max_completed_tasks_per_framework: usize,

    /// Unreachable tasks that are remembered of each framework
    #[arg(
        long = "max_unreachable_tasks_per_framework",
        env = "MESOS_MAX_UNREACHABLE_TASKS_PER_FRAMEWORK",
        default_value_t = 1_000
    )]
    pub(crate) max_unreachable_tasks_per_framework: usize,
}

impl LifecycleFlags {
    pub(crate) fn apply(&self, config: Config) -> Config {
        Config {
            agent_ping_timeout: self.agent_ping_timeout,
            max_agent_ping_timeouts: self.max_agent_ping_timeouts,
            agent_reregister_timeout: self.agent_reregister_timeout,
            recovery_agent_removal_limit: self.recovery_agent_removal_limit,
            agent_removal_rate_limit: self.agent_removal_rate_limit,
            registry_gc_interval: self.registry_gc_interval,
            registry_max_agent_age: self.registry_max_agent_age,
            registry_max_agent_count: self.registry_max_agent_count,
            require_agent_domain: self.require_agent_domain,
            rate_limits: self.rate_limits.clone(),
            max_completed_frameworks: self.max_completed_frameworks,
            max_completed_tasks_per_framework: self.max_completed_tasks_per_framework,
            max_unreachable_tasks_per_framework: self.max_unreachable_tasks_per_framework,
            ..config
        }
    }
}
