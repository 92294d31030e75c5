//! Offers: made of allocations, declined, rescinded, timed out; suppress and revive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::Pid;
use mesos::protocols::AgentProtocol;
use mesos::resources::{Format, Resources};
use mesos::v1::framework_info::capability::Type as Capability;
use mesos::v1::scheduler::{Event, call, event};
use mesos::v1::{self, AgentId, Filters, FrameworkId, OfferId};

use super::oversubscription::is_lent;
use super::{
    Agent, AgentTraits, Counter, Effect, Effects, Framework, Offer, State, Timer, Timestamp,
};
use crate::allocator::{Allocation, AllocatorOp, refuse_duration};

/// Between two looks for offers that were held for too long, at least: each looks at all of them.
const EXPIRY_PAUSE: Duration = Duration::from_millis(100);

impl State {
    /// The allocator has given resources away: they become offers, one per agent and role, and one
    /// OFFERS event per framework. What cannot be offered any more goes straight back.
    pub fn allocated(&mut self, now: Timestamp, allocations: Vec<Allocation>) -> Effects {
        let mut out = Effects::new();
        let mut events: BTreeMap<FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
        for allocation in allocations {
            let framework = self.cluster.framework(&allocation.framework);
            let agent = self.cluster.agent(&allocation.agent);
            match (framework, agent) {
                (Some(framework), Some(agent))
                    if framework.active
                        && agent.active
                        && framework.roles.contains(&allocation.role)
                        && has_shared(agent, &allocation.resources)
                        && is_lent(agent, &allocation.resources) =>
                {
                    let id = self.ids.offer_id();
                    let offer = self.offer(now, id, framework, agent, allocation);
                    events
                        .entry(offer.record.framework_id.clone())
                        .or_default()
                        .push(offer.record.clone());
                    self.cluster.add_offer(offer);
                }
                _ => {
                    close_offers(&allocation.framework, 1, &mut out);
                    recover(
                        &allocation.framework,
                        &allocation.agent,
                        allocation.resources,
                        None,
                        &mut out,
                    );
                }
            }
        }
        self.set_expiry(now, &mut out);
        for (framework, offers) in events {
            if let Some(framework) = self.cluster.framework_mut(&framework) {
                framework.traffic.offers_sent += offers.len() as u64;
            }
            let event = Event {
                r#type: Some(event::Type::Offers as i32),
                offers: Some(event::Offers { offers }),
                ..Default::default()
            };
            self.send_event(&framework, event, &mut out);
        }
        out
    }

    fn offer(
        &self,
        now: Timestamp,
        id: OfferId,
        framework: &Framework,
        agent: &Agent,
        allocation: Allocation,
    ) -> Offer {
        let executors = agent.executors.keys();
        let traits = agent.info.traits();
        let record = v1::Offer {
            id,
            framework_id: framework.id.clone(),
            agent_id: agent.id.clone(),
            url: Some(url(&traits, &agent.pid)),
            hostname: traits.hostname,
            domain: traits.domain,
            resources: allocation.resources.to_v1(format_for(framework)),
            attributes: traits.attributes,
            executor_ids: executors
                .filter(|(owner, _)| *owner == framework.id)
                .map(|(_, executor)| executor.clone())
                .collect(),
            unavailability: self.unavailability_of(agent),
            allocation_info: Some(v1::resource::AllocationInfo {
                role: Some(allocation.role.clone()),
            }),
        };
        Offer {
            record,
            resources: allocation.resources,
            role: allocation.role,
            made: now,
        }
    }

    pub(super) fn decline(&mut self, id: &FrameworkId, decline: &call::Decline, out: &mut Effects) {
        self.counters.count(Counter::DeclineOffers);
        let refuse = refusal(decline.filters.as_ref());
        let mut closed = 0;
        for offer_id in &decline.offer_ids {
            if let Some(offer) = self.take_offer_of(id, offer_id) {
                closed += 1;
                if let Some(framework) = self.cluster.framework_mut(id) {
                    framework.traffic.offers_declined += 1;
                }
                recover(
                    id,
                    &offer.record.agent_id,
                    offer.resources.clone(),
                    Some(refuse),
                    out,
                );
            }
        }
        close_offers(id, closed, out);
    }

    /// Takes an offer out, if it was made to this framework. The allocator is to be told, see
    /// [`close_offers`].
    pub(super) fn take_offer_of(
        &mut self,
        id: &FrameworkId,
        offer: &OfferId,
    ) -> Option<Arc<Offer>> {
        let owner = &self.cluster.offers.get(offer)?.record.framework_id;
        if owner != id {
            return None;
        }
        self.cluster.remove_offer(offer)
    }

    /// Sees to it that offers are taken back that are held for too long: one timer for all of them, set for the oldest, as
    /// nearly all are answered long before.
    fn set_expiry(&mut self, now: Timestamp, out: &mut Effects) {
        if self.expiry_set {
            return;
        }
        let oldest = self.cluster.offers.values().map(|offer| offer.made).min();
        if let (Some(oldest), Some(timeout)) = (oldest, self.config.offer_timeout) {
            let left = timeout.saturating_sub(now.since(oldest));
            out.push(Effect::Timer(left.max(EXPIRY_PAUSE), Timer::OfferTimeout));
            self.expiry_set = true;
        }
    }

    /// Takes back what was held for too long. Whoever did counts as having refused it: others come first.
    pub(super) fn expire_offers(&mut self, now: Timestamp) -> Effects {
        let mut out = Effects::new();
        self.expiry_set = false;
        let timeout = self.config.offer_timeout.unwrap_or(Duration::MAX);
        let offers = self.cluster.offers.iter();
        let expired = offers.filter(|(_, offer)| now.since(offer.made) >= timeout);
        let expired: Vec<OfferId> = expired.map(|(id, _)| id.clone()).collect();
        for id in expired {
            self.take_back(&id, Some(refusal(None)), &mut out);
        }
        self.set_expiry(now, &mut out);
        out
    }

