//! Frameworks, executors and tasks as the agent keeps them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use libprocess::prelude::Pid;
use mesos::protocols::ExecutorProtocol;
use mesos::resources::Resources;
use mesos::v1::{
    ContainerId, ContainerStatus, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, KillPolicy,
    Task, TaskId, TaskInfo, TaskStatus, framework_info,
};

use super::MAX_COMPLETED_TASKS;
use super::effect::{Effect, Ending, Record};
use super::queue::{Delivery, Queue};
use super::status;
use crate::volumes::VolumeMount;

/// A framework that has, or had, executors on this agent.
#[derive(Clone, Debug)]
pub struct Framework {
    /// Its description; the id is set.
    pub info: Arc<FrameworkInfo>,
    /// Whether the master ended it: its executors are on their way out and nothing of it is
    /// reported any more.
    pub terminating: bool,
    /// Its executors that run, or whose tasks' ends are not acknowledged yet.
    pub executors: OrdMap<ExecutorId, Executor>,
    /// Its executors that are done with, the latest last.
    pub completed_executors: Vector<Arc<Executor>>,
}

/// Names one run of an executor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutorRef {
    /// Whose executor.
    pub framework_id: FrameworkId,
    /// Its id.
    pub executor_id: ExecutorId,
    /// The container of this run.
    pub container_id: ContainerId,
}

/// ```text
/// Registering ──SUBSCRIBE──▶ Running ──shutdown──▶ Terminating ──container gone──▶ Terminated
///      └──────────── shutdown, timeout ──────────────▲                                 ▲
///      └──────────── container gone ───────────────────────────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutorPhase {
    /// Its container is being made, or it has not subscribed yet.
    Registering,
    /// It subscribed.
    Running,
    /// It was told to end, or its container is being destroyed.
    Terminating,
    /// Its container is gone; ends of tasks wait for their acknowledgements.
    Terminated,
}

/// One run of an executor in its container.
#[derive(Clone, Debug)]
pub struct Executor {
    /// Its description; the framework's id is set.
    pub info: Arc<ExecutorInfo>,
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// The container of this run.
    pub container_id: ContainerId,
    /// Its sandbox.
    pub directory: PathBuf,
    /// Whether the agent made it up for a task with a command.
    pub is_command_executor: bool,
    /// Where it stands.
    pub phase: ExecutorPhase,
    /// Whether its container runs (and so can be resized and inspected).
    pub launched: bool,
    /// Where its events go, while it is subscribed.
    pub pid: Option<Pid<ExecutorProtocol>>,
    /// Tasks it has not been given yet, in the order in which they came.
    pub queued: Queue,
    /// Tasks it was given and has not ended.
    pub launched_tasks: OrdMap<TaskId, Arc<Task>>,
    /// Tasks that ended, but whose framework has not acknowledged the end.
    pub terminated_tasks: OrdMap<TaskId, Arc<Task>>,
    /// Tasks whose end was acknowledged, the latest last.
    pub completed_tasks: Vector<Arc<Task>>,
    /// FAILED updates that wait for the containerizer to say whether a limit was behind them.
    pub inspected: OrdMap<TaskId, TaskStatus>,
    /// Kills that were asked for, until their tasks end; repeated to an executor that comes back.
    pub kills: OrdMap<TaskId, Option<KillPolicy>>,
    /// What the container was last sized for.
    pub sized_for: Resources,
    /// What the containerizer said of it; sent along with each update.
    pub container_status: Arc<ContainerStatus>,
    /// Why the agent is ending it, said in the updates of tasks that end with it.
    pub ending: Option<Ending>,
    /// Whether it was ever given a task.
    pub was_given_tasks: bool,
}

impl Framework {
    /// A framework without executors.
    pub fn new(info: FrameworkInfo) -> Framework {
        Framework {
            info: Arc::new(info),
            terminating: false,
            executors: OrdMap::new(),
            completed_executors: Vector::new(),
        }
    }

    /// The framework's id.
    pub fn id(&self) -> FrameworkId {
        self.info.id.clone().unwrap_or_default()
    }

    /// Whether it tells DROPPED, GONE and the like from LOST.
    pub fn is_partition_aware(&self) -> bool {
        self.has(framework_info::capability::Type::PartitionAware)
    }

    fn has(&self, capability: framework_info::capability::Type) -> bool {
        let mut types = self.info.capabilities.iter().map(|c| c.r#type);
        types.any(|t| t == Some(capability as i32))
    }

    /// The executor that has, or had, the task and must hear of it.
    pub fn executor_with_task(&self, task: &TaskId) -> Option<&Executor> {
        self.executors.values().find(|e| e.has_task(task))
    }

    /// Remembers an executor that is done with; answers the ones that are forgotten for it.
    pub fn complete(&mut self, executor: Executor, limit: usize) -> Vec<ExecutorRef> {
        let mut forgotten = Vec::new();
        while self.completed_executors.len() >= limit.max(1) {
            let oldest = self.completed_executors.pop_front();
            forgotten.extend(oldest.map(|e| e.reference()));
        }
        self.completed_executors.push_back(Arc::new(executor));
        forgotten
    }
}

impl Executor {
    /// Names this run.
    pub fn reference(&self) -> ExecutorRef {
        ExecutorRef {
            framework_id: self.framework_id.clone(),
            executor_id: self.info.executor_id.clone(),
            container_id: self.container_id.clone(),
        }
    }

