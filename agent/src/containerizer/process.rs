//! The production containerizer: an actor over processes and control groups.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use libprocess::prelude::*;
use mesos::v1;
use tokio::sync::{Semaphore, oneshot};

use super::container::Container;
use super::isolation::Isolation;
use super::journal::{Journal, Leader};
use super::launch::LaunchJob;
use super::linux::cgroups::Bounds;
use super::reaper::Executor;
use super::{
    ContainerError, ContainerListenerProtocol, ContainerizerProtocol, Destroy, GetLimitation,
    KnownContainer, Launch, LaunchError, Launched, Limitation, Recover, RecoverError, Recovered,
    Status, Subscribe, Terminated, Update, Usage,
};
use crate::volumes::Mounts;

/// Fetches at once: more would only share the same network and disk, each with a thread.
const MAX_FETCHES: usize = 32;

/// Longer ids than any generator makes; the name of a directory could be twice as long.
const MAX_ID: usize = 128;

/// What a containerizer needs to know.
#[derive(Debug, Clone)]
pub struct ContainerizerConfig {
    /// How containers are held together.
    pub isolation: Isolation,
    /// A folder of this agent's own, to remember its containers in across restarts.
    pub runtime_dir: PathBuf,
}

/// Runs executors as processes of this machine.
#[derive(Debug)]
pub struct Containerizer {
    isolation: Isolation,
    journal: Journal,
    containers: BTreeMap<String, Container>,
    listener: Option<Pid<ContainerListenerProtocol>>,
    fetches: Arc<Semaphore>,
}

impl Containerizer {
    /// Fails if the runtime folder cannot be made.
    pub fn new(config: ContainerizerConfig) -> io::Result<Containerizer> {
        Ok(Containerizer {
            isolation: config.isolation,
            journal: Journal::open(config.runtime_dir)?,
            containers: BTreeMap::new(),
            listener: None,
            fetches: Arc::new(Semaphore::new(MAX_FETCHES)),
        })
    }

    fn get(&mut self, id: &v1::ContainerId) -> Result<&mut Container, ContainerError> {
        self.containers
            .get_mut(&id.value)
            .ok_or_else(|| ContainerError::NotFound(id.value.clone()))
    }

    fn launched(
        &mut self,
        id: String,
        result: Result<(Executor, Launched), LaunchError>,
        ctx: &mut Context<Self>,
    ) -> Result<Launched, LaunchError> {
        match result {
            Ok((executor, launched)) => {
                tracing::info!(container = id, pid = launched.pid, "executor started");
                if let Some(container) = self.containers.get_mut(&id) {
                    container.executor = Some(launched);
                }
                self.watch(id, executor, ctx);
                Ok(launched)
            }
            Err(error) => {
                tracing::info!(container = id, %error, "executor not started");
                self.containers.remove(&id);
                Err(error)
            }
        }
    }

    /// Waits for a reason to end the container.
    fn watch(&mut self, id: String, mut executor: Executor, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get(&id) else {
            return;
        };
        let (stop, hold) = (container.stop.clone(), container.hold.clone());
        let reason = async move {
            tokio::select! {
                _ = executor.ended() => {}
                () = stop.requested() => {}
                () = hold.out_of_memory() => {}
            }
            executor
        };
        let end =
            |executor, actor: &mut Self, ctx: &mut Context<Self>| actor.end(id, executor, ctx);
        ctx.spawn(reason.into_actor(self).map(end));
    }

    /// Ends a container: whatever is left in it dies, then everybody hears of it.
    fn end(&mut self, id: String, mut executor: Executor, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(&id) else {
            return;
        };
        // Before the control group goes, with its counters.
        container.look_for_limitation();
        let (hold, leader) = (container.hold.clone(), container.executor);
        let name = id.clone();
        let destroyed = async move {
            hold.destroy(&name, leader).await;
            executor.ended().await
        };
        let gone = |status, actor: &mut Self, ctx: &mut Context<Self>| actor.gone(id, status, ctx);
        ctx.spawn(destroyed.into_actor(self).map(gone));
    }

