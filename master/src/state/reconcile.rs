//! RECONCILE: what the master knows of tasks (Mesos' `docs/reconciliation.md`). The answers are not reliable;
//! frameworks ask again.

use mesos::v1::scheduler::call;
use mesos::v1::task_status::Reason;
use mesos::v1::{AgentId, TaskState, TaskStatus, TimeInfo};

use super::statuses::Verdict;
use super::{Counter, Effects, Framework, State, Task, Timestamp};

impl State {
    /// No tasks named: the state of all. Otherwise an answer for each named one, except where the
    /// truth will only be known when its agent has come back.
    pub(super) fn reconcile(
        &mut self,
        now: Timestamp,
        framework: &Framework,
        reconcile: &call::Reconcile,
        out: &mut Effects,
    ) {
        self.counters.count(Counter::ReconcileTasks);
        let answers: Vec<TaskStatus> = if reconcile.tasks.is_empty() {
            let known = framework
                .tasks
                .values()
                .chain(framework.unreachable_tasks.values());
            known.map(|task| latest(framework, task, now)).collect()
        } else {
            reconcile
                .tasks
                .iter()
                .filter_map(|task| self.fate(now, framework, task))
                .collect()
        };
        for status in answers {
            self.send_update(&framework.id, status, out);
        }
    }

    /// What is to be said about one task; `None` if nothing can be said yet.
    pub(super) fn fate(
        &self,
        now: Timestamp,
        framework: &Framework,
        asked: &call::reconcile::Task,
    ) -> Option<TaskStatus> {
        let id = &asked.task_id;
        let known = framework
            .tasks
            .get(id.as_str())
            .or_else(|| framework.unreachable_tasks.get(id.as_str()));
        if let Some(task) = known {
            return Some(latest(framework, task, now));
        }
        let agent = asked.agent_id.as_ref();
        let (state, why) = match agent {
            None if !self.cluster.recovered_agents.is_empty() => return None,
            None => (TaskState::TaskUnknown, "Reconciliation: Task is unknown"),
            Some(id) if self.is_in_transition(id) => return None,
            Some(id) if self.cluster.agent(id).is_some() => {
                (TaskState::TaskGone, "Reconciliation: Task is gone")
            }
            Some(id) if self.cluster.unreachable_agents.contains_key(id) => (
                TaskState::TaskUnreachable,
                "Reconciliation: Task is unreachable",
            ),
            Some(id) if self.cluster.gone_agents.contains_key(id) => (
                TaskState::TaskGoneByOperator,
                "Reconciliation: Task is gone: its agent was given up by an operator",
            ),
            Some(_) => (TaskState::TaskUnknown, "Reconciliation: Task is unknown"),
        };
        let verdict = Verdict::new(state, Reason::Reconciliation, why);
        let mut status = verdict.status(&framework.info, &asked.task_id, agent, now);
        status.unreachable_time = agent.and_then(|id| self.unreachable_since(id));
        Some(status)
    }

    /// Whether the registry is about to say what becomes of an agent, or the agent itself is.
    fn is_in_transition(&self, id: &AgentId) -> bool {
        self.cluster.recovered_agents.contains_key(id) || self.transitions.contains_key(id)
    }

    fn unreachable_since(&self, id: &AgentId) -> Option<TimeInfo> {
        let agent = self.cluster.unreachable_agents.get(id)?;
        Some(TimeInfo {
            nanoseconds: agent.since.as_nanos(),
        })
    }
}

/// The latest state that was forwarded, never a newer one the framework has yet to be told.
fn latest(framework: &Framework, task: &Task, now: Timestamp) -> TaskStatus {
    let verdict = Verdict::new(
        task.forwarded_state(),
        Reason::Reconciliation,
        "Reconciliation: Latest task state",
    );
    TaskStatus {
        unreachable_time: task.last_status().and_then(|last| last.unreachable_time),
        ..verdict.status_of(&framework.info, task, now)
    }
}