    /// Whether the task is queued, runs, or ended without an acknowledgement.
    pub fn has_task(&self, task: &TaskId) -> bool {
        self.queued.has(task)
            || self.launched_tasks.contains_key(task)
            || self.terminated_tasks.contains_key(task)
    }

    /// Whether its container is there.
    pub fn is_alive(&self) -> bool {
        self.phase != ExecutorPhase::Terminated
    }

    /// Whether nothing of this executor can still be reported.
    pub fn is_settled(&self) -> bool {
        self.queued.is_empty() && self.launched_tasks.is_empty() && self.terminated_tasks.is_empty()
    }

    /// Whether it has tasks to run.
    pub fn is_busy(&self) -> bool {
        !self.queued.is_empty() || !self.launched_tasks.is_empty()
    }

    /// Resources of its tasks that have not ended, with the executor's own unless it is built in
    /// (the containerizer adds what the built-in one needs).
    pub fn size(&self) -> Resources {
        let own = (!self.is_command_executor).then_some(&self.info.resources);
        let queued = self.queued.iter().map(|t| &t.resources);
        let launched = self.launched_tasks.values().map(|t| &t.resources);
        sum(own.into_iter().chain(queued).chain(launched))
    }

    /// The volumes that its tasks use, and its own.
    pub fn volumes(&self, work_dir: &Path) -> Vec<VolumeMount> {
        let queued = self.queued.iter().map(|t| &t.resources);
        let launched = self.launched_tasks.values().map(|t| &t.resources);
        let all = std::iter::once(&self.info.resources)
            .chain(queued)
            .chain(launched);
        let mounts = all.flatten().filter_map(|r| VolumeMount::of(r, work_dir));
        let distinct: BTreeSet<VolumeMount> = mounts.collect();
        distinct.into_iter().collect()
    }

    /// All that is charged to the executor, as `/state` shows it.
    pub fn allocated(&self) -> Resources {
        let queued = self.queued.iter().map(|t| &t.resources);
        let launched = self.launched_tasks.values().map(|t| &t.resources);
        sum(std::iter::once(&self.info.resources)
            .chain(queued)
            .chain(launched))
    }

    /// A task in whatever collection it is.
    pub fn task(&self, id: &TaskId) -> Option<&Arc<Task>> {
        self.launched_tasks
            .get(id)
            .or_else(|| self.terminated_tasks.get(id))
    }

    /// Takes a task off the queue.
    pub fn take_queued(&mut self, id: &TaskId) -> Option<Arc<TaskInfo>> {
        self.queued.take(id)
    }

    /// Puts tasks at the end of the queue, and has them written down.
    pub fn enqueue(&mut self, delivery: Delivery, effects: &mut Vec<Effect>) {
        let of = self.reference();
        for task in delivery.tasks() {
            let record = Record::Task(of.clone(), Box::new(self.new_task(task)));
            effects.push(Effect::Write(record));
        }
        self.queued.push(delivery);
    }

    /// Notes a task's newest status; a terminal one moves the task to the terminated. False if the
    /// task had ended before.
    pub fn note_status(&mut self, latest: &TaskStatus) -> bool {
        let id = &latest.task_id;
        if let Some(info) = self.take_queued(id) {
            // The agent ended it before the executor saw it.
            let task = self.new_task(&info);
            self.launched_tasks.insert(id.clone(), Arc::new(task));
        }
        let Some(task) = self.launched_tasks.get_mut(id) else {
            return !self.terminated_tasks.contains_key(id);
        };
        status::record(Arc::make_mut(task), latest);
        if status::is_terminal(latest.state)
            && let Some(task) = self.launched_tasks.remove(id)
        {
            self.inspected.remove(id);
            self.terminated_tasks.insert(id.clone(), task);
        }
        true
    }

    /// Remembers a task whose end was acknowledged; answers the one that is forgotten for it.
    pub fn complete_task(&mut self, id: &TaskId) -> Option<TaskId> {
        let task = self.terminated_tasks.remove(id)?;
        let forgotten = match self.completed_tasks.len() >= MAX_COMPLETED_TASKS {
            true => self.completed_tasks.pop_front(),
            false => None,
        };
        self.completed_tasks.push_back(task);
        forgotten.map(|t| t.task_id.clone())
    }

    /// The record of a task that begins its life in this executor.
    pub fn new_task(&self, info: &TaskInfo) -> Task {
        status::new_task(
            info,
            &self.framework_id,
            (!self.is_command_executor).then_some(&self.info.executor_id),
        )
    }
}

/// Tasks with resources that cannot be added up are refused when they arrive; what was stored by
/// an agent that did not refuse them counts as nothing.
fn sum<'a>(all: impl Iterator<Item = &'a Vec<mesos::v1::Resource>>) -> Resources {
    Resources::from_v1(all.flatten()).unwrap_or_default()
}