    /// Takes an offer back and says so.
    pub(super) fn rescind(&mut self, id: &OfferId, out: &mut Effects) {
        self.take_back(id, None, out);
    }

    fn take_back(&mut self, id: &OfferId, refuse: Option<Duration>, out: &mut Effects) {
        let Some(offer) = self.cluster.remove_offer(id) else {
            return;
        };
        let framework_id = &offer.record.framework_id;
        close_offers(framework_id, 1, out);
        recover(
            framework_id,
            &offer.record.agent_id,
            offer.resources.clone(),
            refuse,
            out,
        );
        if let Some(framework) = self.cluster.framework_mut(framework_id) {
            framework.traffic.offers_rescinded += 1;
        }
        let event = Event {
            r#type: Some(event::Type::Rescind as i32),
            rescind: Some(event::Rescind {
                offer_id: id.clone(),
            }),
            ..Default::default()
        };
        self.send_event(framework_id, event, out);
    }

    /// Takes all offers of an agent back.
    pub(super) fn rescind_offers_on(&mut self, agent: &AgentId, out: &mut Effects) {
        let Some(offers) = self.cluster.agent(agent).map(|agent| agent.offers.clone()) else {
            return;
        };
        for offer in &offers {
            self.rescind(offer, out);
        }
    }

    /// Takes all offers of a framework back without saying so: nobody is there to hear it.
    pub(super) fn withdraw_offers_of(&mut self, id: &FrameworkId, out: &mut Effects) {
        self.withdraw_inverse_offers_of(id, out);
        let Some(offers) = self.cluster.framework(id).map(|f| f.offers.clone()) else {
            return;
        };
        close_offers(id, offers.len(), out);
        for offer_id in &offers {
            if let Some(offer) = self.cluster.remove_offer(offer_id) {
                recover(
                    id,
                    &offer.record.agent_id,
                    offer.resources.clone(),
                    None,
                    out,
                );
            }
        }
    }

    pub(super) fn suppress(
        &mut self,
        framework: &Framework,
        roles: Vec<String>,
        out: &mut Effects,
    ) {
        self.counters.count(Counter::SuppressOffers);
        let Some(roles) = self.roles_meant(framework, roles) else {
            return;
        };
        let Some(record) = self.cluster.framework_mut(&framework.id) else {
            return;
        };
        Arc::make_mut(&mut record.suppressed_roles).extend(roles.iter().cloned());
        out.push(Effect::Allocator(AllocatorOp::Suppress {
            framework: framework.id.clone(),
            roles: roles.into_iter().collect(),
        }));
    }

    pub(super) fn revive(&mut self, framework: &Framework, roles: Vec<String>, out: &mut Effects) {
        self.counters.count(Counter::ReviveOffers);
        let Some(roles) = self.roles_meant(framework, roles) else {
            return;
        };
        let Some(record) = self.cluster.framework_mut(&framework.id) else {
            return;
        };
        let suppressed = Arc::make_mut(&mut record.suppressed_roles);
        suppressed.retain(|role| !roles.contains(role));
        out.push(Effect::Allocator(AllocatorOp::Revive {
            framework: framework.id.clone(),
            roles: roles.into_iter().collect(),
        }));
    }

    /// No roles mean all; a role the framework does not have makes the whole call void.
    fn roles_meant(&mut self, framework: &Framework, roles: Vec<String>) -> Option<Vec<String>> {
        if roles.is_empty() {
            return Some(framework.roles.iter().cloned().collect());
        }
        if roles.iter().all(|role| framework.roles.contains(role)) {
            return Some(roles);
        }
        self.counters.count(Counter::DroppedMessages);
        None
    }
}

/// Whether the agent still has the shared volumes: others may destroy what is offered to many.
fn has_shared(agent: &Agent, resources: &Resources) -> bool {
    let shared = resources.shared().unallocate();
    shared
        .keys()
        .all(|key| agent.total.keys().any(|known| known == key))
}

/// Gives resources back to the allocator; with a filter if the framework refused them.
pub(super) fn recover(
    framework: &FrameworkId,
    agent: &AgentId,
    resources: Resources,
    refuse: Option<Duration>,
    out: &mut Effects,
) {
    if !resources.is_empty() {
        out.push(Effect::Allocator(AllocatorOp::Recover {
            framework: framework.clone(),
            agent: agent.clone(),
            resources,
            refuse,
        }));
    }
}

/// Tells the allocator that the framework holds so many offers less.
pub(super) fn close_offers(framework: &FrameworkId, count: usize, out: &mut Effects) {
    if count > 0 {
        out.push(Effect::Allocator(AllocatorOp::CloseOffers {
            framework: framework.clone(),
            count,
        }));
    }
}

/// How long a framework does not want to see again what it did not take.
pub(super) fn refusal(filters: Option<&Filters>) -> Duration {
    refuse_duration(filters)
}

/// Frameworks without the capability cannot read stacks of reservations.
fn format_for(framework: &Framework) -> Format {
    if framework.has_capability(Capability::ReservationRefinement) {
        Format::PostRefinement
    } else {
        Format::PreRefinement
    }
}

/// Where the agent serves HTTP.
pub(super) fn url(traits: &AgentTraits, pid: &Pid<AgentProtocol>) -> v1::Url {
    v1::Url {
        scheme: "http".to_owned(),
        address: v1::Address {
            hostname: Some(traits.hostname.clone()),
            ip: Some(pid.address().ip().to_string()),
            port: traits.port(),
        },
        path: Some("/slave(1)".to_owned()),
        ..Default::default()
    }
}