    fn gone(&mut self, id: String, status: Option<i32>, ctx: &mut Context<Self>) {
        self.journal.remove(&id);
        let Some(container) = self.containers.remove(&id) else {
            return;
        };
        tracing::info!(container = id, status, limitation = ?container.limitation, "container gone");
        if let Some(listener) = &self.listener {
            let container_id = v1::ContainerId {
                value: id,
                ..v1::ContainerId::default()
            };
            ctx.tell(
                listener,
                Terminated {
                    container_id,
                    status,
                    limitation: container.limitation,
                },
            );
        }
        // Dropping `container.waiting` is what wakes those who wait.
    }

    /// Takes known containers over; returns those whose executors are to be watched.
    fn adopt(&mut self, known: Vec<KnownContainer>) -> io::Result<Vec<(String, Executor)>> {
        let mut adopted = Vec::new();
        for known in known {
            let id = known.container_id.value;
            let executor = Executor::adopt(known.pid, known.start_time)?;
            self.journal
                .write(&id, Some((known.pid, known.start_time)))?;
            let bounds = Bounds::of(&known.resources, known.command_executor);
            let mounts = Mounts::new(known.sandbox, known.volumes);
            let hold = self.isolation.hold(&id);
            let mut container = Container::new(hold, bounds, mounts, known.command_executor);
            container.executor = Some(Launched {
                pid: known.pid,
                start_time: known.start_time,
            });
            self.containers.insert(id.clone(), container);
            adopted.push((id, executor));
        }
        Ok(adopted)
    }

    /// Destroys what an earlier life left behind and no checkpoint names.
    fn destroy_orphans(
        &self,
        orphans: BTreeMap<String, Leader>,
    ) -> impl Future<Output = Vec<String>> + use<> {
        let (isolation, journal) = (self.isolation.clone(), self.journal.clone());
        async move {
            for (id, leader) in &orphans {
                tracing::info!(container = id, "destroying an orphan");
                let leader = leader.map(|(pid, start_time)| Launched { pid, start_time });
                isolation.hold(id).destroy(id, leader).await;
                journal.remove(id);
            }
            orphans.into_keys().collect()
        }
    }
}

impl Actor for Containerizer {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.isolation.clean_up();
    }
}

impl Process for Containerizer {
    type Protocol = ContainerizerProtocol;
}

impl Handler<Launch> for Containerizer {
    type Result = ResponseActFuture<Self, Result<Launched, LaunchError>>;

    fn handle(&mut self, launch: Launch, _: &mut Context<Self>) -> Self::Result {
        let id = launch.container_id.value;
        let refusal = if !is_name(&id) {
            Some(LaunchError::BadId(id.clone()))
        } else if self.containers.contains_key(&id) {
            Some(LaunchError::Exists(id.clone()))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Box::pin(wrap_future(std::future::ready(Err(refusal))));
        }
        let built_in = launch.config.command_executor;
        let bounds = Bounds::of(&launch.config.resources, built_in);
        let sandbox = launch.config.sandbox.clone();
        let mounts = Mounts::new(sandbox, launch.config.volumes.clone());
        let container = Container::new(self.isolation.hold(&id), bounds, mounts, built_in);
        let job = LaunchJob {
            id: id.clone(),
            config: launch.config,
            bounds,
            isolation: self.isolation.clone(),
            journal: self.journal.clone(),
            fetches: self.fetches.clone(),
            stop: container.stop.clone(),
        };
        self.containers.insert(id.clone(), container);
        Box::pin(
            job.run()
                .into_actor(self)
                .map(|result, actor, ctx| actor.launched(id, result, ctx)),
        )
    }
}

impl Handler<Update> for Containerizer {
    type Result = Result<(), ContainerError>;

    fn handle(&mut self, update: Update, _: &mut Context<Self>) -> Self::Result {
        let container = self.get(&update.container_id)?;
        let failed = |error: io::Error| ContainerError::Failed {
            id: update.container_id.value.clone(),
            reason: error.to_string(),
        };
        container.mounts.change(update.volumes).map_err(failed)?;
        container.bounds = Bounds::of(&update.resources, container.command_executor);
        let limited = container
            .hold
            .group()
            .map_or(Ok(()), |group| group.limit(&container.bounds));
        limited.map_err(|error| ContainerError::Failed {
            id: update.container_id.value,
            reason: error.to_string(),
        })
    }
}

