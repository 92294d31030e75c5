//! No role is offered more than its quota allows, together with what it has.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos::resources::Quantity;
use mesos::v1::{AgentId, OfferId};
use tokio::time::Instant;

use super::{Invariant, Sight};

/// The allocator decides on what it knew a moment ago. An agent that comes back in that moment brings what roles have on
/// it; a quota that is lowered counts from the next decision on.
const MOMENT: Duration = Duration::from_secs(5);

/// Outstanding offers, agents and limits as they were.
#[derive(Default)]
pub struct LimitsHold {
    offers: BTreeSet<OfferId>,
    agents: BTreeSet<AgentId>,
    limits: Vec<(String, String)>,
    changed: Option<Instant>,
}

impl Invariant for LimitsHold {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let Some(view) = sight.view.as_ref().filter(|view| view.leads()) else {
            return Ok(());
        };
        let cluster = &view.cluster;
        let agents: BTreeSet<AgentId> = cluster.agents.keys().cloned().collect();
        let limits = cluster.quotas.iter();
        let limits: Vec<_> = limits
            .map(|(role, quota)| (role.clone(), format!("{:?}", quota.limits)))
            .collect();
        if agents != self.agents || limits != self.limits {
            self.changed = Some(sight.now);
        }
        (self.agents, self.limits) = (agents, limits);
        let known = std::mem::take(&mut self.offers);
        self.offers = cluster.offers.keys().cloned().collect();
        if self.changed.is_some_and(|at| sight.now - at < MOMENT) {
            return Ok(());
        }
        for offer in cluster.offers.values() {
            if known.contains(&offer.record.id) {
                continue;
            }
            let Some(quota) = cluster.quotas.get(&offer.role) else {
                continue;
            };
            for (name, limit) in &quota.limits {
                // What is reserved to the role counted before it was offered.
                let new = offer.resources.unreserved().non_revocable();
                if new.scalars().get(name) == Quantity::default() {
                    continue;
                }
                let has = has(sight, &offer.role, name);
                let limit = Quantity::from_f64(limit.value).unwrap_or_default();
                if has > limit {
                    return Err(format!(
                        "{} has {has} {name} with what it is offered, and may have {limit}",
                        offer.role
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What counts for a role: all that is reserved to it, and what else it uses or is offered.
fn has(sight: &Sight<'_>, role: &str, name: &str) -> Quantity {
    let mut sum = Quantity::default();
    let Some(view) = &sight.view else {
        return sum;
    };
    for agent in view.cluster.agents.values() {
        sum += agent.total.reserved_to(role).scalars().get(name);
        let taken = agent.used_total() + agent.offered();
        let taken = taken.filter(|key| key.allocated_to == Some(role));
        sum += taken.unreserved().non_revocable().scalars().get(name);
    }
    sum
}
