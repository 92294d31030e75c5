//! How fast agents become unreachable (Mesos' `docs/configuration/master.md`).
//!
//! A network that breaks makes many agents silent at once, and their tasks would all be started
//! anew elsewhere. With `--agent_removal_rate_limit` agents wait for their turn, and one that is
//! heard of by then stays.
//!
//! ```text
//! silent ──▶ turn free? ──▶ registry ──▶ unreachable
//!               │ no                         ▲
//!               └──▶ waits ── its turn ──▶ still silent?
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::v1::AgentId;

use super::{Counter, Effect, Effects, State, Timer, Timestamp, UnreachableReason};

/// So many agents in such a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Agents.
    pub count: u32,
    /// In this time.
    pub per: Duration,
}

/// Whose turn it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    /// When the next turn is free.
    next: Timestamp,
    /// Agents that wait for their turn; one entry each.
    waiting: BTreeMap<AgentId, Silence>,
}

/// Why an agent waits for its turn.
#[derive(Clone, Copy, Debug)]
struct Silence {
    reason: UnreachableReason,
    /// When it was last found silent.
    found: Timestamp,
    /// In which of its connections. One that came back and left again has the whole time again.
    connection: Option<u64>,
}

impl State {
    /// An agent is to become unreachable, now or when it is its turn.
    pub(super) fn take_turn(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        reason: UnreachableReason,
        out: &mut Effects,
    ) {
        if self.transitions.contains_key(id) {
            return;
        }
        let silence = Silence {
            reason,
            found: now,
            connection: self.cluster.agent(id).map(|agent| agent.connection),
        };
        if let Some(waits) = self.turns.waiting.get_mut(id) {
            *waits = silence;
            return;
        }
        self.counters.count(Counter::AgentUnreachableScheduled);
        let Some(limit) = self.config.agent_removal_rate_limit else {
            return self.begin_unreachable(now, id, reason, out);
        };
        let turn = self.turns.next.max(now);
        self.turns.next = turn + limit.per / limit.count.max(1);
        if turn <= now {
            return self.begin_unreachable(now, id, reason, out);
        }
        self.turns.waiting.insert(id.clone(), silence);
        let timer = Timer::AgentUnreachable(id.clone());
        out.push(Effect::Timer(turn.since(now), timer));
    }

    /// It is the turn of an agent. One that was heard of meanwhile stays, and its turn is lost.
    pub(super) fn turn_came(&mut self, now: Timestamp, id: &AgentId) -> Effects {
        let mut out = Effects::new();
        let Some(silence) = self.turns.waiting.remove(id) else {
            return out;
        };
        if self.is_still_silent(now, id, silence) {
            self.begin_unreachable(now, id, silence.reason, &mut out);
        } else {
            self.counters.count(Counter::AgentUnreachableCanceled);
        }
        out
    }

    fn is_still_silent(&self, now: Timestamp, id: &AgentId, silence: Silence) -> bool {
        match (silence.reason, self.cluster.agent(id)) {
            (UnreachableReason::NotRecovered, None) => {
                self.cluster.recovered_agents.contains_key(id)
            }
            // The observer says so again with every ping that is missed.
            (UnreachableReason::PingTimeout, Some(_)) => {
                now.since(silence.found) <= self.config.agent_ping_timeout * 2
            }
            (UnreachableReason::ReregisterTimeout, Some(agent)) => {
                !agent.connected && silence.connection == Some(agent.connection)
            }
            _ => false,
        }
    }
}
