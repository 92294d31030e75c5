//! Writing the agent's checkpoints.
//!
//! What an unacknowledged status update needs to be sent after a loss of power is synced: the
//! infos of agent, framework, executor and task. Which process and container was the latest means
//! nothing to another boot of the machine, and a run whose end was not noted is only ended again:
//! these are not synced, because a launch waits for every sync.

use std::fs;
use std::io;
use std::path::Path;

use mesos::v1::AgentId;
use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::envelope::{self, CheckpointError};
use super::layout::{LATEST, Layout, Run};
use super::resources::{self, StoredResources};
use crate::state::{ExecutorRef, Record, Stale};

/// What is stored of an executor beside what it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredExecutor {
    pub(super) info: mesos::v1::ExecutorInfo,
    pub(super) is_command_executor: bool,
}

/// Writes records where [`recovery`](super::recovery) finds them.
#[derive(Clone, Debug)]
pub struct Store {
    layout: Layout,
    disk: Disk,
}

impl Store {
    /// A store in a work directory, which is on that disk.
    pub fn new(layout: Layout, disk: Disk) -> Store {
        Store { layout, disk }
    }

    /// Makes a record durable. `agent` is the agent's own id.
    pub fn write(&self, agent: &AgentId, record: &Record) -> Result<(), CheckpointError> {
        let Store { layout, disk } = self;
        let agent_id = agent.value.as_str();
        match record {
            Record::Agent(info) => {
                envelope::write(disk, &layout.agent_info(agent_id), info.as_ref())?;
                envelope::write_link(disk, &layout.latest_agent(), agent_id, true)
            }
            Record::Framework(info) => {
                let id = info.id.as_ref().map_or("", |id| &id.value);
                envelope::write(disk, &layout.framework_info(agent_id, id), info.as_ref())
            }
            Record::Executor(of, info, is_command_executor) => {
                let stored = StoredExecutor {
                    info: info.as_ref().clone(),
                    is_command_executor: *is_command_executor,
                };
                self.begin_run(&run(agent, of), &stored)
            }
            Record::Task(of, task) => {
                let path = layout.task_info(&run(agent, of), &task.task_id.value);
                envelope::write(disk, &path, task.as_ref())
            }
            Record::Process(of, process) => {
                envelope::write_for_this_boot(disk, &layout.process(&run(agent, of)), process)
            }
            Record::Completed(of) => {
                // Best effort: without its container the identity opens nothing.
                if disk.changes().is_ok() {
                    let _ = fs::remove_file(layout.executor_identity(&of.container_id.value));
                }
                envelope::write_for_this_boot(disk, &layout.sentinel(&run(agent, of)), &"completed")
            }
        }
    }

    /// Changes what the agent has, on the disk and in the checkpoint.
    pub fn commit(
        &self,
        agent: &AgentId,
        from: &StoredResources,
        to: &StoredResources,
    ) -> Result<(), CheckpointError> {
        resources::commit(&self.layout, &self.disk, &agent.value, from, to)
    }

    /// Removes checkpoints of what is no longer remembered. Sandboxes stay.
    pub fn erase(&self, agent: &AgentId, stale: &Stale) -> Result<(), CheckpointError> {
        let Store { layout, disk } = self;
        let agent_id = agent.value.as_str();
        match stale {
            Stale::Agent => {
                match (disk.changes()).and_then(|()| fs::remove_file(layout.latest_agent())) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => {
                        Err(CheckpointError::io("remove", &layout.latest_agent())(e))
                    }
                    _ => Ok(()),
                }
            }
            Stale::Task(of, task) => {
                let info = layout.task_info(&run(agent, of), &task.value);
                remove_folder(disk, info.parent().unwrap_or(&info))
            }
            Stale::Run(of) => {
                let run = run(agent, of);
                remove_folder(disk, &layout.run(&run))?;
                let runs = layout.runs(agent_id, &run.framework, &run.executor);
                match envelope::read_link(&runs.join(LATEST)) {
                    // A later run of the same executor is remembered.
                    Some(_) => Ok(()),
                    None => remove_folder(disk, runs.parent().unwrap_or(&runs)),
                }
            }
            Stale::Framework(id) => {
                remove_folder(disk, &layout.frameworks(agent_id).join(&id.value))
            }
        }
    }

    fn begin_run(&self, run: &Run, stored: &StoredExecutor) -> Result<(), CheckpointError> {
        let Store { layout, disk } = self;
        let info = layout.executor_info(&run.agent, &run.framework, &run.executor);
        envelope::write(disk, &info, stored)?;
        let tasks = layout.tasks(run);
        let made = disk.changes().and_then(|()| fs::create_dir_all(&tasks));
        made.map_err(CheckpointError::io("make", &tasks))?;
        let runs = layout.runs(&run.agent, &run.framework, &run.executor);
        envelope::write_link(disk, &runs.join(LATEST), &run.container, false)?;
        envelope::write_link(
            disk,
            &layout.sandboxes(run).join(LATEST),
            &run.container,
            false,
        )
    }
}

fn remove_folder(disk: &Disk, folder: &Path) -> Result<(), CheckpointError> {
    match disk.changes().and_then(|()| fs::remove_dir_all(folder)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(CheckpointError::io("remove", folder)(e))
        }
        _ => Ok(()),
    }
}

fn run(agent: &AgentId, of: &ExecutorRef) -> Run {
    Run {
        agent: agent.value.clone(),
        framework: of.framework_id.value.clone(),
        executor: of.executor_id.value.clone(),
        container: of.container_id.value.clone(),
    }
}
