//! How agents are lost (Mesos' `docs/high-availability.md`): disconnected first, unreachable or removed later. What the
//! registry says comes first, so that a later master agrees on who was lost.

use std::sync::Arc;

use mesos::historic::Historic;
use mesos::v1::task_status::Reason;
use mesos::v1::{AgentId, FrameworkId, OperationState, TaskState, TimeInfo};

use super::model::Destination;
use super::statuses::Verdict;
use super::{
    Agent, Continuation, Counter, Effect, Effects, RemovalReason, State, Timer, Timestamp,
    Transition, UnreachableAgent, UnreachableReason,
};
use crate::allocator::AllocatorOp;
use crate::registrar::Operation;

impl State {
    /// The link to an agent broke. It keeps the tasks of checkpointing frameworks and has some
    /// time to come back.
    pub(super) fn disconnect_agent(&mut self, now: Timestamp, id: &AgentId, out: &mut Effects) {
        let Some(agent) = self.cluster.agent_mut(id).filter(|agent| agent.connected) else {
            return;
        };
        agent.connected = false;
        agent.active = false;
        let connection = agent.connection;
        out.push(Effect::Allocator(AllocatorOp::DeactivateAgent {
            id: id.clone(),
        }));
        out.push(Effect::ObserveConnected(id.clone(), false));
        self.rescind_offers_on(id, out);
        self.rescind_inverse_offers_on(id, out);
        self.lose_unprotected(now, id, out);
        out.push(Effect::Timer(
            self.config.agent_reregister_timeout,
            Timer::AgentReregister(id.clone(), connection),
        ));
    }

    /// The tasks of frameworks that do not checkpoint end with their agent's process.
    fn lose_unprotected(&mut self, now: Timestamp, id: &AgentId, out: &mut Effects) {
        let Some(agent) = self.cluster.agent(id).cloned() else {
            return;
        };
        for framework_id in &agent.frameworks() {
            let unprotected = self
                .cluster
                .framework(framework_id)
                .is_some_and(|framework| !framework.info.checkpoint());
            if unprotected {
                let lost = Verdict::new(
                    TaskState::TaskLost,
                    Reason::AgentDisconnected,
                    format!("Agent {} disconnected", agent.info.hostname()),
                );
                self.lose_tasks(now, &agent, framework_id, &lost, self.completed(), out);
                self.lose_executors(&agent, framework_id, out);
            }
        }
    }

    /// A disconnected agent did not come back in time. Ignored if it did.
    pub(super) fn reregister_timeout(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        connection: u64,
    ) -> Effects {
        let absent = self
            .cluster
            .agent(id)
            .is_some_and(|agent| agent.connection == connection && !agent.connected);
        let mut out = Effects::new();
        if absent {
            self.take_turn(now, id, UnreachableReason::ReregisterTimeout, &mut out);
        }
        out
    }

    /// An agent missed its pings.
    pub fn agent_unresponsive(&mut self, now: Timestamp, id: &AgentId) -> Effects {
        let mut out = Effects::new();
        if self.cluster.agent(id).is_some() {
            self.take_turn(now, id, UnreachableReason::PingTimeout, &mut out);
        }
        out
    }

    /// The agents of the registry had their time to come back.
    pub(super) fn recovery_timeout(&mut self, now: Timestamp) -> Effects {
        let mut out = Effects::new();
        let absent: Vec<AgentId> = self.cluster.recovered_agents.keys().cloned().collect();
        let share = 100.0 * absent.len() as f64 / self.recovered_at_start.max(1) as f64;
        if share > self.config.recovery_agent_removal_limit {
            out.push(Effect::Abort(format!(
                "{} of {} agents did not re-register, more than the {}% of \
                 --recovery_agent_removal_limit; check the network and start the master again",
                absent.len(),
                self.recovered_at_start,
                self.config.recovery_agent_removal_limit
            )));
            return out;
        }
        for id in absent {
            self.take_turn(now, &id, UnreachableReason::NotRecovered, &mut out);
        }
        out
    }

    pub(super) fn begin_unreachable(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        reason: UnreachableReason,
        out: &mut Effects,
    ) {
        if self.transitions.contains_key(id) {
            return;
        }
        self.transitions
            .insert(id.clone(), Transition::MarkingUnreachable);
        let since = TimeInfo {
            nanoseconds: now.as_nanos(),
        };
        out.push(Effect::Registry(
            Operation::MarkAgentUnreachable {
                id: id.clone(),
                since,
            },
            Continuation::MarkUnreachable(id.clone(), reason),
        ));
    }

