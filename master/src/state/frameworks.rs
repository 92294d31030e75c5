//! How frameworks go: disconnection, failover timeout, teardown (Mesos' `docs/high-availability-framework-guide.md`).

use std::sync::Arc;
use std::time::Duration;

use mesos::protocols::{CallRejected, RejectionKind, agent as to_agent};
use mesos::v1::task_status::Reason;
use mesos::v1::{FrameworkId, FrameworkInfo, TaskState, TimeInfo};
use mesos::wire::Pb;

use super::model::Destination;
use super::statuses::Verdict;
use super::{Connection, Effect, Effects, Framework, State, Ticket, Timer, Timestamp, ToAgent};
use crate::allocator::{AllocatorOp, FrameworkOptions, RegexLimits, compile};
use crate::registrar::{FrameworkRecord, Operation};
use crate::state::Continuation;

/// What the allocator needs to know of a framework.
pub(super) fn options(framework: &Framework, limits: RegexLimits) -> FrameworkOptions {
    let constraints = framework.offer_constraints.as_deref();
    // They were compiled when the call was checked.
    let constraints = constraints.and_then(|constraints| compile(constraints, limits).ok());
    let roles = (*framework.roles).clone();
    let suppressed = (*framework.suppressed_roles).clone();
    FrameworkOptions {
        active: framework.active,
        constraints: constraints.unwrap_or_default(),
        ..FrameworkOptions::new(&framework.info, roles, suppressed)
    }
}

/// How long a framework may stay away before it is torn down.
pub(super) fn failover_duration(info: &FrameworkInfo) -> Duration {
    // Validated to be representable; negative means at once.
    Duration::try_from_secs_f64(info.failover_timeout.unwrap_or(0.0)).unwrap_or_default()
}

/// A framework as it is stored.
pub(super) fn record_of(framework: &Framework, deadline: Option<Timestamp>) -> FrameworkRecord {
    FrameworkRecord {
        info: Pb((*framework.info).clone()),
        failover_deadline: deadline.map(|at| TimeInfo {
            nanoseconds: at.as_nanos(),
        }),
        extended: false,
    }
}

impl State {
    /// The subscription of a framework ended.
    pub(super) fn disconnect_framework(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        out: &mut Effects,
    ) {
        self.withdraw_offers_of(id, out);
        let Some(framework) = self.cluster.framework_mut(id) else {
            return;
        };
        if let Some(subscription) = framework.subscription() {
            let pid = subscription.pid.any();
            self.schedulers.remove(&pid);
        }
        framework.connection = Connection::Disconnected;
        framework.active = false;
        let (epoch, timeout) = (framework.epoch, failover_duration(&framework.info));
        out.push(Effect::Allocator(AllocatorOp::DeactivateFramework {
            id: id.clone(),
        }));
        out.push(Effect::Timer(
            timeout,
            Timer::FrameworkFailover(id.clone(), epoch),
        ));
        self.persist_framework(id, Some(now + timeout), out);
    }

    /// The time of a framework to come back is over. Ignored if it came back meanwhile.
    pub(super) fn failover_timeout(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        epoch: u64,
    ) -> Effects {
        let mut out = Effects::new();
        let absent = self
            .cluster
            .framework(id)
            .is_some_and(|f| f.epoch == epoch && !f.connected());
        if absent {
            self.remove_framework(now, id, &mut out);
        }
        out
    }

    /// Tears a framework down on behalf of an operator, who is answered once the registry has
    /// forgotten it: no later master brings it back.
    pub(super) fn teardown(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        id: &FrameworkId,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        if self.cluster.framework(id).is_none() {
            let why = format!("No framework found with ID {}", id.value);
            return Err(CallRejected::new(RejectionKind::UnknownFramework, why));
        }
        let is_stored = self.persisted.contains(id);
        self.end_framework(now, id, Continuation::TearDown(ticket), out);
        if !is_stored {
            out.push(Effect::Answer(ticket, Ok(())));
        }
        Ok(())
    }

    /// Ends a framework: everything of it is shut down, and no update is sent for that.
    pub(super) fn remove_framework(&mut self, now: Timestamp, id: &FrameworkId, out: &mut Effects) {
        self.end_framework(now, id, Continuation::Nothing, out);
    }

