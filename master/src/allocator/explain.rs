//! Why a framework is not offered what is free on an agent, as data.
//!
//! The answer is what a run would find now: the same judge decides, but nothing is given.

use std::time::Duration;

use mesos::v1::AgentId;
use serde::Serialize;

use super::hierarchical::HierarchicalAllocator;
use super::judge::{Bound, Denied};
use super::visit::{Stage, Visit};

/// What one role of a framework gets of one agent, and why not more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Of which role this is.
    pub role: String,
    /// Of which agent.
    pub agent: AgentId,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why a framework is not offered (more of) an agent in a role.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// A new master waits for its agents before it makes offers.
    Recovering,
    /// The agent is disconnected or deactivated.
    AgentInactive,
    /// The agent's host is not on the whitelist.
    NotWhitelisted,
    /// The framework is disconnected.
    FrameworkInactive,
    /// The framework suppressed offers in the role.
    Suppressed,
    /// All of the agent is offered or used already.
    NothingFree,
    /// All that is free there is reserved for other roles.
    Reserved,
    /// The framework refused this, or more.
    Refused {
        /// For how many seconds more.
        seconds: f64,
    },
    /// It lacks a capability that the agent, or all that is free there, needs.
    Capability,
    /// Its offer constraints exclude the agent.
    Constraints,
    /// Less is free than the smallest offer worth making.
    TooSmall,
    /// A limit leaves too little.
    Limit {
        /// Whose: the role or one above it.
        role: String,
        /// Of what.
        resource: String,
    },
    /// Too much is kept back for the guarantees of others.
    Headroom {
        /// Of what.
        resource: String,
    },
    /// It may have it, when it is its turn.
    NotItsTurn,
}

impl HierarchicalAllocator {
    /// By role of the framework.
    pub(super) fn explain_agent(
        &mut self,
        now: Duration,
        framework: u32,
        agent: u32,
    ) -> Vec<Explanation> {
        let first_end = self.stamp_refusals(agent, now);
        debug_assert!(first_end.is_none_or(|end| end > now));
        let clients = self.frameworks[framework].clients.clone();
        let subscribed = clients
            .into_iter()
            .filter(|(_, client)| self.tree.clients[*client].subscribed)
            .collect::<Vec<_>>();
        let explain = subscribed.into_iter().map(|(role, client)| Explanation {
            role: self.tree.nodes[role].path.to_string(),
            agent: self.agents[agent].id.clone(),
            reason: self.reason(now, framework, role, client, agent),
        });
        let mut all: Vec<Explanation> = explain.collect();
        all.sort_by(|a, b| a.role.cmp(&b.role));
        all
    }

    fn reason(
        &mut self,
        now: Duration,
        framework: u32,
        role: u32,
        client: u32,
        agent: u32,
    ) -> Reason {
        let found = &self.agents[agent];
        if self.recovery.is_some() {
            return Reason::Recovering;
        } else if !self.frameworks[framework].is_active() {
            return Reason::FrameworkInactive;
        } else if !self.tree.is_active(client) {
            return Reason::Suppressed;
        } else if !found.active {
            return Reason::AgentInactive;
        } else if !found.whitelisted {
            return Reason::NotWhitelisted;
        } else if found.free.is_empty() {
            return Reason::NothingFree;
        }
        let free = found.free.clone();
        let mut visit = Visit::new(agent, Stage::FairShare, now, free);
        let portion = visit.portion_for(&self.tree.nodes[role].path, &mut self.names);
        if portion.get(&visit).is_empty() {
            return Reason::Reserved;
        }
        match self.judge(client, role, portion.get(&visit), &visit).offer {
            Ok(_) => Reason::NotItsTurn,
            Err(Denied::Capability) => Reason::Capability,
            Err(Denied::Constraints) => Reason::Constraints,
            Err(Denied::TooSmall) => Reason::TooSmall,
            Err(Denied::Quota(Bound::Limit { role, name })) => Reason::Limit {
                role: self.tree.nodes[role].path.to_string(),
                resource: self.names.name(name).to_string(),
            },
            Err(Denied::Quota(Bound::Headroom { name })) => Reason::Headroom {
                resource: self.names.name(name).to_string(),
            },
            // Only the other stage wants progress.
            Err(Denied::Quota(Bound::NoProgress)) => Reason::NotItsTurn,
            Err(Denied::Refused) => {
                let until = self.agents[agent]
                    .refusals
                    .until(client, self.tree.epochs());
                let left = until.unwrap_or(now).saturating_sub(now);
                Reason::Refused {
                    seconds: left.as_secs_f64(),
                }
            }
        }
    }
}
