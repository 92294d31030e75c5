//! No role is offered more than the limits of it and of those above it allow, together with what they have.

use std::collections::BTreeSet;
use std::iter;
use std::time::Duration;

use mesos::resources::{Quantities, Quantity, Resources};
use mesos::roles;
use mesos::v1::{AgentId, OfferId};
use tokio::time::Instant;

use super::{Invariant, Sight};

/// The allocator decides on what it knew a moment ago, and an agent that comes back in that moment brings what roles have
/// on it.
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
        if agents != self.agents {
            self.changed = Some(sight.now);
        }
        let limited_anew = limits != self.limits;
        (self.agents, self.limits) = (agents, limits);
        let known = std::mem::take(&mut self.offers);
        self.offers = cluster.offers.keys().cloned().collect();
        if self.changed.is_some_and(|at| sight.now - at < MOMENT) {
            return Ok(());
        }
        for offer in cluster.offers.values() {
            // What a limit does not leave room for is taken back when it is set, not when agents bring more.
            if known.contains(&offer.record.id) && !limited_anew {
                continue;
            }
            let levels = iter::once(&*offer.role).chain(roles::ancestors(&offer.role));
            let quotas = levels.filter_map(|role| Some((role, cluster.quotas.get(role)?)));
            for (role, name, limit) in quotas.flat_map(|(role, quota)| {
                let limits = quota.limits.iter();
                limits.map(move |(name, limit)| (role, name, limit))
            }) {
                if given(&offer.resources, role).get(name) == Quantity::default() {
                    continue;
                }
                let has = has(sight, role, name);
                let limit = Quantity::from_f64(limit.value).unwrap_or_default();
                if has > limit {
                    return Err(format!(
                        "{role} has {has} {name} with what it is offered, and may have {limit}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What counts for a role: all that is reserved to it or below, and what else it and those below it use or are offered.
fn has(sight: &Sight<'_>, role: &str, name: &str) -> Quantity {
    let mut sum = Quantity::default();
    let Some(view) = &sight.view else {
        return sum;
    };
    for agent in view.cluster.agents.values() {
        let reserved = agent.total.filter(|key| {
            !key.is_unreserved() && !key.revocable && is_in_branch(key.reservation_role(), role)
        });
        sum += reserved.scalars().get(name);
        let taken = agent.used_total() + agent.offered();
        let in_branch = |to: Option<&str>| to.is_some_and(|to| is_in_branch(to, role));
        let taken = taken.filter(|key| in_branch(key.allocated_to));
        sum += given(&taken, role).get(name);
    }
    sum
}

/// What of resources counts for a role because it is given to it or below, and not anyway because it is reserved.
fn given(resources: &Resources, role: &str) -> Quantities {
    let counts = resources.filter(|key| {
        let above = || roles::is_strict_subrole(role, key.reservation_role());
        !key.revocable && (key.is_unreserved() || above())
    });
    counts.scalars()
}

fn is_in_branch(role: &str, top: &str) -> bool {
    role == top || roles::is_strict_subrole(role, top)
}
