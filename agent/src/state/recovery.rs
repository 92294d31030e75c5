//! What the checkpoints of an earlier life say (Mesos' `docs/agent-recovery.md`).
//!
//! ```text
//! recover ──▶ containerizer looks after the known containers ──▶ containers_recovered
//!    ──▶ executors subscribe again: all of them, or reregistration_timed_out destroys the silent
//!    ──▶ only now a master is looked for
//! ```
//!
//! Mesos always waits for the whole timeout; here the last executor ends the wait.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use mesos::resources::Resources;
use mesos::v1::task_status::Reason;
use mesos::v1::{ContainerId, ContainerStatus, TaskState};

use super::effect::{Alarm, Effect, Ending};
use super::model::{Executor, ExecutorPhase, ExecutorRef, Framework};
use super::queue::Queue;
use super::registration::Registration;
use super::{Moment, State, status};
use crate::checkpoint::recovery::{Recovered, RecoveredExecutor, RecoveredTask};
use crate::containerizer::KnownContainer;

impl State {
    /// Takes over what the checkpoints say.
    pub fn recover(&mut self, recovered: &Recovered) {
        self.info = Arc::new(recovered.agent.clone());
        self.recover_resources(&recovered.resources);
        for found in &recovered.frameworks {
            let mut framework = Framework::new(found.info.clone());
            let limit = self.settings.max_completed_executors_per_framework;
            for run in &found.executors {
                let executor = self.rebuild(&framework, run);
                if run.is_completed {
                    framework.complete(executor, limit);
                } else {
                    let id = executor.info.executor_id.clone();
                    framework.executors.insert(id, executor);
                }
            }
            if !framework.executors.is_empty() {
                self.frameworks.insert(framework.id(), framework);
            } else if !framework.completed_executors.is_empty() {
                if self.completed_frameworks.len() == super::MAX_COMPLETED_FRAMEWORKS {
                    self.completed_frameworks.pop_front();
                }
                self.completed_frameworks.push_back(framework);
            }
        }
    }

    /// The containers that should be running, for the containerizer.
    pub fn known_containers(&self, recovered: &Recovered) -> Vec<KnownContainer> {
        let runs = recovered.frameworks.iter().flat_map(|f| &f.executors);
        let open = runs.filter(|run| !run.is_completed && !recovered.has_rebooted);
        let known = open.filter_map(|run| {
            let process = run.process.as_ref()?;
            let executor = self.executor_of(&run.container_id.value)?;
            Some(KnownContainer {
                container_id: run.container_id.clone(),
                pid: process.pid,
                start_time: process.start_time,
                sandbox: executor.directory.clone(),
                resources: executor.size(),
                volumes: executor.volumes(self.settings.layout.work_dir()),
                command_executor: run.is_command_executor,
            })
        });
        known.collect()
    }

    /// The containerizer watches the living containers again; all others are gone.
    pub fn containers_recovered(
        &mut self,
        moment: &mut Moment,
        alive: &[ContainerId],
        has_rebooted: bool,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let gone: Vec<ExecutorRef> = self
            .executors()
            .filter(|e| !alive.contains(&e.container_id))
            .map(Executor::reference)
            .collect();
        self.registration = Registration::Reconnecting;
        for of in gone {
            if let Some(executor) = self.run_mut(&of)
                && has_rebooted
            {
                executor.ending = Some(Ending {
                    state: TaskState::TaskFailed,
                    reason: Reason::ExecutorTerminated,
                    message: "The machine of the agent was rebooted".to_owned(),
                });
            }
            effects.extend(self.container_gone(moment, &of, None, None));
        }
        let wait = self.settings.executor_reregistration_timeout;
        effects.push(Effect::Alarm(wait, Alarm::ReregistrationTimeout));
        self.detect_if_reconnected(&mut effects);
        effects
    }

    /// Looks for a master once every executor of an earlier life is accounted for.
    pub(crate) fn detect_if_reconnected(&mut self, effects: &mut Vec<Effect>) {
        let is_awaited = |e: &Executor| e.phase == ExecutorPhase::Registering;
        if self.registration == Registration::Reconnecting && !self.executors().any(is_awaited) {
            self.registration = Registration::Detached;
            effects.push(Effect::Detect);
        }
    }

    /// Executors had their time to subscribe again: destroy the silent ones, look for a master.
    pub fn reregistration_timed_out(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.registration != Registration::Reconnecting {
            return effects;
        }
        let silent: Vec<ExecutorRef> = self
            .executors()
            .filter(|e| e.phase == ExecutorPhase::Registering)
            .map(Executor::reference)
            .collect();
        for of in silent {
            let timeout = self.settings.executor_reregistration_timeout;
            let is_aware = self.is_partition_aware(&of.framework_id);
            let ending = Ending {
                state: match is_aware {
                    true => TaskState::TaskGone,
                    false => TaskState::TaskLost,
                },
                reason: Reason::ExecutorReregistrationTimeout,
                message: format!(
                    "Executor did not reregister within {}",
                    mesos::flags::format_duration(timeout)
                ),
            };
            self.end_executor(&of, Some(ending), &mut effects);
        }
        self.detect_if_reconnected(&mut effects);
        effects
    }

    fn rebuild(&self, framework: &Framework, run: &RecoveredExecutor) -> Executor {
        let of = ExecutorRef {
            framework_id: framework.id(),
            executor_id: run.info.executor_id.clone(),
            container_id: run.container_id.clone(),
        };
        let mut executor = Executor {
            info: Arc::new(run.info.clone()),
            framework_id: of.framework_id.clone(),
            container_id: of.container_id.clone(),
            directory: self.settings.layout.sandbox(&self.run_names(&of)),
            is_command_executor: run.is_command_executor,
            phase: match run.is_completed {
                true => ExecutorPhase::Terminated,
                false => ExecutorPhase::Registering,
            },
            launched: !run.is_completed,
            pid: None,
            queued: Queue::default(),
            launched_tasks: OrdMap::new(),
            terminated_tasks: OrdMap::new(),
            completed_tasks: Vector::new(),
            inspected: OrdMap::new(),
            kills: OrdMap::new(),
            sized_for: Resources::default(),
            container_status: Arc::new(ContainerStatus {
                executor_pid: run.process.as_ref().map(|p| p.pid),
                ..self.new_container_status(&of.container_id)
            }),
            ending: None,
            was_given_tasks: !run.tasks.is_empty(),
        };
        for task in &run.tasks {
            place(&mut executor, task);
        }
        executor.sized_for = executor.size();
        executor
    }
}

fn place(executor: &mut Executor, found: &RecoveredTask) {
    let mut task = found.task.clone();
    for update in &found.updates {
        status::record(&mut task, update);
    }
    let id = task.task_id.clone();
    let is_over = status::is_terminal(task.state);
    let task = Arc::new(task);
    match is_over {
        false => {
            executor.launched_tasks.insert(id, task);
        }
        true => {
            executor.terminated_tasks.insert(id.clone(), task);
            if found.is_end_acknowledged {
                executor.complete_task(&id);
            }
        }
    }
}