    /// As [`remove_framework`](Self::remove_framework), for somebody who waits for the registry.
    fn end_framework(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        then: Continuation,
        out: &mut Effects,
    ) {
        self.withdraw_offers_of(id, out);
        for agent in self.cluster.agents.values() {
            let message = to_agent::ShutdownFramework {
                framework_id: id.clone(),
            };
            out.push(Effect::Agent(
                agent.pid.clone(),
                ToAgent::ShutdownFramework(message),
            ));
        }
        self.forget_inverse_answers_of(id);
        self.end_tasks_of(now, id, out);
        self.end_executors_of(id, out);
        self.end_operations_of(id, out);

        let Some(framework) = self.cluster.frameworks.remove(id) else {
            return;
        };
        let mut framework = Arc::unwrap_or_clone(framework);
        if let Some(subscription) = framework.subscription() {
            self.schedulers.remove(subscription.pid.as_any());
            out.push(Effect::Unsubscribe(subscription.pid.clone()));
        }
        for task in framework.unreachable_tasks.values() {
            self.cluster.counts.leave(task.state());
        }
        framework.connection = Connection::Disconnected;
        framework.active = false;
        framework.unregistered = Some(now);
        self.cluster
            .completed_frameworks
            .push_back(Arc::new(framework));
        while self.cluster.completed_frameworks.len() > self.config.max_completed_frameworks {
            self.cluster.completed_frameworks.pop_front();
        }
        out.push(Effect::Allocator(AllocatorOp::RemoveFramework {
            id: id.clone(),
        }));
        if self.persisted.remove(id) {
            out.push(Effect::Registry(
                Operation::RemoveFramework { id: id.clone() },
                then,
            ));
        }
    }

    fn end_tasks_of(&mut self, now: Timestamp, id: &FrameworkId, out: &mut Effects) {
        let Some(framework) = self.cluster.framework(id).cloned() else {
            return;
        };
        for (task_id, task) in &framework.tasks {
            let agent_id = task.agent_id().to_v1();
            let verdict = Verdict::new(
                TaskState::TaskKilled,
                Reason::FrameworkRemoved,
                format!("Framework {} removed", id.value),
            );
            if !task.is_terminal() {
                let status = verdict.status_of(&framework.info, task, now);
                self.record(id, &agent_id, status, None, out);
            }
            self.cluster
                .remove_task(id, &task_id.to_v1(), self.completed());
        }
    }

    fn end_executors_of(&mut self, id: &FrameworkId, out: &mut Effects) {
        let Some(framework) = self.cluster.framework(id).cloned() else {
            return;
        };
        for (agent, executor) in &framework.executors {
            self.end_executor(id, agent, executor, out);
        }
    }

    /// Where ended tasks go.
    pub(super) fn completed(&self) -> Destination {
        Destination::Completed(self.config.max_completed_tasks_per_framework)
    }

    /// Makes a framework known that agents run something for, but that has not subscribed to this
    /// master yet. It gets as much time as if this master had seen it leave, and no less than
    /// agents get: Mesos gives it for ever, and its tasks with it (MESOS-4659).
    pub(super) fn recover_framework(
        &mut self,
        now: Timestamp,
        info: &FrameworkInfo,
        out: &mut Effects,
    ) {
        let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) else {
            return;
        };
        if self.cluster.framework(id).is_none() && !self.cluster.is_completed(id) {
            self.add_framework(now, info, out);
            let wait = failover_duration(info).max(self.config.agent_reregister_timeout);
            out.push(Effect::Timer(wait, Timer::FrameworkFailover(id.clone(), 0)));
        }
    }

    /// Stores a framework, with the moment it is to be torn down unless it comes back.
    pub(super) fn persist_framework(
        &mut self,
        id: &FrameworkId,
        deadline: Option<Timestamp>,
        out: &mut Effects,
    ) {
        let Some(framework) = self.cluster.framework(id) else {
            return;
        };
        let framework = record_of(framework, deadline);
        let operation = if self.persisted.insert(id.clone()) {
            Operation::AddFramework {
                id: id.clone(),
                framework,
            }
        } else {
            Operation::UpdateFramework {
                id: id.clone(),
                framework,
            }
        };
        out.push(Effect::Registry(operation, Continuation::Nothing));
    }
}
