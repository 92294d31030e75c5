//! Agents that an operator has given up for ever (Mesos' `docs/high-availability.md`).
//!
//! The registry is written first, so that no master lets such an agent in again: its tasks are
//! declared ended, and may have been started elsewhere.

use libprocess::prelude::Pid;
use mesos::protocols::{AgentProtocol, CallRejected, RejectionKind, agent as to_agent};
use mesos::v1::task_status::Reason;
use mesos::v1::{AgentId, OperationState, TaskState, TimeInfo};

use super::operator::Ticket;
use super::statuses::Verdict;
use super::{Continuation, Counter, Effect, Effects, State, Timestamp, ToAgent, Transition};
use crate::registrar::Operation;

/// What agents and frameworks are told.
const WHY: &str = "Agent has been marked gone";

impl State {
    pub(super) fn mark_agent_gone(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        id: &AgentId,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        if self.cluster.gone_agents.contains_key(id) {
            out.push(Effect::Answer(ticket, Ok(())));
            return Ok(());
        }
        self.check_operable(id)?;
        if self.transitions.contains_key(id) {
            let why = format!(
                "agent {} is just coming back, leaving or becoming unreachable; try again",
                id.value
            );
            return Err(CallRejected::new(RejectionKind::Conflict, why));
        }
        self.begin_gone(now, id, Some(ticket), out);
        Ok(())
    }

    /// Whether there is an agent of that id of which an operator may ask something.
    pub(super) fn check_operable(&self, id: &AgentId) -> Result<(), CallRejected> {
        if self.transitions.get(id) == Some(&Transition::MarkingGone) {
            let why = format!("agent {} is being marked gone", id.value);
            return Err(CallRejected::new(RejectionKind::Conflict, why));
        }
        let cluster = &self.cluster;
        let known = cluster.agents.contains_key(id)
            || cluster.recovered_agents.contains_key(id)
            || cluster.unreachable_agents.contains_key(id);
        match known {
            true => Ok(()),
            false => Err(CallRejected::invalid(format!(
                "No agent found with specified ID {}",
                id.value
            ))),
        }
    }

    pub(super) fn begin_gone(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        ticket: Option<Ticket>,
        out: &mut Effects,
    ) {
        let since = TimeInfo {
            nanoseconds: now.as_nanos(),
        };
        self.transitions.insert(id.clone(), Transition::MarkingGone);
        let id = id.clone();
        out.push(Effect::Registry(
            Operation::MarkAgentGone {
                id: id.clone(),
                since,
            },
            Continuation::MarkGone(id, Timestamp::from_nanos(since.nanoseconds), ticket),
        ));
    }

    /// The registry has marked an agent gone.
    pub(super) fn gone(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        since: Timestamp,
        ticket: Option<Ticket>,
    ) -> Effects {
        let mut out = Effects::new();
        self.transitions.remove(id);
        self.counters.count(Counter::AgentRemovals);
        self.counters.count(Counter::AgentRemovalsGone);
        let gone = || {
            Verdict::new(
                TaskState::TaskGoneByOperator,
                Reason::AgentRemovedByOperator,
                WHY,
            )
        };
        if let Some(agent) = self.cluster.agent(id).cloned() {
            out.push(end_for_ever(&agent.pid));
            let state = OperationState::OperationGoneByOperator;
            self.lose_operations(&agent, state, WHY, &mut out);
            self.drop_agent(now, &agent, &gone(), self.completed(), &mut out);
        }
        self.give_up_unreachable(now, id, &gone(), &mut out);
        self.cluster.recovered_agents.remove(id);
        self.cluster.unreachable_agents.remove(id);
        self.cluster.drains.remove(id);
        self.cluster.deactivated.remove(id);
        self.cluster.gone_agents.insert(id.clone(), since);
        self.agent_lost(id, &mut out);
        out.extend(ticket.map(|ticket| Effect::Answer(ticket, Ok(()))));
        out
    }
}

/// Tells an agent that it is no more, in whatever life.
pub(super) fn end_for_ever(to: &Pid<AgentProtocol>) -> Effect {
    let message = to_agent::ShutdownAgent {
        message: WHY.to_owned(),
        forget: true,
    };
    Effect::Agent(to.clone(), ToAgent::Shutdown(message))
}
