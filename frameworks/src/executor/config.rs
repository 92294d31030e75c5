//! What an executor is told by its environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::flags::{self, ValueError};
use mesos::protocols::{AgentProtocol, names};
use mesos::v1;

/// What a driver needs to know.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// Whose executor.
    pub framework_id: v1::FrameworkId,
    /// Which one.
    pub executor_id: v1::ExecutorId,
    /// Whose events it listens to.
    pub agent: Pid<AgentProtocol>,
    /// Whether to wait for an agent that is gone.
    pub checkpoint: bool,
    /// How long to wait for it (15 min).
    pub recovery_timeout: Duration,
    /// The longest pause between two attempts to come back (2 s).
    pub backoff_max: Duration,
    /// How long after SHUTDOWN the agent destroys the container (5 s).
    pub shutdown_grace: Duration,
    /// Name of the executor's actor; unique on the node.
    pub name: String,
}

/// Why an environment is not that of an executor.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is missing.
    #[error("{0} is not set: executors are started by an agent")]
    Missing(&'static str),
    /// A variable cannot be read.
    #[error("{variable}='{value}': not an address of the form 1.2.3.4:5051")]
    Address {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// A variable cannot be read.
    #[error("{variable}: {source}")]
    Value {
        /// Its name.
        variable: &'static str,
        /// What is wrong with it.
        source: ValueError,
    },
}

const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

impl ExecutorConfig {
    /// A configuration with Mesos' defaults.
    pub fn new(
        framework_id: v1::FrameworkId,
        executor_id: v1::ExecutorId,
        agent: Pid<AgentProtocol>,
    ) -> ExecutorConfig {
        let name = format!("executor({}/{})", framework_id.value, executor_id.value);
        ExecutorConfig {
            framework_id,
            executor_id,
            agent,
            checkpoint: false,
            recovery_timeout: RECOVERY_TIMEOUT,
            backoff_max: BACKOFF_MAX,
            shutdown_grace: SHUTDOWN_GRACE,
            name,
        }
    }

    /// Reads the variables that an agent sets (Mesos' `docs/executor-http-api.md`).
    ///
    /// # Errors
    ///
    /// One is missing or malformed.
    pub fn from_env(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<ExecutorConfig, ConfigError> {
        let required = |name| variable(name).ok_or(ConfigError::Missing(name));
        let agent = required("MESOS_AGENT_ADDRESS")?;
        let agent: SocketAddr = agent.parse().map_err(|_| ConfigError::Address {
            variable: "MESOS_AGENT_ADDRESS",
            value: agent.clone(),
        })?;
        let duration = |name, otherwise| match variable(name) {
            None => Ok(otherwise),
            Some(text) => flags::duration(&text).map_err(|source| ConfigError::Value {
                variable: name,
                source,
            }),
        };
        let framework_id = v1::FrameworkId {
            value: required("MESOS_FRAMEWORK_ID")?,
        };
        let executor_id = v1::ExecutorId {
            value: required("MESOS_EXECUTOR_ID")?,
        };
        Ok(ExecutorConfig {
            checkpoint: variable("MESOS_CHECKPOINT").as_deref() == Some("1"),
            recovery_timeout: duration("MESOS_RECOVERY_TIMEOUT", RECOVERY_TIMEOUT)?,
            backoff_max: duration("MESOS_SUBSCRIPTION_BACKOFF_MAX", BACKOFF_MAX)?,
            shutdown_grace: duration("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", SHUTDOWN_GRACE)?,
            ..ExecutorConfig::new(framework_id, executor_id, Pid::named(names::AGENT, agent))
        })
    }

    /// The file with the certificate and key to speak to the agent with.
    ///
    /// # Errors
    ///
    /// The variable is missing.
    pub(super) fn identity_path(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<PathBuf, ConfigError> {
        let path = variable("MESOS_EXECUTOR_IDENTITY")
            .ok_or(ConfigError::Missing("MESOS_EXECUTOR_IDENTITY"))?;
        Ok(path.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<ExecutorConfig, String> {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        };
        ExecutorConfig::from_env(get).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_of_an_agent_is_read() {
        let config = read(&[
            ("MESOS_AGENT_ADDRESS", "127.0.0.1:5051"),
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_EXECUTOR_ID", "e"),
            ("MESOS_CHECKPOINT", "1"),
            ("MESOS_RECOVERY_TIMEOUT", "1mins"),
        ])
        .expect("a configuration");
        assert!(config.checkpoint);
        assert_eq!(config.recovery_timeout, Duration::from_secs(60));
        assert_eq!(config.shutdown_grace, Duration::from_secs(5));
    }

    #[test]
    fn a_missing_or_malformed_variable_is_named() {
        assert!(
            read(&[])
                .expect_err("nothing")
                .contains("MESOS_AGENT_ADDRESS")
        );
        let error = read(&[("MESOS_AGENT_ADDRESS", "here")]).expect_err("no address");
        assert!(error.contains("'here'"), "{error}");
    }
}
