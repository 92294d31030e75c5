//! Status updates on their way out, acknowledgements on their way back (Mesos' `docs/scheduler-http-api.md`, ACKNOWLEDGE).
//!
//! ```text
//! executor          State                     status updates           master
//!  │ UPDATE ────────▶│ executor_update          │                        │
//!  │                 │── Inspect (if FAILED) … inspected                 │
//!  │                 │── Report ───────────────▶│ written                │
//!  │◀── ACKNOWLEDGED │◀─ confirmed ─────────────│                        │
//!  │                 │◀─ forwarded ─────────────│ in flight              │
//!  │                 │── UpdateRecord ───────────────────────────────────▶│
//!  │                 │◀───────────────────────────────────── Acknowledge │
//!  │                 │── Acknowledge ──────────▶│ written                │
//!  │                 │◀─ acknowledged ──────────│                        │
//! ```

use std::sync::Arc;

use mesos::protocols::{CallRejected, UpdateRecord};
use mesos::v1::task_status::Source;
use mesos::v1::{ExecutorId, FrameworkId, TaskId, TaskResourceLimitation, TaskState, TaskStatus};
use mesos::wire::Pb;
use uuid::Uuid;

use super::effect::{Effect, Record, Report, Stale, ToMaster};
use super::executors::acknowledged_event;
use super::model::{ExecutorPhase, ExecutorRef};
use super::{MAX_COMPLETED_FRAMEWORKS, Moment, State, status};
use crate::containerizer::Limitation;
use crate::status_updates::Update;

impl State {
    /// An executor reports; the update has been validated.
    pub(crate) fn executor_update(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        latest: TaskStatus,
        uuid: Uuid,
    ) -> Vec<Effect> {
        let framework_is_over = self
            .framework(&of.framework_id)
            .is_none_or(|f| f.terminating);
        let Some(executor) = self.run_mut(of) else {
            return Vec::new();
        };
        let is_done = executor
            .completed_tasks
            .iter()
            .any(|t| t.task_id == latest.task_id);
        if framework_is_over || is_done {
            // Nobody will hear of it, or everybody has; only free the executor from waiting.
            let event = acknowledged_event(&latest.task_id, &uuid);
            let pid = executor.pid.clone();
            return pid
                .map(|p| Effect::Event(p, Box::new(event)))
                .into_iter()
                .collect();
        }
        if executor.inspected.contains_key(&latest.task_id) {
            // The end of this task is being looked at; nothing may overtake or follow it.
            return Vec::new();
        }
        let runs = executor.launched_tasks.contains_key(&latest.task_id);
        if latest.state == TaskState::TaskFailed as i32 && runs && executor.launched {
            let task_id = latest.task_id.clone();
            executor.inspected.insert(task_id.clone(), latest);
            return vec![Effect::Inspect {
                executor: of.clone(),
                task_id,
            }];
        }
        self.apply(moment, of, latest, true)
    }

    /// The containerizer said whether a limit was behind the failure of a task.
    pub fn inspected(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        task_id: &TaskId,
        limitation: Option<&Limitation>,
    ) -> Vec<Effect> {
        let failed = self.run_mut(of).and_then(|e| e.inspected.remove(task_id));
        let Some(mut failed) = failed else {
            return Vec::new();
        };
        if let Some(limitation) = limitation {
            apply_limitation(&mut failed, limitation);
        }
        self.apply(moment, of, failed, true)
    }

    /// The agent itself reports about a task of an executor.
    pub(crate) fn agent_update(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        latest: TaskStatus,
    ) -> Vec<Effect> {
        self.apply(moment, of, latest, false)
    }

    /// The agent reports about a task that never had an executor; its log is memory.
    pub(crate) fn report_without_executor(
        &mut self,
        framework_id: &FrameworkId,
        mut latest: TaskStatus,
    ) -> Vec<Effect> {
        latest.agent_id = self.agent_id().cloned();
        let Some(uuid) = uuid_of(&latest) else {
            return Vec::new();
        };
        vec![Effect::Report(Box::new(Report {
            framework_id: framework_id.clone(),
            status: latest,
            uuid,
            executor: None,
            from_executor: false,
        }))]
    }

