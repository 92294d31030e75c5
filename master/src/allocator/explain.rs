//! Why a framework is not offered what is free on an agent, as data.
//!
//! The answer is what a run would find now: the same judge decides, but nothing is given.

use std::fmt;
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
    /// The framework holds as many unanswered offers as it may.
    TooManyOffers {
        /// How many those are.
        offers: usize,
    },
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

/// A sentence for people.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self {
            Self::Recovering => "a new master waits for its agents before it makes offers",
            Self::AgentInactive => "the agent is disconnected or deactivated",
            Self::NotWhitelisted => "the agent's host is not on the whitelist",
            Self::FrameworkInactive => "the framework is disconnected or deactivated",
            Self::TooManyOffers { offers } => {
                return write!(
                    f,
                    "the framework holds {offers} unanswered offers, as many as it may"
                );
            }
            Self::Suppressed => "the framework suppressed offers in this role, until it revives",
            Self::NothingFree => "all of the agent is offered or used",
            Self::Reserved => "all that is free is reserved for other roles",
            Self::Refused { seconds } => {
                return write!(
                    f,
                    "the framework refused what is free, for {seconds:.1} s more"
                );
            }
            Self::Capability => "the framework lacks a capability that what is free needs",
            Self::Constraints => "the framework's offer constraints exclude the agent",
            Self::TooSmall => "less is free than the smallest offer worth making",
            Self::Limit { role, resource } => {
                return write!(f, "role '{role}' is at its limit of {resource}");
            }
            Self::Headroom { resource } => {
                return write!(f, "{resource} is kept back for the guarantees of others");
            }
            Self::NotItsTurn => "nothing is against it: it is offered this when it is its turn",
        };
        f.write_str(plain)
    }
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
        } else if self.is_at_limit(framework) {
            let offers = self.frameworks[framework].offers;
            return Reason::TooManyOffers { offers };
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
            // Looked at above.
            Err(Denied::TooManyOffers) => Reason::NotItsTurn,
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
            Err(Denied::Refused { until }) => {
                let (refusals, ledger) = (&self.agents[agent].refusals, &self.tree.refusals);
                let offer = &portion.get(&visit).resources;
                let until = until.or_else(|| refusals.refused_until(client, offer, now, ledger));
                let left = until.unwrap_or(now).saturating_sub(now);
                Reason::Refused {
                    seconds: left.as_secs_f64(),
                }
            }
        }
    }
}
