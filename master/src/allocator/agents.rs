//! The allocator's books about one agent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::{AgentId, Unavailability};

use super::agent_facts::AgentFacts;
use super::amounts::Amounts;
use super::filters::Refusals;
use super::portion::{Abilities, Portion};

pub(super) struct Agent {
    pub(super) id: AgentId,
    /// Agents are looked at in the order in which they registered, before they are shuffled.
    pub(super) arrival: u64,
    pub(super) facts: AgentFacts,
    /// Whether it is connected and not taken out of use.
    pub(super) active: bool,
    pub(super) whitelisted: bool,
    /// What a framework must be able to deal with to be offered anything of it.
    pub(super) needs: Abilities,
    /// Shared with agents that have the same.
    pub(super) total: Arc<Resources>,
    /// All scalars of the total.
    pub(super) capacity: Amounts,
    /// What of the total is reserved, by role: what quotas count.
    pub(super) reservations: Vec<(u32, Amounts)>,
    /// What nobody holds, and what is shared.
    pub(super) free: Portion,
    pub(super) held: Vec<Held>,
    pub(super) refusals: Refusals,
    /// When the allocator looks for ended refusals next.
    pub(super) wake: Option<Duration>,
    /// Whether it is in the list of agents that something happened to.
    pub(super) pending: bool,
    /// Set while it is known that nobody is to be offered what is free.
    pub(super) idle: Option<Idle>,
    pub(super) maintenance: Option<Box<Maintenance>>,
}

/// What a client holds on the agent.
pub(super) struct Held {
    pub(super) client: u32,
    /// With the allocation role.
    pub(super) resources: Resources,
}

/// Nobody is to be offered what is free, as long as nothing happens that could change that:
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    /// to the cluster,
    pub(super) epoch: u64,
    /// or to what was refused.
    pub(super) until: Option<Duration>,
}

/// An agent that will be unavailable, and what frameworks say to that.
pub(super) struct Maintenance {
    pub(super) unavailability: Unavailability,
    /// Frameworks that have not answered their inverse offer yet.
    pub(super) asked: Vec<u32>,
    /// Until when frameworks do not want to be asked again.
    pub(super) refused: BTreeMap<u32, Duration>,
}

impl Agent {
    /// What is free, from scratch. Of shared resources a copy is free however many are in use.
    /// If more is held than there is, nothing of it is free until enough has been released.
    pub(super) fn compute_free(&self) -> Resources {
        if self.held.is_empty() {
            return (*self.total).clone();
        }
        let mut free = (*self.total).clone();
        for held in &self.held {
            free -= held
                .resources
                .clone()
                .unallocate()
                .filter(|key| !key.shared);
        }
        free
    }

    pub(super) fn held_by(&self, client: u32) -> Option<&Held> {
        self.held.iter().find(|held| held.client == client)
    }

    /// The part of its own resources that is taken, of that scalar of which it is largest.
    pub(super) fn fullness(&self) -> f64 {
        let mut taken = self.capacity.clone();
        taken.subtract(&self.free.all);
        taken.dominant_share(&self.capacity)
    }

    pub(super) fn is_candidate(&self) -> bool {
        self.active && self.whitelisted
    }
}
