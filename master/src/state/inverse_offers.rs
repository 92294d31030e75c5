//! Inverse offers: asking frameworks to leave agents that will be unavailable (Mesos' `docs/maintenance.md`).
//!
//! They bind nobody: answers are noted for the operator to see, and decide only when the framework
//! is asked again.
//!
//! ```text
//! schedule ─▶ allocator: who holds what there? ─▶ INVERSE_OFFERS ─▶ ACCEPT / DECLINE: noted, asked again
//!                                                        │          when the filter ends
//!                                                        └─▶ RESCIND: schedule changed, agent away, timeout
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos::v1::allocator::InverseOfferStatus;
use mesos::v1::allocator::inverse_offer_status::Status;
use mesos::v1::scheduler::{Event, event};
use mesos::v1::{self, AgentId, Filters, FrameworkId, OfferId, TimeInfo};

use super::offers::{refusal, url};
use super::{Agent, Counter, Effect, Effects, InverseOffer, State, Timer, Timestamp};
use crate::allocator::{AllocatorOp, InverseAllocation};

impl State {
    /// The allocator says whom to ask: one INVERSE_OFFERS event per framework.
    pub fn inverse_allocated(
        &mut self,
        now: Timestamp,
        allocations: Vec<InverseAllocation>,
    ) -> Effects {
        let mut out = Effects::new();
        let mut events: BTreeMap<FrameworkId, Vec<v1::InverseOffer>> = BTreeMap::new();
        for allocation in allocations {
            let Some(agent) = self.cluster.agent(&allocation.agent).cloned() else {
                continue;
            };
            // The allocator is told anew of the plan when the agent is back.
            if !agent.connected {
                continue;
            }
            let framework = self.cluster.framework(&allocation.framework);
            let asked = agent.inverse_offers.contains_key(&allocation.framework);
            let current = self.unavailability_of(&agent) == Some(allocation.unavailability);
            if !framework.is_some_and(|framework| framework.active) || asked || !current {
                self.close(&allocation.framework, &allocation.agent, None, &mut out);
                continue;
            }
            let offer = self.inverse_offer(now, &agent, allocation);
            let framework = offer.record.framework_id.clone();
            let offers = events.entry(framework).or_default();
            offers.push(offer.record.clone());
            if let Some(timeout) = self.config.offer_timeout {
                let timer = Timer::InverseOfferTimeout(offer.record.id.clone());
                out.push(Effect::Timer(timeout, timer));
            }
            self.cluster.add_inverse_offer(offer);
        }
        for (framework, inverse_offers) in events {
            let event = Event {
                r#type: Some(event::Type::InverseOffers as i32),
                inverse_offers: Some(event::InverseOffers { inverse_offers }),
                ..Default::default()
            };
            self.send_event(&framework, event, &mut out);
        }
        out
    }

    fn inverse_offer(
        &mut self,
        now: Timestamp,
        agent: &Agent,
        asked: InverseAllocation,
    ) -> InverseOffer {
        let record = v1::InverseOffer {
            id: self.ids.offer_id(),
            url: Some(url(&agent.info.traits(), &agent.pid)),
            framework_id: asked.framework,
            agent_id: Some(asked.agent.clone()),
            unavailability: asked.unavailability,
            // None means all that the framework has there.
            resources: Vec::new(),
        };
        InverseOffer {
            record,
            agent: asked.agent,
            made: now,
        }
    }

    /// ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS.
    pub(super) fn answer_inverse_offers(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        offers: &[OfferId],
        status: Status,
        filters: Option<&Filters>,
        out: &mut Effects,
    ) {
        let refuse = refusal(filters);
        for offer in offers {
            let known = self.cluster.inverse_offers.get(offer);
            if known.is_none_or(|offer| offer.record.framework_id != *id) {
                // It was rescinded, or is somebody else's.
                self.counters.count(Counter::DroppedMessages);
                continue;
            }
            let Some(offer) = self.cluster.remove_inverse_offer(offer) else {
                continue;
            };
            let answer = InverseOfferStatus {
                status: status as i32,
                framework_id: id.clone(),
                timestamp: TimeInfo {
                    nanoseconds: now.as_nanos(),
                },
            };
            if let Some(agent) = self.cluster.agent_mut(&offer.agent) {
                agent.inverse_answers.insert(id.clone(), answer);
            }
            self.close(id, &offer.agent, Some(refuse), out);
        }
    }

    pub(super) fn inverse_offer_timeout(&mut self, id: &OfferId) -> Effects {
        let mut out = Effects::new();
        if let Some(offer) = self.rescind_inverse_offer(id, &mut out) {
            self.close(&offer.record.framework_id, &offer.agent, None, &mut out);
        }
        out
    }

    /// Takes all inverse offers about an agent back. The allocator is not told: it is about to hear
    /// that the agent, or the plan, is another one.
    pub(super) fn rescind_inverse_offers_on(&mut self, id: &AgentId, out: &mut Effects) {
        let Some(agent) = self.cluster.agent(id).cloned() else {
            return;
        };
        for offer in agent.inverse_offers.values() {
            self.rescind_inverse_offer(offer, out);
        }
    }

    /// Takes all inverse offers to a framework back without saying so: nobody is there to hear it.
    pub(super) fn withdraw_inverse_offers_of(&mut self, id: &FrameworkId, out: &mut Effects) {
        let Some(framework) = self.cluster.framework(id).cloned() else {
            return;
        };
        for offer in &framework.inverse_offers {
            if let Some(offer) = self.cluster.remove_inverse_offer(offer) {
                self.close(id, &offer.agent, None, out);
            }
        }
    }

    /// Forgets what a framework that is no more has answered.
    pub(super) fn forget_inverse_answers_of(&mut self, id: &FrameworkId) {
        if self.cluster.machines.is_empty() {
            return;
        }
        let agents = self.cluster.agents.values();
        let answered = agents.filter(|agent| agent.inverse_answers.contains_key(id));
        let answered: Vec<AgentId> = answered.map(|agent| agent.id.clone()).collect();
        for agent in answered {
            if let Some(agent) = self.cluster.agent_mut(&agent) {
                agent.inverse_answers.remove(id);
            }
        }
    }

    fn rescind_inverse_offer(
        &mut self,
        id: &OfferId,
        out: &mut Effects,
    ) -> Option<Arc<InverseOffer>> {
        let offer = self.cluster.remove_inverse_offer(id)?;
        let event = Event {
            r#type: Some(event::Type::RescindInverseOffer as i32),
            rescind_inverse_offer: Some(event::RescindInverseOffer {
                inverse_offer_id: id.clone(),
            }),
            ..Default::default()
        };
        self.send_event(&offer.record.framework_id, event, out);
        Some(offer)
    }

    fn close(
        &self,
        framework: &FrameworkId,
        agent: &AgentId,
        refuse: Option<std::time::Duration>,
        out: &mut Effects,
    ) {
        out.push(Effect::Allocator(AllocatorOp::AnswerInverseOffer {
            framework: framework.clone(),
            agent: agent.clone(),
            refuse,
        }));
    }
}
