//! Reading the checkpoints of an earlier life back.
//!
//! A file that a crash may leave behind is tolerated: a folder whose info was not written yet, a
//! torn tail of an update log, a link to nothing. Anything else that is not what was written is an
//! error that names the file and the remedy; the agent does not guess.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mesos::resources::Resources;
use mesos::v1::{AgentInfo, ContainerId, ExecutorInfo, FrameworkInfo, Resource, Task, TaskStatus};
use serde::{Deserialize, Serialize};

use super::compatibility::ReconfigurationPolicy;
use super::disk::Disk;
use super::envelope::{self, CheckpointError};
use super::layout::{LATEST, Layout, Run};
use super::resources::{self, StoredResources};
use super::store::StoredExecutor;
use crate::status_updates::{self, Key, Stream, Update};

/// The process of an executor: its id alone may be given to another process later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Clock ticks from boot to its start.
    pub start_time: u64,
}

/// All that an earlier life left.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The agent; its id is set.
    pub agent: AgentInfo,
    /// Whether the machine was booted since, so that no process of then lives.
    pub has_rebooted: bool,
    /// Its reservations and volumes, and operations it has yet to tell of.
    pub resources: StoredResources,
    /// Frameworks with runs of executors.
    pub frameworks: Vec<RecoveredFramework>,
    /// Update logs whose tail was torn, which a crash explains.
    pub torn_logs: Vec<PathBuf>,
}

/// A framework of an earlier life.
#[derive(Clone, Debug)]
pub struct RecoveredFramework {
    /// Its description.
    pub info: FrameworkInfo,
    /// Runs of its executors; of each executor at most the latest is not completed.
    pub executors: Vec<RecoveredExecutor>,
}

/// A run of an executor of an earlier life.
#[derive(Clone, Debug)]
pub struct RecoveredExecutor {
    /// Its description.
    pub info: ExecutorInfo,
    /// Whether the agent had made it up.
    pub is_command_executor: bool,
    /// Its container.
    pub container_id: ContainerId,
    /// Its process, unless the agent died before it could write it down.
    pub process: Option<Process>,
    /// Whether nothing of this run is open.
    pub is_completed: bool,
    /// Its tasks.
    pub tasks: Vec<RecoveredTask>,
}

/// A task of an earlier life.
#[derive(Clone, Debug)]
pub struct RecoveredTask {
    /// As it was accepted.
    pub task: Task,
    /// All of its updates, oldest first.
    pub updates: Vec<TaskStatus>,
    /// Whether its terminal update was acknowledged.
    pub is_end_acknowledged: bool,
    /// Its log.
    pub log: PathBuf,
    /// What of it is still to be sent.
    pub stream: Stream<Update>,
}

/// Why the agent cannot continue where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// A checkpoint cannot be used.
    #[error(
        "{problem}; to give up the tasks of the earlier life and register as a new agent, remove \
         {}", .latest.display()
    )]
    Checkpoint {
        /// What is wrong.
        problem: CheckpointError,
        /// What to remove.
        latest: PathBuf,
    },
    /// The agent is configured as another one than it was.
    #[error(
        "the {what} of this agent changed since it registered ({} says {was}, now it is {is}): \
         start it with what it was, or, if there is only more of it, with \
         --reconfiguration_policy=additive, or, to give up its tasks and register as a new agent, remove \
         {}", .info.display(), .latest.display()
    )]
    Incompatible {
        /// Which property.
        what: &'static str,
        /// The old value.
        was: String,
        /// The new value.
        is: String,
        /// The file with the old one.
        info: PathBuf,
        /// What to remove.
        latest: PathBuf,
    },
}

/// Reads everything back; `None` if this work directory has no registered agent to continue as.
///
/// `agent` is what the agent would register as now, `boot_id` names the present boot of the
/// machine. After a reboot an agent that changed more than `policy` allows starts anew; otherwise such a
/// change is an error. A change that is allowed is written down.
pub fn recover(
    layout: &Layout,
    disk: &Disk,
    agent: &AgentInfo,
    policy: ReconfigurationPolicy,
    boot_id: &str,
) -> Result<Option<Recovered>, RecoveryError> {
    let latest = layout.latest_agent();
    let wrap = |problem| RecoveryError::Checkpoint {
        problem,
        latest: latest.clone(),
    };
    let last_boot: Option<String> = envelope::read(&layout.boot_id()).map_err(wrap)?;
    let has_rebooted = last_boot.is_some_and(|last| last != boot_id);
    let Some(id) = envelope::read_link(&latest) else {
        return Ok(None);
    };
    let path = layout.agent_info(&id);
    let stored: Option<AgentInfo> = envelope::read(&path).map_err(wrap)?;
    let Some(stored) = stored else {
        return Ok(None);
    };
    if let Some((what, was, is)) = policy.difference(&stored, agent) {
        if has_rebooted {
            tracing::warn!("the {what} changed from {was} to {is} with the reboot: starting anew");
            return Ok(None);
        }
        return Err(RecoveryError::Incompatible {
            what,
            was,
            is,
            info: path,
            latest,
        });
    }
    let now = AgentInfo {
        id: stored.id.clone(),
        ..agent.clone()
    };
    let mut recovered = Recovered {
        agent: now,
        has_rebooted,
        ..Recovered::default()
    };
    recovered.resources = resources::recover(layout, disk, &id).map_err(wrap)?;
    fits(layout, &id, &recovered).map_err(wrap)?;
    if recovered.agent != stored {
        tracing::info!("the agent was reconfigured");
        envelope::write(disk, &path, &recovered.agent).map_err(wrap)?;
    }
    read_frameworks(layout, &id, &mut recovered).map_err(wrap)?;
    Ok(Some(recovered))
}