    /// An update of an executor is written down.
    pub fn confirmed(&self, of: &ExecutorRef, task_id: &TaskId, uuid: &Uuid) -> Vec<Effect> {
        let pid = self.run(of).and_then(|e| e.pid.clone());
        let event = || Box::new(acknowledged_event(task_id, uuid));
        pid.map(|pid| Effect::Event(pid, event()))
            .into_iter()
            .collect()
    }

    /// An update is to be sent, or sent again.
    pub fn forwarded(&mut self, update: &Update) -> Vec<Effect> {
        let (Some(master), Some(agent_id)) =
            (self.registered_master().cloned(), self.agent_id().cloned())
        else {
            return Vec::new();
        };
        let task_id = &update.status.task_id;
        let mut latest_state = update.status.state;
        let framework = self.frameworks.get(&update.framework_id);
        let of = framework.and_then(|f| f.executor_with_task(task_id).map(|e| e.reference()));
        if let Some(executor) = of.as_ref().and_then(|of| self.run_mut(of)) {
            let task = match executor.launched_tasks.get_mut(task_id) {
                Some(task) => Some(task),
                None => executor.terminated_tasks.get_mut(task_id),
            };
            if let Some(task) = task.map(Arc::make_mut) {
                task.status_update_state = Some(update.status.state);
                task.status_update_uuid = Some(update.uuid.as_bytes().to_vec());
                latest_state = task.state;
            }
        }
        let record = UpdateRecord {
            framework_id: update.framework_id.clone(),
            agent_id,
            executor_id: update.status.executor_id.clone(),
            status: Pb(update.status.clone()),
            latest_state,
            uuid: Some(update.uuid),
            timestamp: update.status.timestamp.unwrap_or_default(),
        };
        vec![Effect::Tell(master, ToMaster::Update(Box::new(record)))]
    }