impl Handler<Destroy> for Containerizer {
    type Result = ResponseFuture<Result<(), ContainerError>>;

    fn handle(&mut self, destroy: Destroy, _: &mut Context<Self>) -> Self::Result {
        let container = match self.get(&destroy.container_id) {
            Ok(container) => container,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        container.stop.request();
        let (waiting, gone) = oneshot::channel();
        container.waiting.push(waiting);
        Box::pin(async move {
            // The sender is never used, only dropped: with the container.
            let _ = gone.await;
            Ok(())
        })
    }
}

impl Handler<Usage> for Containerizer {
    type Result = Result<v1::ResourceStatistics, ContainerError>;

    fn handle(&mut self, usage: Usage, _: &mut Context<Self>) -> Self::Result {
        let container = self.get(&usage.container_id)?;
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let mut statistics = v1::ResourceStatistics {
            timestamp: now.as_secs_f64(),
            ..Default::default()
        };
        container
            .hold
            .statistics(&container.bounds, container.executor, &mut statistics);
        Ok(statistics)
    }
}

impl Handler<Status> for Containerizer {
    type Result = Result<v1::ContainerStatus, ContainerError>;

    fn handle(&mut self, status: Status, _: &mut Context<Self>) -> Self::Result {
        let executor = self.get(&status.container_id)?.executor;
        Ok(v1::ContainerStatus {
            container_id: Some(status.container_id),
            executor_pid: executor.map(|executor| executor.pid),
            ..Default::default()
        })
    }
}

impl Handler<GetLimitation> for Containerizer {
    type Result = MessageResult<GetLimitation>;

    fn handle(&mut self, question: GetLimitation, _: &mut Context<Self>) -> Self::Result {
        let container = self.containers.get_mut(&question.container_id.value);
        let limitation: Option<Limitation> = container.and_then(Container::look_for_limitation);
        MessageResult(limitation)
    }
}

impl Handler<Recover> for Containerizer {
    type Result = ResponseActFuture<Self, Result<Recovered, RecoverError>>;

    fn handle(&mut self, recover: Recover, _: &mut Context<Self>) -> Self::Result {
        let prepared = if self.containers.is_empty() {
            self.journal
                .read()
                .and_then(|written| Ok((written, self.adopt(recover.known)?)))
                .map_err(|error| RecoverError::Failed(error.to_string()))
        } else {
            Err(RecoverError::TooLate)
        };
        let (mut orphans, adopted) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Box::pin(wrap_future(std::future::ready(Err(error)))),
        };
        orphans.retain(|id, _| !self.containers.contains_key(id));
        let watch_all = |orphans, actor: &mut Self, ctx: &mut Context<Self>| {
            let mut recovered = Recovered {
                orphans,
                ..Recovered::default()
            };
            for (id, executor) in adopted {
                let known = v1::ContainerId {
                    value: id.clone(),
                    ..v1::ContainerId::default()
                };
                if executor.was_alive() {
                    recovered.alive.push(known);
                } else {
                    recovered.gone.push(known);
                }
                actor.watch(id, executor, ctx);
            }
            Ok(recovered)
        };
        Box::pin(
            self.destroy_orphans(orphans)
                .into_actor(self)
                .map(watch_all),
        )
    }
}

impl Handler<Subscribe> for Containerizer {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, _: &mut Context<Self>) {
        self.listener = Some(subscribe.listener);
    }
}

fn is_name(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= MAX_ID && !id.starts_with('.') && id.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_name_another_directory_are_refused() {
        for id in ["", ".", "..", "../x", "a/b", "a b", "ä", &"x".repeat(129)] {
            assert!(!is_name(id), "{id:?}");
        }
        assert!(is_name("0b7f3c1e-6a55-4d2f-9f5b-2b5b0c8f4f10"));
    }
}