/// Whether the agent has what its reservations and volumes are made of.
fn fits(layout: &Layout, agent: &str, recovered: &Recovered) -> Result<(), CheckpointError> {
    let path = layout.resources(agent);
    let wrong = |why: String| CheckpointError::damaged(&path, why);
    let read = |resources: &[Resource]| {
        Resources::from_v1(resources).map_err(|error| wrong(error.to_string()))
    };
    let (flags, stored) = (
        read(&recovered.agent.resources)?,
        read(&recovered.resources.resources)?,
    );
    let total = flags.with_checkpointed(&stored);
    total.map(|_| ()).map_err(|error| wrong(error.to_string()))
}

/// Notes the present boot of the machine.
pub fn write_boot_id(layout: &Layout, disk: &Disk, boot_id: &str) -> Result<(), CheckpointError> {
    envelope::write(disk, &layout.boot_id(), &boot_id)
}

fn read_frameworks(
    layout: &Layout,
    agent: &str,
    recovered: &mut Recovered,
) -> Result<(), CheckpointError> {
    for framework in names(&layout.frameworks(agent))? {
        let path = layout.framework_info(agent, &framework);
        let Some(info) = envelope::read::<FrameworkInfo>(&path)? else {
            continue;
        };
        let mut executors = Vec::new();
        for executor in names(&layout.executors(agent, &framework))? {
            read_runs(
                layout,
                [agent, &framework, &executor],
                &mut executors,
                recovered,
            )?;
        }
        recovered
            .frameworks
            .push(RecoveredFramework { info, executors });
    }
    Ok(())
}

fn read_runs(
    layout: &Layout,
    [agent, framework, executor]: [&str; 3],
    executors: &mut Vec<RecoveredExecutor>,
    recovered: &mut Recovered,
) -> Result<(), CheckpointError> {
    let path = layout.executor_info(agent, framework, executor);
    let Some(stored) = envelope::read::<StoredExecutor>(&path)? else {
        return Ok(());
    };
    let runs = layout.runs(agent, framework, executor);
    let latest = envelope::read_link(&runs.join(LATEST));
    for container in names(&runs)? {
        let run = Run {
            agent: agent.to_owned(),
            framework: framework.to_owned(),
            executor: executor.to_owned(),
            container: container.clone(),
        };
        // Only the latest run can be open: a new one begins when nothing of the last is left. The
        // link may be missing after a loss of power.
        let has_sentinel = layout.sentinel(&run).exists();
        let is_older = latest.as_ref().is_some_and(|latest| *latest != container);
        let is_completed = has_sentinel || is_older;
        let process = layout.process(&run);
        let process = match recovered.has_rebooted {
            true => {
                // It names a process of another boot, if it is whole: it was not synced. A later life must not meet it.
                match fs::remove_file(&process) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => {
                        return Err(CheckpointError::io("remove", &process)(e));
                    }
                    _ => None,
                }
            }
            false => envelope::read(&process)?,
        };
        executors.push(RecoveredExecutor {
            info: stored.info.clone(),
            is_command_executor: stored.is_command_executor,
            process,
            is_completed,
            tasks: read_tasks(layout, &run, recovered)?,
            container_id: ContainerId {
                value: container,
                parent: None,
            },
        });
    }
    Ok(())
}

fn read_tasks(
    layout: &Layout,
    run: &Run,
    recovered: &mut Recovered,
) -> Result<Vec<RecoveredTask>, CheckpointError> {
    let mut tasks = Vec::new();
    for name in names(&layout.tasks(run))? {
        let Some(task) = envelope::read::<Task>(&layout.task_info(run, &name))? else {
            continue;
        };
        let log = layout.task_updates(run, &name);
        let key = Key {
            framework: task.framework_id.clone(),
            task: task.task_id.clone(),
        };
        let replay = status_updates::log::replay::<Update>(&log, &key)?;
        if replay.torn_bytes > 0 {
            recovered.torn_logs.push(log.clone());
        }
        let is_end_acknowledged = replay.stream.in_flight().is_none()
            && replay.updates.last().is_some_and(|u| u.terminal);
        let updates = replay.updates.iter().map(|u| u.status.clone());
        tasks.push(RecoveredTask {
            task,
            updates: updates.collect(),
            is_end_acknowledged,
            log,
            stream: replay.stream,
        });
    }
    Ok(tasks)
}

/// Names of the folders in a folder, sorted; none if it does not exist. Links are skipped.
fn names(folder: &Path) -> Result<Vec<String>, CheckpointError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(CheckpointError::io("list", folder)(e)),
    };
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.map_err(CheckpointError::io("list", folder))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
