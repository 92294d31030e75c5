//! Requests to leave agents that will be unavailable, and what was answered (Mesos' `docs/maintenance.md`).

use std::sync::Arc;

use mesos::v1::allocator::InverseOfferStatus;
use mesos::v1::allocator::inverse_offer_status::Status;
use mesos::v1::{self, AgentId, OfferId, TimeInfo};

use super::{Agent, Cluster};
use crate::state::Timestamp;

/// An outstanding request to a framework to leave an agent.
#[derive(Clone, Debug)]
pub struct InverseOffer {
    /// As sent.
    pub record: v1::InverseOffer,
    /// Where.
    pub agent: AgentId,
    /// When it was sent.
    pub made: Timestamp,
}

impl Agent {
    /// What frameworks last said to leaving this agent; nothing yet from those that have only been
    /// asked.
    pub fn inverse_offer_statuses(&self, cluster: &Cluster) -> Vec<InverseOfferStatus> {
        let asked = self.inverse_offers.iter();
        let asked = asked.filter(|(framework, _)| !self.inverse_answers.contains_key(*framework));
        let asked = asked.filter_map(|(framework, id)| {
            let offer = cluster.inverse_offers.get(id)?;
            Some(InverseOfferStatus {
                status: Status::Unknown as i32,
                framework_id: framework.clone(),
                timestamp: TimeInfo {
                    nanoseconds: offer.made.as_nanos(),
                },
            })
        });
        let answered = self.inverse_answers.values().cloned();
        answered.chain(asked).collect()
    }
}

impl Cluster {
    /// Adds an outstanding inverse offer; its framework and agent must be known.
    pub(crate) fn add_inverse_offer(&mut self, offer: InverseOffer) {
        let id = offer.record.id.clone();
        let framework = offer.record.framework_id.clone();
        if let Some(framework) = self.framework_mut(&framework) {
            framework.inverse_offers.insert(id.clone());
        }
        if let Some(agent) = self.agent_mut(&offer.agent) {
            agent.inverse_offers.insert(framework, id.clone());
        }
        self.inverse_offers.insert(id, Arc::new(offer));
    }

    /// Takes an inverse offer out.
    pub(crate) fn remove_inverse_offer(&mut self, id: &OfferId) -> Option<Arc<InverseOffer>> {
        let offer = self.inverse_offers.remove(id)?;
        let framework = &offer.record.framework_id;
        if let Some(agent) = self.agent_mut(&offer.agent) {
            agent.inverse_offers.remove(framework);
        }
        if let Some(framework) = self.framework_mut(framework) {
            framework.inverse_offers.remove(id);
        }
        Some(offer)
    }
}
