//! Agents that operators take out of use: DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT
//! (Mesos' `docs/maintenance.md`).
//!
//! ```text
//!            drain                  nothing left              mark_gone
//!  active ─────────▶ DRAINING ─────────────────▶ DRAINED ───────────────▶ gone
//!     │ ▲              (cannot be ended)            │
//!     │ └──────────── reactivate ───────────────────┤
//!     └── deactivate ──▶ deactivated ── reactivate ─┘
//! ```
//!
//! What was asked for belongs to the agent's id: it holds while the agent is away and for later
//! masters.

use std::sync::Arc;

use mesos::protocols::{CallRejected, agent as to_agent};
use mesos::v1::agent_info::capability::Type as Capability;
use mesos::v1::master::call;
use mesos::v1::{AgentId, DrainConfig, DurationInfo, TimeInfo};
use mesos::wire::Pb;

use super::operator::Ticket;
use super::{Continuation, Effect, Effects, State, Timestamp, ToAgent};
use crate::allocator::AllocatorOp;
use crate::registrar::{DrainRecord, Operation};

impl State {
    pub(super) fn drain_agent(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        drain: call::DrainAgent,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let id = drain.agent_id.clone();
        self.check_operable(&id)?;
        let agent = self.cluster.agent(&id);
        if agent.is_some_and(|agent| !agent.has_capability(Capability::AgentDraining)) {
            return Err(CallRejected::invalid(format!(
                "agent {} is of a version that cannot be drained; upgrade it first",
                id.value
            )));
        }
        let record = DrainRecord {
            config: Pb(config(&drain)?),
            since: TimeInfo {
                nanoseconds: now.as_nanos(),
            },
            drained: false,
        };
        out.push(Effect::Registry(
            Operation::DrainAgent {
                id: id.clone(),
                config: record.config,
                since: record.since,
            },
            Continuation::Drain(ticket, id, record),
        ));
        Ok(())
    }

    /// The registry knows that an agent is to be drained.
    pub(super) fn draining(
        &mut self,
        ticket: Ticket,
        id: &AgentId,
        record: DrainRecord,
    ) -> Effects {
        let mut out = Effects::new();
        self.cluster.drains.insert(id.clone(), Arc::new(record));
        self.take_out_of_use(id, &mut out);
        self.tell_to_drain(id, &mut out);
        self.cluster.note_if_empty(id);
        out.push(Effect::Answer(ticket, Ok(())));
        out
    }

    /// Tells an agent to drain, when that begins and whenever it comes back.
    pub(super) fn tell_to_drain(&self, id: &AgentId, out: &mut Effects) {
        let drain = self.cluster.drains.get(id).filter(|drain| !drain.drained);
        let agent = self.cluster.agent(id).filter(|agent| agent.connected);
        if let (Some(drain), Some(agent)) = (drain, agent) {
            let message = to_agent::DrainAgent {
                config: drain.config,
            };
            out.push(Effect::Agent(agent.pid.clone(), ToAgent::Drain(message)));
        }
    }

    /// What follows from what was just decided: draining agents with nothing left on them are
    /// drained. To be asked after each decision.
    pub fn settle(&mut self) -> Effects {
        let empty = std::mem::take(&mut self.cluster.emptied);
        let stored = |id: AgentId| {
            Effect::Registry(
                Operation::MarkAgentDrained { id: id.clone() },
                Continuation::Drained(id),
            )
        };
        empty.into_iter().map(stored).collect()
    }

    /// The registry knows that nothing is left on an agent.
    pub(super) fn drained(&mut self, now: Timestamp, id: &AgentId) -> Effects {
        let mut out = Effects::new();
        if let Some(drain) = self.cluster.drains.get_mut(id) {
            Arc::make_mut(drain).drained = true;
        }
        self.end_if_drained_for_good(now, id, &mut out);
        out
    }

    /// An agent that was to be gone once it is drained is.
    pub(super) fn end_if_drained_for_good(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        out: &mut Effects,
    ) {
        let drain = self.cluster.drains.get(id);
        let is_over = drain.is_some_and(|drain| drain.drained && drain.config.mark_gone());
        if is_over && !self.transitions.contains_key(id) {
            self.begin_gone(now, id, None, out);
        }
    }