    /// An acknowledgement is written down.
    pub fn acknowledged(&mut self, update: &Update) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !update.terminal {
            return effects;
        }
        let task_id = &update.status.task_id;
        let framework = self.frameworks.get(&update.framework_id);
        let of = framework.and_then(|f| f.executor_with_task(task_id).map(|e| e.reference()));
        if let Some(of) = of
            && let Some(executor) = self.run_mut(&of)
        {
            if let Some(forgotten) = executor.complete_task(task_id) {
                effects.push(Effect::Erase(Stale::Task(of.clone(), forgotten)));
            }
            self.remove_if_settled(&of, &mut effects);
        }
        effects
    }

    /// Forgets a terminated executor once nothing of it is left to report.
    pub(crate) fn remove_if_settled(&mut self, of: &ExecutorRef, effects: &mut Vec<Effect>) {
        let limit = self.settings.max_completed_executors_per_framework;
        let Some(framework) = self.frameworks.get_mut(&of.framework_id) else {
            return;
        };
        let Some(executor) = framework.executors.get(&of.executor_id) else {
            return;
        };
        let is_over = executor.phase == ExecutorPhase::Terminated
            && executor.container_id == of.container_id
            && (executor.is_settled() || framework.terminating);
        if !is_over {
            return;
        }
        effects.push(Effect::Write(Record::Completed(of.clone())));
        if let Some(executor) = framework.executors.remove(&of.executor_id) {
            let forgotten = framework.complete(executor, limit);
            effects.extend(
                forgotten
                    .into_iter()
                    .map(|of| Effect::Erase(Stale::Run(of))),
            );
        }
        self.remove_if_idle(&of.framework_id, effects);
    }

    /// Forgets a framework without executors; ends the agent if it waits for that.
    pub(crate) fn remove_if_idle(&mut self, id: &FrameworkId, effects: &mut Vec<Effect>) {
        if self
            .frameworks
            .get(id)
            .is_some_and(|f| f.executors.is_empty())
            && let Some(framework) = self.frameworks.remove(id)
        {
            if self.completed_frameworks.len() >= MAX_COMPLETED_FRAMEWORKS
                && let Some(forgotten) = self.completed_frameworks.pop_front()
            {
                effects.push(Effect::Erase(Stale::Framework(forgotten.id())));
            }
            self.completed_frameworks.push_back(framework);
        }
        self.exit_if_done(effects);
    }

    /// Takes over a status, completes what the framework is to see of it, and has it reported.
    fn apply(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        mut latest: TaskStatus,
        from_executor: bool,
    ) -> Vec<Effect> {
        let agent_id = self.agent_id().cloned();
        self.note_draining(&of.framework_id, &mut latest);
        let Some(executor) = self.run_mut(of) else {
            return Vec::new();
        };
        latest.agent_id = agent_id;
        latest.executor_id = Some(of.executor_id.clone());
        latest.timestamp.get_or_insert(moment.now);
        if latest.container_status.is_none() {
            latest.container_status = Some(executor.container_status.as_ref().clone());
        }
        let uuid = uuid_of(&latest).unwrap_or_else(|| moment.chance.uuid());
        latest.uuid = Some(uuid.as_bytes().to_vec());

        let is_news = executor.note_status(&latest);
        let ended = is_news && status::is_terminal(latest.state);
        let may_shrink = ended && executor.phase == ExecutorPhase::Running && executor.is_busy();
        if ended {
            executor.kills.remove(&latest.task_id);
            if let Some(count) = self.counters.tasks_ended.get_mut(latest.state as usize) {
                *count += 1;
            }
        }
        let mut effects = vec![Effect::Report(Box::new(Report {
            framework_id: of.framework_id.clone(),
            status: latest,
            uuid,
            executor: Some(of.clone()),
            from_executor,
        }))];
        if may_shrink {
            self.fit_container(of, &mut effects);
        }
        self.end_drain_if_done();
        effects
    }
}

/// Checks an update of an executor; answers its uuid.
pub(crate) fn validate(executor: &ExecutorId, latest: &TaskStatus) -> Result<Uuid, CallRejected> {
    let uuid = latest
        .uuid
        .as_deref()
        .ok_or_else(|| CallRejected::invalid("Expecting 'update.status.uuid' to be present"))?;
    let uuid = Uuid::from_slice(uuid)
        .map_err(|_| CallRejected::invalid("Expecting 'update.status.uuid' to be 16 bytes"))?;
    if latest.source != Some(Source::Executor as i32) {
        return Err(CallRejected::invalid(
            "Expecting 'update.status.source' to be SOURCE_EXECUTOR",
        ));
    }
    if latest.executor_id.as_ref().is_some_and(|id| id != executor) {
        return Err(CallRejected::invalid(
            "Expecting 'update.status.executor_id' to be the caller's",
        ));
    }
    match TaskState::try_from(latest.state) {
        Ok(TaskState::TaskStaging) | Err(_) => Err(CallRejected::invalid(
            "Expecting 'update.status.state' to be a known state other than TASK_STAGING",
        )),
        Ok(_) => Ok(uuid),
    }
}

/// Makes a failure say which limit was behind it.
pub(crate) fn apply_limitation(failed: &mut TaskStatus, limitation: &Limitation) {
    failed.reason = Some(limitation.reason as i32);
    failed.message = Some(limitation.message.clone());
    if !limitation.resources.is_empty() {
        failed.limitation = Some(TaskResourceLimitation {
            resources: limitation.resources.clone(),
        });
    }
}

fn uuid_of(latest: &TaskStatus) -> Option<Uuid> {
    Uuid::from_slice(latest.uuid.as_deref()?).ok()
}
