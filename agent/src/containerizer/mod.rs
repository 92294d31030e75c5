//! The container seam: what the agent asks of whoever runs executors, and what it is told back.
//!
//! ```text
//!  agent                              containerizer
//!    | -- Subscribe{listener} ----------> |
//!    | -- Recover{known} ---------------> |  re-watches the living, destroys orphans
//!    | -- Launch{id, config} -----------> |  sandbox, fetch, cgroup, exec
//!    | <------------- Ok(Launched{pid}) - |
//!    | -- Update{id, resources} --------> |  while tasks come and go
//!    | -- Usage / Status / Limitation --> |
//!    | -- Destroy{id} ------------------> |
//!    | <----- Terminated{id, status, ..}- |  told to the listener, exactly once for each launch
//! ```
//!
//! Two actors stand behind it: [`Containerizer`] (Linux control groups, or plain POSIX sessions where
//! those are missing) and the simulated one, whose tasks take virtual time. Semantics: Mesos'
//! `docs/mesos-containerizer.md` and `docs/containerizer-internals.md`.

mod container;
mod environment;
mod isolation;
mod journal;
mod launch;
mod launcher;
mod linux;
mod posix;
mod process;
mod procfs;
mod reaper;
pub mod simulated;

use std::collections::BTreeMap;
use std::path::PathBuf;

use libprocess::prelude::*;
use mesos::resources::Resources;
use mesos::v1;

use crate::volumes::VolumeMount;
pub use environment::{DEFAULT_PATH, ExecutorEnvironment};
pub use isolation::Isolation;
pub use linux::cgroups::{Cgroups, CgroupsError};
pub use process::{Containerizer, ContainerizerConfig};

/// The name the agent's containerizer is spawned under.
pub const CONTAINERIZER: &str = "containerizer";

protocol! {
    /// What a containerizer accepts. It never crosses a node: containers live where their agent lives.
    pub local ContainerizerProtocol = "mesos.containerizer" {
        1 => Launch -> Result<Launched, LaunchError>,
        2 => Update -> Result<(), ContainerError>,
        3 => Destroy -> Result<(), ContainerError>,
        4 => Usage -> Result<v1::ResourceStatistics, ContainerError>,
        5 => Status -> Result<v1::ContainerStatus, ContainerError>,
        6 => GetLimitation -> Option<Limitation>,
        7 => Recover -> Result<Recovered, RecoverError>,
        8 => Subscribe,
    }
}

protocol! {
    /// What a containerizer tells its listener.
    pub local ContainerListenerProtocol = "mesos.container_listener" {
        1 => Terminated,
    }
}

/// Starts an executor in a container of its own.
///
/// Answered when the executor process runs (its URIs are in the sandbox by then) or when it is clear
/// that it never will; in the second case nothing is left behind but the sandbox, and no
/// [`Terminated`] follows.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Unique among the containers of this machine; also the name of the control group.
    pub container_id: v1::ContainerId,
    /// What to run, and within which bounds.
    pub config: ContainerConfig,
}

/// Everything a container is made from.
#[derive(Debug, Clone, Default)]
pub struct ContainerConfig {
    /// The executor: shell or exec form. Its `uris` are fetched into the sandbox first; its
    /// `environment` and `user` are **not** read here (see the fields below).
    pub command: v1::CommandInfo,
    /// The complete environment of the executor; nothing is inherited from the agent.
    pub environment: BTreeMap<String, String>,
    /// The user the executor runs as; `None` is the agent's own.
    pub user: Option<String>,
    /// The user who owns the sandbox and what is fetched into it: the task's user, also where a
    /// built-in executor runs as the agent's. `None` is the executor's user.
    pub sandbox_user: Option<String>,
    /// The working directory, created if missing; `stdout` and `stderr` are appended to here.
    pub sandbox: PathBuf,
    /// Resources of executor and tasks together, without the overhead of a built-in executor.
    pub resources: Resources,
    /// Persistent volumes that are to appear in the sandbox; they are given to its owner.
    pub volumes: Vec<VolumeMount>,
    /// Whether the executor is the built-in one, whose own 0.1 cpus and 32 MB are added on top of
    /// `resources` (Mesos' `src/launcher/executor.cpp`).
    pub command_executor: bool,
}

/// The executor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launched {
    /// Its process id; also the id of its session.
    pub pid: u32,
    /// Clock ticks from boot to the start of the process. With the pid it names the process for
    /// good: checkpoint both.
    pub start_time: u64,
}

