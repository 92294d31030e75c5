//! What agents lend of what their tasks do not use: revocable parts of their totals (Mesos' `docs/oversubscription.md`).
//!
//! An agent's word replaces its former word, and offers made of what it lent before are taken back:
//! their sizes are those of another estimate. Tasks that run on more than is lent now go on; whether
//! they must go is for the agent to say.

use std::sync::Arc;

use libprocess::prelude::AnyPid;
use mesos::protocols::master::UpdateOversubscribed;
use mesos::resources::Resources;
use mesos::v1::{AgentId, OfferId};

use super::{Agent, Counter, Effect, Effects, State};
use crate::allocator::{AgentCapabilities, AllocatorOp};

impl State {
    /// An agent says what it lends.
    pub fn update_oversubscribed(
        &mut self,
        sender: Option<&AnyPid>,
        update: UpdateOversubscribed,
    ) -> Effects {
        let mut out = Effects::new();
        self.counters.count(Counter::UpdateAgent);
        let lent = Resources::from_v1(update.resources.iter().map(|resource| &resource.0));
        let lent = lent.ok().filter(|lent| lent.non_revocable().is_empty());
        match lent.filter(|_| self.speaks_for(sender, &update.agent_id)) {
            Some(lent) => self.set_lent(&update.agent_id, &lent, &mut out),
            None => self.counters.count(Counter::DroppedMessages),
        }
        out
    }

    /// An agent that registers lends nothing until it says so.
    pub(super) fn lend_nothing(&mut self, id: &AgentId, out: &mut Effects) {
        self.set_lent(id, &Resources::new(), out);
    }

    fn set_lent(&mut self, id: &AgentId, lent: &Resources, out: &mut Effects) {
        let Some(agent) = self.cluster.agent(id).cloned() else {
            return;
        };
        let total = agent.total.non_revocable() + lent;
        if total == *agent.total {
            return;
        }
        for offer in self.revocable_offers(&agent) {
            self.rescind(&offer, out);
        }
        if let Some(agent) = self.cluster.agent_mut(id) {
            agent.total = Arc::new(total.clone());
        }
        out.push(Effect::Allocator(AllocatorOp::UpdateAgent {
            id: id.clone(),
            info: agent.info.to_v1(),
            capabilities: AgentCapabilities::new(&agent.software.capabilities),
            total,
        }));
    }

    fn revocable_offers(&self, agent: &Agent) -> Vec<OfferId> {
        let is_revocable = |id: &OfferId| {
            let offer = self.cluster.offers.get(id);
            offer.is_some_and(|offer| !offer.resources.revocable().is_empty())
        };
        let offers = agent.offers.iter().filter(|id| is_revocable(id));
        offers.cloned().collect()
    }
}

/// Whether what is revocable in `resources` is lent, and neither used nor offered: an allocation may
/// cross the news that less is lent.
pub(super) fn is_lent(agent: &Agent, resources: &Resources) -> bool {
    let wanted = resources.revocable();
    if wanted.is_empty() {
        return true;
    }
    let taken = agent.used_total().revocable() + agent.offered().revocable() + wanted;
    agent.total.contains(&taken.unallocate())
}
