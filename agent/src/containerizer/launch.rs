//! The steps from a configuration to a running executor.

use std::fs::File;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::container::Stop;
use super::isolation::{Hold, Isolation};
use super::journal::Journal;
use super::launcher::{self, Output};
use super::linux::cgroups::Bounds;
use super::reaper::Executor;
use super::{ContainerConfig, LaunchError, Launched, procfs};
use crate::fetcher::{self, Fetch};
use crate::syscall::Identity;
use crate::volumes::Mounts;

/// One launch under way.
#[derive(Debug)]
pub(super) struct LaunchJob {
    pub(super) id: String,
    pub(super) config: ContainerConfig,
    pub(super) bounds: Bounds,
    pub(super) isolation: Isolation,
    pub(super) journal: Journal,
    pub(super) fetches: Arc<Semaphore>,
    pub(super) stop: Arc<Stop>,
}

impl LaunchJob {
    /// Runs all steps. After an error nothing is left but the sandbox.
    pub(super) async fn run(self) -> Result<(Executor, Launched), LaunchError> {
        let (id, hold, journal) = (
            self.id.clone(),
            self.isolation.hold(&self.id),
            self.journal.clone(),
        );
        let stop = self.stop.clone();
        let result = match self.steps().await {
            Ok((mut executor, launched)) if stop.is_wanted() => {
                hold.destroy(&id, Some(launched)).await;
                executor.ended().await;
                Err(LaunchError::Destroyed)
            }
            other => other,
        };
        if result.is_err() {
            hold.destroy(&id, None).await;
            journal.remove(&id);
        }
        result
    }

    async fn steps(mut self) -> Result<(Executor, Launched), LaunchError> {
        self.journal.write(&self.id, None).map_err(isolate)?;
        let config = self.config.clone();
        let (users, output) = blocking(move || prepare(&config)).await?;
        self.fetch(users.sandbox.clone(), &output).await?;
        if self.stop.is_wanted() {
            return Err(LaunchError::Destroyed);
        }
        // Entering a group waits for all cpus to notice, and the exec for the disk.
        let (id, journal) = (self.id.clone(), self.journal.clone());
        let (child, launched) = blocking(move || self.start(users.executor, output)).await?;
        let executor = Executor::child(child).map_err(isolate);
        if let Err(error) = journal.write(&id, Some((launched.pid, launched.start_time))) {
            tracing::warn!(container = id, %error, "a container's process is not remembered");
        }
        Ok((executor?, launched))
    }

    async fn fetch(&mut self, user: Option<Identity>, output: &Output) -> Result<(), LaunchError> {
        let uris = std::mem::take(&mut self.config.command.uris);
        if uris.is_empty() {
            return Ok(());
        }
        let job = Fetch {
            uris,
            sandbox: self.config.sandbox.clone(),
            user,
            log: output
                .stderr
                .try_clone()
                .map_err(|error| LaunchError::Fetch(error.to_string()))?,
            cancelled: self.stop.wanted.clone(),
        };
        let _turn = tokio::select! {
            biased;
            () = self.stop.requested() => return Err(LaunchError::Destroyed),
            turn = self.fetches.acquire() => turn,
        };
        tokio::select! {
            biased;
            // The thread sees the wish as well, and ends by itself.
            () = self.stop.requested() => Err(LaunchError::Destroyed),
            fetched = fetcher::fetch(job) => {
                fetched.map_err(|error| LaunchError::Fetch(error.to_string()))
            }
        }
    }

    fn start(
        self,
        user: Option<Identity>,
        output: Output,
    ) -> Result<(std::process::Child, Launched), LaunchError> {
        self.isolation
            .create(&self.id, &self.bounds)
            .map_err(isolate)?;
        let doors = doors(&self.isolation.hold(&self.id))?;
        let child = launcher::spawn(&self.config, user, output, doors)?;
        let pid = child.id();
        // Even if it has ended by now, it is there until we reap it.
        let start_time = procfs::stat(pid).map_or(0, |stat| stat.start_time);
        Ok((child, Launched { pid, start_time }))
    }
}

/// Whose the executor and the sandbox are; `None` is the agent's own user.
struct Users {
    executor: Option<Identity>,
    sandbox: Option<Identity>,
}

fn prepare(config: &ContainerConfig) -> Result<(Users, Output), LaunchError> {
    let executor = launcher::identity(config.user.as_deref())?;
    let sandbox = match &config.sandbox_user {
        Some(user) => launcher::identity(Some(user))?,
        None => executor.clone(),
    };
    let output = launcher::prepare_sandbox(&config.sandbox, sandbox.as_ref())?;
    let mounts = Mounts::new(config.sandbox.clone(), config.volumes.clone());
    let no_volume = |error: std::io::Error| LaunchError::Sandbox {
        path: config.sandbox.display().to_string(),
        reason: error.to_string(),
    };
    mounts.link().map_err(no_volume)?;
    Ok((Users { executor, sandbox }, output))
}

fn doors(hold: &Hold) -> Result<Vec<File>, LaunchError> {
    hold.group()
        .map_or_else(|| Ok(Vec::new()), |group| group.doors().map_err(isolate))
}

fn isolate(error: impl std::fmt::Display) -> LaunchError {
    LaunchError::Isolate(error.to_string())
}

async fn blocking<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, LaunchError> + Send + 'static,
) -> Result<T, LaunchError> {
    tokio::task::spawn_blocking(step)
        .await
        .unwrap_or_else(|error| Err(isolate(error)))
}