/// Why an executor did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The id is in use.
    #[error("container {0} exists already")]
    Exists(String),
    /// The id cannot be the name of a directory.
    #[error("'{0}' cannot name a container: use letters, digits, '-', '_' and '.'")]
    BadId(String),
    /// The user is not known to this machine.
    #[error("user '{0}' does not exist on this machine")]
    NoSuchUser(String),
    /// The agent may not become another user.
    #[error("only an agent that runs as root can run an executor as user '{0}'")]
    NotRoot(String),
    /// The sandbox could not be made ready.
    #[error("failed to prepare the sandbox {path}: {reason}")]
    Sandbox {
        /// The sandbox.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A URI could not be fetched; the text names it.
    #[error("failed to fetch: {0}")]
    Fetch(String),
    /// The control group could not be made or bounded.
    #[error("failed to isolate the container: {0}")]
    Isolate(String),
    /// The command names nothing to run.
    #[error("the executor's command has neither a value nor arguments")]
    NoCommand,
    /// The process could not be started.
    #[error("failed to start '{program}': {reason}")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// `Destroy` came first.
    #[error("the container was destroyed while it was being launched")]
    Destroyed,
}

/// Sets new bounds, as tasks come and go within a running executor.
#[derive(Debug, Clone)]
pub struct Update {
    /// Which container.
    pub container_id: v1::ContainerId,
    /// Resources of executor and tasks together, as in [`ContainerConfig::resources`].
    pub resources: Resources,
    /// All persistent volumes that are to be in the sandbox from now on.
    pub volumes: Vec<VolumeMount>,
}

/// Kills everything in the container and removes it; answered when nothing is left. Destroying a
/// container that is being destroyed waits for the same end.
#[derive(Debug, Clone)]
pub struct Destroy {
    /// Which container.
    pub container_id: v1::ContainerId,
}

/// Asks for the resource statistics of a container.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Which container.
    pub container_id: v1::ContainerId,
}

/// Asks for the status of a container: its id, its executor's pid, its control group.
#[derive(Debug, Clone)]
pub struct Status {
    /// Which container.
    pub container_id: v1::ContainerId,
}

/// Asks whether the container has run into a limit, looking now.
///
/// An executor may report the death of its task sooner than the containerizer notices why: ask this
/// before believing a `TASK_FAILED`. `None` also for containers that are not known.
#[derive(Debug, Clone)]
pub struct GetLimitation {
    /// Which container.
    pub container_id: v1::ContainerId,
}

/// A limit that a container ran into.
#[derive(Debug, Clone, PartialEq)]
pub struct Limitation {
    /// Such as `REASON_CONTAINER_LIMITATION_MEMORY`.
    pub reason: v1::task_status::Reason,
    /// For people: what was asked for, and what was used.
    pub message: String,
    /// The resources that were exceeded, at the amount used.
    pub resources: Vec<v1::Resource>,
}

/// Why something could not be done to a container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// No container of that id (or no longer).
    #[error("container {0} does not exist")]
    NotFound(String),
    /// The system refused.
    #[error("container {id}: {reason}")]
    Failed {
        /// Which container.
        id: String,
        /// What the system said.
        reason: String,
    },
}

/// Takes over the containers of an earlier life of the agent; comes before the first `Launch`.
///
/// Every known container is watched again. Those whose executor is gone are cleaned up and told as
/// [`Terminated`] with an unknown status. Every other container that this agent ever made is an
/// orphan and is destroyed; those of other agents on the machine are not touched.
#[derive(Debug, Clone, Default)]
pub struct Recover {
    /// What the checkpoints say.
    pub known: Vec<KnownContainer>,
}

/// A container that was running when it was last written down.
#[derive(Debug, Clone, Default)]
pub struct KnownContainer {
    /// Its id.
    pub container_id: v1::ContainerId,
    /// The executor's process, from [`Launched`].
    pub pid: u32,
    /// The executor's start time, from [`Launched`].
    pub start_time: u64,
    /// As in [`ContainerConfig`].
    pub sandbox: PathBuf,
    /// As in [`ContainerConfig`].
    pub resources: Resources,
    /// As in [`ContainerConfig`].
    pub volumes: Vec<VolumeMount>,
    /// As in [`ContainerConfig`].
    pub command_executor: bool,
}

/// What recovery found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Known containers whose executor lives.
    pub alive: Vec<v1::ContainerId>,
    /// Known containers whose executor is gone; a [`Terminated`] follows for each.
    pub gone: Vec<v1::ContainerId>,
    /// Ids of containers that no checkpoint knew, now destroyed.
    pub orphans: Vec<String>,
}

/// Why recovery failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// Containers were launched already.
    #[error("recovery must come before the first launch")]
    TooLate,
    /// The system refused.
    #[error("failed to recover containers: {0}")]
    Failed(String),
}

/// Names the actor that hears of terminations; the last one named counts.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// Who listens.
    pub listener: Pid<ContainerListenerProtocol>,
}

impl Message for Subscribe {
    type Result = ();
}

/// A container is gone, with everything that ran in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Terminated {
    /// Which container.
    pub container_id: v1::ContainerId,
    /// The executor's wait status as of waitpid(2); `None` where it cannot be known (an executor
    /// adopted from an earlier life of the agent).
    pub status: Option<i32>,
    /// The limit that ended it, if one did.
    pub limitation: Option<Limitation>,
}

impl Message for Terminated {
    type Result = ();
}
