//! What an executor finds in its environment (Mesos' `docs/executor-http-api.md`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mesos::flags::format_duration;

/// The search path of a container, which inherits nothing from the agent.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The contract between agent and executor, before it becomes variables.
#[derive(Debug, Clone)]
pub struct ExecutorEnvironment {
    /// `MESOS_FRAMEWORK_ID`.
    pub framework_id: String,
    /// `MESOS_EXECUTOR_ID`.
    pub executor_id: String,
    /// `MESOS_SLAVE_ID` and `MESOS_AGENT_ID`.
    pub agent_id: String,
    /// `MESOS_DIRECTORY` and `MESOS_SANDBOX`.
    pub sandbox: PathBuf,
    /// `MESOS_AGENT_ENDPOINT` (and `MESOS_SLAVE_PID`): where the executor API is served over HTTP.
    pub agent_endpoint: SocketAddr,
    /// `MESOS_AGENT_ADDRESS`: the agent's node; `None` for executors that speak HTTP.
    pub agent_address: Option<SocketAddr>,
    /// `MESOS_EXECUTOR_IDENTITY`: the file with the certificate and key to speak to the node with.
    pub identity: Option<PathBuf>,
    /// `MESOS_CHECKPOINT`: whether the framework asked to survive restarts of the agent.
    pub checkpoint: bool,
    /// `MESOS_RECOVERY_TIMEOUT`: how long to wait for an agent that is gone.
    pub recovery_timeout: Duration,
    /// `MESOS_SUBSCRIPTION_BACKOFF_MAX`: the longest pause between two attempts to come back.
    pub subscription_backoff_max: Duration,
    /// `MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD`: how long after SHUTDOWN the container is destroyed.
    pub shutdown_grace_period: Duration,
}

impl ExecutorEnvironment {
    /// The variables; what the executor's own `CommandInfo.environment` says goes on top.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        let sandbox = self.sandbox.display().to_string();
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("PATH", DEFAULT_PATH.to_owned());
        // For executors built on Mesos' own library, which would otherwise take the agent's port.
        set("LIBPROCESS_PORT", "0".to_owned());
        set("MESOS_FRAMEWORK_ID", self.framework_id.clone());
        set("MESOS_EXECUTOR_ID", self.executor_id.clone());
        set("MESOS_SLAVE_ID", self.agent_id.clone());
        set("MESOS_AGENT_ID", self.agent_id.clone());
        set("MESOS_DIRECTORY", sandbox.clone());
        set("MESOS_SANDBOX", sandbox);
        set(
            "MESOS_SLAVE_PID",
            format!("slave(1)@{}", self.agent_endpoint),
        );
        set("MESOS_AGENT_ENDPOINT", self.agent_endpoint.to_string());
        set("MESOS_HTTP_COMMAND_EXECUTOR", "0".to_owned());
        set(
            "MESOS_CHECKPOINT",
            if self.checkpoint { "1" } else { "0" }.to_owned(),
        );
        set(
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
            format_duration(self.shutdown_grace_period),
        );
        if self.checkpoint {
            set(
                "MESOS_RECOVERY_TIMEOUT",
                format_duration(self.recovery_timeout),
            );
            set(
                "MESOS_SUBSCRIPTION_BACKOFF_MAX",
                format_duration(self.subscription_backoff_max),
            );
        }
        if let Some(address) = self.agent_address {
            set("MESOS_AGENT_ADDRESS", address.to_string());
        }
        if let Some(identity) = &self.identity {
            set("MESOS_EXECUTOR_IDENTITY", identity.display().to_string());
        }
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(checkpoint: bool) -> BTreeMap<String, String> {
        ExecutorEnvironment {
            framework_id: "f".into(),
            executor_id: "e".into(),
            agent_id: "a".into(),
            sandbox: "/sandbox".into(),
            agent_endpoint: ([127, 0, 0, 1], 5051).into(),
            agent_address: None,
            identity: None,
            checkpoint,
            recovery_timeout: Duration::from_secs(15 * 60),
            subscription_backoff_max: Duration::from_secs(2),
            shutdown_grace_period: Duration::from_secs(5),
        }
        .variables()
    }

    #[test]
    fn executors_learn_where_they_are() {
        let variables = environment(false);
        assert_eq!(variables["MESOS_AGENT_ENDPOINT"], "127.0.0.1:5051");
        assert_eq!(variables["MESOS_DIRECTORY"], "/sandbox");
        assert_eq!(variables["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"], "5secs");
    }

    #[test]
    fn only_checkpointing_executors_are_told_to_wait() {
        assert!(!environment(false).contains_key("MESOS_RECOVERY_TIMEOUT"));
        assert_eq!(environment(true)["MESOS_RECOVERY_TIMEOUT"], "15mins");
    }
}