    /// The registry has marked an agent unreachable.
    pub(super) fn unreachable(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        reason: UnreachableReason,
    ) -> Effects {
        let mut out = Effects::new();
        self.transitions.remove(id);
        self.counters.count(Counter::AgentUnreachableCompleted);
        self.counters.count(Counter::AgentRemovals);
        self.counters.count(match reason {
            UnreachableReason::NotRecovered => Counter::RecoveryAgentRemovals,
            _ => Counter::AgentRemovalsUnhealthy,
        });
        let recovered = self
            .cluster
            .recovered_agents
            .remove(id)
            .map(|agent| agent.info.clone());
        let registered = self.cluster.agent(id).cloned();
        let info = registered
            .as_ref()
            .map(|agent| agent.info.clone())
            .or(recovered);
        if let Some(agent) = registered {
            let why = match reason {
                UnreachableReason::PingTimeout => "health check timed out",
                _ => "agent did not re-register in time",
            };
            let unreachable = Verdict::new(
                TaskState::TaskUnreachable,
                Reason::AgentRemoved,
                format!("Agent {} is unreachable: {why}", agent.info.hostname()),
            );
            let limit = self.config.max_unreachable_tasks_per_framework;
            let state = OperationState::OperationUnreachable;
            self.lose_operations(&agent, state, &unreachable.message, &mut out);
            self.drop_agent(
                now,
                &agent,
                &unreachable,
                Destination::Unreachable(limit),
                &mut out,
            );
        }
        self.agent_lost(id, &mut out);
        let record = UnreachableAgent { info, since: now };
        self.cluster
            .unreachable_agents
            .insert(id.clone(), Arc::new(record));
        out
    }

    /// The registry has removed an agent.
    pub(super) fn removed(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        reason: RemovalReason,
    ) -> Effects {
        let mut out = Effects::new();
        self.transitions.remove(id);
        self.counters.count(Counter::AgentRemovals);
        let why = match reason {
            RemovalReason::Left => "it left the cluster",
            RemovalReason::Replaced => "a new agent registered in its place",
            RemovalReason::MachineDown => "its machine is down for maintenance",
        };
        if let Some(agent) = self.cluster.agent(id).cloned() {
            let lost = Verdict::new(
                TaskState::TaskLost,
                Reason::AgentRemoved,
                format!("Agent {} removed: {why}", agent.info.hostname()),
            );
            let state = OperationState::OperationGoneByOperator;
            self.lose_operations(&agent, state, &lost.message, &mut out);
            self.drop_agent(now, &agent, &lost, self.completed(), &mut out);
        }
        // It will not be the same agent again.
        self.cluster.drains.remove(id);
        self.cluster.deactivated.remove(id);
        self.agent_lost(id, &mut out);
        out
    }

    /// Takes an agent and all that is on it out of the cluster.
    pub(super) fn drop_agent(
        &mut self,
        now: Timestamp,
        agent: &Agent,
        verdict: &Verdict,
        destination: Destination,
        out: &mut Effects,
    ) {
        if let Some(agent) = self.cluster.agent_mut(&agent.id) {
            // That nothing is left on it is no news from now on.
            agent.connected = false;
        }
        // First, so that nothing freed below is allocated again.
        out.push(Effect::Allocator(AllocatorOp::RemoveAgent {
            id: agent.id.clone(),
        }));
        out.push(Effect::EndObservation(agent.id.clone()));
        out.push(Effect::Unwatch(agent.pid.any()));
        self.rescind_offers_on(&agent.id, out);
        self.rescind_inverse_offers_on(&agent.id, out);
        for framework in &agent.frameworks() {
            self.lose_tasks(now, agent, framework, verdict, destination, out);
            self.lose_executors(agent, framework, out);
        }
        self.leave_place(agent);
        self.cluster.agents.remove(&agent.id);
    }

    fn lose_tasks(
        &mut self,
        now: Timestamp,
        agent: &Agent,
        framework_id: &FrameworkId,
        verdict: &Verdict,
        destination: Destination,
        out: &mut Effects,
    ) {
        let Some(framework) = self.cluster.framework(framework_id).cloned() else {
            return;
        };
        let unreachable = matches!(destination, Destination::Unreachable(_));
        let on_agent = agent
            .tasks
            .iter()
            .filter(|(owner, _)| owner.is(framework_id));
        for (_, task_id) in on_agent {
            let Some(task) = framework.tasks.get(&**task_id) else {
                continue;
            };
            let task_id = &task_id.to_v1();
            let mut status = verdict.clone().status_of(&framework.info, task, now);
            if unreachable {
                status.unreachable_time = Some(TimeInfo {
                    nanoseconds: now.as_nanos(),
                });
            }
            self.record(framework_id, &agent.id, status.clone(), None, out);
            // What had ended before stays ended.
            let destination = if task.is_terminal() {
                self.completed()
            } else {
                destination
            };
            self.cluster.remove_task(framework_id, task_id, destination);
            if !self.config.museum.shows(Historic::LossesNotTold) {
                self.send_update(framework_id, status, out);
            }
        }
    }

    fn lose_executors(&mut self, agent: &Agent, framework: &FrameworkId, out: &mut Effects) {
        for (owner, executor) in agent.executors.keys() {
            if owner == framework {
                self.end_executor(framework, &agent.id, executor, out);
            }
        }
    }
}
