//! Draining: everything that runs here ends, for the operator to take the machine (Mesos' `docs/maintenance.md`).
//!
//! ```text
//! DrainAgent ─▶ each task killed, with at most the given grace ─▶ no task left: as before
//!                  meanwhile: new tasks are dropped, ends say REASON_AGENT_DRAINING
//! ```
//!
//! Nothing of it is stored: the master repeats itself whenever this agent registers again.

use mesos::v1::task_status::Reason;
use mesos::v1::{
    DrainConfig, DurationInfo, FrameworkId, KillPolicy, TaskId, TaskState, TaskStatus,
};

use super::effect::Effect;
use super::{Moment, State};

/// How long executors give tasks without a kill policy of their own, as in Mesos.
const DEFAULT_GRACE_NANOS: i64 = 3_000_000_000;

impl State {
    /// The master wants this agent to be drained.
    pub fn drain(&mut self, moment: &mut Moment, config: DrainConfig) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.drain = Some(config);
        for (framework, task, own) in self.open_tasks() {
            let policy = policy(&config, own);
            effects.extend(self.kill_task(moment, &framework, &task, policy));
        }
        self.end_drain_if_done();
        effects
    }

    /// How this agent is being drained, if it is.
    pub fn drain_config(&self) -> Option<&DrainConfig> {
        self.drain.as_ref()
    }

    /// Whether new tasks are refused.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Once no task is left new ones are welcome again: whether the agent is offered is the master's
    /// business.
    pub(crate) fn end_drain_if_done(&mut self) {
        if self.is_draining() && !self.executors().any(|e| e.is_busy()) {
            self.drain = None;
        }
    }

    /// Makes the status of a task that was killed say why.
    pub(crate) fn note_draining(&self, framework: &FrameworkId, latest: &mut TaskStatus) {
        let Some(config) = &self.drain else { return };
        if latest.state != TaskState::TaskKilled as i32 {
            return;
        }
        latest.reason = Some(Reason::AgentDraining as i32);
        if config.mark_gone() && self.is_partition_aware(framework) {
            latest.state = TaskState::TaskGoneByOperator as i32;
        }
    }

    /// Tasks that have not ended, with their kill policies.
    fn open_tasks(&self) -> Vec<(FrameworkId, TaskId, Option<KillPolicy>)> {
        let mut open = Vec::new();
        for executor in self.executors() {
            let of = &executor.framework_id;
            let queued = executor.queued.iter();
            let queued = queued.map(|task| (&task.task_id, task.kill_policy));
            let launched = executor.launched_tasks.values();
            let launched = launched.map(|task| (&task.task_id, task.kill_policy));
            let tasks = queued.chain(launched);
            open.extend(tasks.map(|(task, policy)| (of.clone(), task.clone(), policy)));
        }
        open
    }
}

/// How a task is to be killed: as it wishes, but no slower than the operator wishes.
fn policy(config: &DrainConfig, own: Option<KillPolicy>) -> Option<KillPolicy> {
    let most = config.max_grace_period?.nanoseconds;
    let own = own.and_then(|policy| policy.grace_period);
    let own = own.map_or(DEFAULT_GRACE_NANOS, |grace| grace.nanoseconds);
    Some(KillPolicy {
        grace_period: Some(DurationInfo {
            nanoseconds: own.min(most),
        }),
    })
}