    pub(super) fn deactivate_agent(
        &mut self,
        ticket: Ticket,
        id: AgentId,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        self.check_operable(&id)?;
        out.push(Effect::Registry(
            Operation::DeactivateAgent { id: id.clone() },
            Continuation::Deactivate(ticket, id),
        ));
        Ok(())
    }

    /// The registry knows that an agent is not to be offered.
    pub(super) fn deactivated(&mut self, ticket: Ticket, id: &AgentId) -> Effects {
        let mut out = Effects::new();
        self.cluster.deactivated.insert(id.clone());
        self.take_out_of_use(id, &mut out);
        out.push(Effect::Answer(ticket, Ok(())));
        out
    }

    pub(super) fn reactivate_agent(
        &mut self,
        ticket: Ticket,
        id: AgentId,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        self.check_operable(&id)?;
        let drain = self.cluster.drains.get(&id);
        if drain.is_some_and(|drain| !drain.drained) {
            return Err(CallRejected::invalid(format!(
                "agent {} is still draining; wait until nothing is left on it",
                id.value
            )));
        }
        if self.is_in_use(&id) {
            return Err(CallRejected::invalid(format!(
                "agent {} is not deactivated",
                id.value
            )));
        }
        out.push(Effect::Registry(
            Operation::ReactivateAgent { id: id.clone() },
            Continuation::Reactivate(ticket, id),
        ));
        Ok(())
    }

    /// The registry knows that an agent is to be offered again.
    pub(super) fn reactivated(&mut self, ticket: Ticket, id: &AgentId) -> Effects {
        let mut out = Effects::new();
        self.cluster.drains.remove(id);
        self.cluster.deactivated.remove(id);
        if let Some(agent) = self.cluster.agent_mut(id).filter(|agent| agent.connected) {
            agent.active = true;
            out.push(Effect::Allocator(AllocatorOp::ActivateAgent {
                id: id.clone(),
            }));
        }
        out.push(Effect::Answer(ticket, Ok(())));
        out
    }

    /// Whether no operator has taken the agent out of use.
    pub(super) fn is_in_use(&self, id: &AgentId) -> bool {
        !self.cluster.drains.contains_key(id) && !self.cluster.deactivated.contains(id)
    }

    fn take_out_of_use(&mut self, id: &AgentId, out: &mut Effects) {
        if let Some(agent) = self.cluster.agent_mut(id) {
            agent.active = false;
            out.push(Effect::Allocator(AllocatorOp::DeactivateAgent {
                id: id.clone(),
            }));
            self.rescind_offers_on(id, out);
        }
    }

    /// An agent that came in or came back: its resources are offered unless it is out of use.
    pub(super) fn resume_use(&mut self, now: Timestamp, id: &AgentId, out: &mut Effects) {
        if !self.is_in_use(id) {
            self.take_out_of_use(id, out);
            self.tell_to_drain(id, out);
            self.cluster.note_if_empty(id);
            self.end_if_drained_for_good(now, id, out);
        }
    }
}

/// The longest grace that is taken: more than anybody waits, and less than overflows.
const MAX_GRACE_SECONDS: i64 = 10 * 365 * 24 * 60 * 60;

fn config(drain: &call::DrainAgent) -> Result<DrainConfig, CallRejected> {
    let grace = drain.max_grace_period.as_ref();
    let valid = grace.is_none_or(|grace| {
        (0..=MAX_GRACE_SECONDS).contains(&grace.seconds)
            && (0..1_000_000_000).contains(&grace.nanos)
    });
    if !valid {
        return Err(CallRejected::invalid(
            "drain_agent.max_grace_period must be from 0 s to ten years, as \
             {\"seconds\": n, \"nanos\": n}",
        ));
    }
    let grace = grace.map(|grace| DurationInfo {
        nanoseconds: grace.seconds * 1_000_000_000 + i64::from(grace.nanos),
    });
    Ok(DrainConfig {
        max_grace_period: grace,
        mark_gone: drain.mark_gone,
    })
}
