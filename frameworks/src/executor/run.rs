//! A program that is an executor.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use libprocess::Allow;
use libprocess::observe::ObserverProtocol;
use libprocess::prelude::*;
use libprocess::tls::{Identity, IdentityError};
use libprocess::transport::BindError;
use mesos::protocols::roles;

use super::config::{ConfigError, ExecutorConfig};
use super::driver::start;
use super::events::ExecutorEvents;
use super::handle::Driver;
use crate::connect::show;

/// Why an executor program ended before it began.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its environment is not that of an executor.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its certificate cannot be used.
    #[error("MESOS_EXECUTOR_IDENTITY: {0}")]
    Identity(#[from] IdentityError),
    /// Its runtime could not be made.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// It has no way to the agent.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Its actors could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// What closing the links may take: everything that matters has been acknowledged by then.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);

/// Runs an executor as a program: reads the environment that the agent has set, connects, and returns when the executor
/// has ended ([`Driver::finish`], or the end of its actor). Needs a thread without a runtime.
///
/// # Errors
///
/// The program was not started by an agent, or cannot reach it.
pub fn run<E, F>(make: F) -> Result<(), RunError>
where
    E: Process<Protocol = ExecutorEvents>,
    F: FnOnce(Driver, &ExecutorConfig, &mut Context<E>) -> E + Send + 'static,
{
    let variable = |name: &str| std::env::var(name).ok();
    let config = ExecutorConfig::from_env(variable)?;
    let identity = Identity::read(&ExecutorConfig::identity_path(variable)?)?;
    // An executor is small: one thread for its actors, this one for its link.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        // The agent is on this machine: its address is one of ours.
        let here = SocketAddr::new(config.agent.address().ip(), 0);
        let trust = identity.trust().only([roles::AGENT]);
        let node = Node::bind(here)
            .identity(identity)
            .trust(trust)
            .threads(1)
            // Nobody else can reach it; the agent shows it to those who may see the agent.
            .allow(Allow::<ObserverProtocol>::roles([roles::AGENT]))
            .start()
            .await?;
        show(&node);
        let given = config.clone();
        let driver = start(&node, config, move |driver, ctx| make(driver, &given, ctx))?;
        driver.ended().await;
        node.shutdown(SHUTDOWN_DEADLINE).await;
        Ok(())
    })
}
