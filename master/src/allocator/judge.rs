//! Whether a framework is offered something, and if not, why.

use std::sync::Arc;
use std::time::Duration;

use super::amounts::Amounts;
use super::charge::Charge;
use super::filters::Coverage;
use super::hierarchical::HierarchicalAllocator;
use super::portion::Portion;
use super::visit::{Stage, Visit};

pub(super) struct Verdict {
    /// What it is offered; `None` is all of the portion.
    pub(super) offer: Result<Option<Portion>, Denied>,
    /// Whether it would be more if it were not for a quota.
    pub(super) held_back: bool,
}

/// Why a framework is not offered what is free on an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It holds as many offers as it may.
    TooManyOffers,
    Refused {
        /// Until when, if it was not all that is free.
        until: Option<Duration>,
    },
    Capability,
    Constraints,
    TooSmall,
    Quota(Bound),
}

/// What bounds an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Limit {
        role: u32,
        name: usize,
    },
    Headroom {
        name: usize,
    },
    /// It would not bring the guarantees nearer.
    NoProgress,
}

/// How much of the scalars that quota has to do with may be offered, and what bounds it.
struct Bounds {
    charge: Charge,
    bound: Option<Bound>,
}

impl HierarchicalAllocator {
    pub(super) fn judge(
        &mut self,
        client: u32,
        role: u32,
        portion: &Portion,
        visit: &Visit,
    ) -> Verdict {
        let deny = |denied| Verdict {
            offer: Err(denied),
            held_back: false,
        };
        let refused = self.scratch.refused(client);
        if refused == Some(Coverage::All) {
            return deny(Denied::Refused { until: None });
        }
        let found = &self.tree.clients[client];
        if self.scratch.is_full(found.framework) {
            return deny(Denied::TooManyOffers);
        }
        let agent = &self.agents[visit.agent];
        if !found.abilities.suffice_for(agent.needs) {
            return deny(Denied::Capability);
        }
        let minimum = found.minimum.as_ref().unwrap_or(&self.minimum);
        if !minimum.allows(&portion.all) {
            return deny(Denied::TooSmall);
        }
        if let Some(constraints) = &found.constraints {
            let verdicts = &mut self.verdicts;
            if !verdicts.allow(client, constraints, visit.agent, &agent.facts) {
                return deny(Denied::Constraints);
            }
        }
        let mut part = None;
        if !found.abilities.suffice_for(portion.needs) {
            part = Some(portion.stripped(found.abilities, &mut self.names));
        }
        let mut bound = None;
        if self.tree.has_quotas() {
            let whole = part.as_ref().unwrap_or(portion);
            let bounds = self.bounds(role, visit.stage, &whole.charge);
            bound = bounds.bound;
            if bound == Some(Bound::NoProgress) {
                return deny(Denied::Quota(Bound::NoProgress));
            }
            if bound.is_some() {
                part = Some(whole.cut(&bounds.charge, &mut self.names));
            }
        }
        let held_back = bound.is_some();
        let offer = part.as_ref().unwrap_or(portion);
        if part.is_some() && (offer.is_empty() || !minimum.allows(&offer.all)) {
            let lacks = !found.abilities.suffice_for(portion.needs);
            let denied = match bound {
                Some(bound) => Denied::Quota(bound),
                None if lacks && offer.is_empty() => Denied::Capability,
                None => Denied::TooSmall,
            };
            return Verdict {
                offer: Err(denied),
                held_back,
            };
        }
        if refused.is_some() {
            let ledger = &self.tree.refusals;
            let (refusals, offer) = (&agent.refusals, &offer.resources);
            let until = refusals.refused_until(client, offer, visit.now, ledger);
            if until.is_some() {
                return Verdict {
                    offer: Err(Denied::Refused { until }),
                    held_back,
                };
            }
        }
        Verdict {
            offer: Ok(part),
            held_back,
        }
    }

    /// As Mesos' allocator in its two stages. Towards a guarantee that is not met, all is given that limits
    /// allow; beyond that, and to everybody else, what is not kept back for guarantees.
    fn bounds(&self, role: u32, stage: Stage, charge: &Charge) -> Bounds {
        let required = self.tree.required();
        let keeps_back = !required.is_zero();
        let mut bounds = self.bounds_of_reserved(role, &charge.reserved);
        let reserved = Charge {
            reserved: bounds.charge.reserved.clone(),
            ..Charge::default()
        };
        bounds.charge.open = charge.open.clone();
        let mut progress = false;
        for (name, have) in charge.open.iter() {
            let limit = self.tree.limit(role, name, None, &reserved);
            let limited = limit.map_or(i64::MAX, |limit| limit.left.max(0));
            let surplus = match keeps_back {
                true => self
                    .free
                    .get(name)
                    .saturating_sub(required.get(name))
                    .max(0),
                false => i64::MAX,
            };
            let guaranteed = match stage {
                Stage::Guarantees => have.min(self.tree.unmet(role).get(name)).min(limited),
                Stage::FairShare => 0,
            };
            progress |= guaranteed > 0;
            let more = (have - guaranteed).min(limited - guaranteed).min(surplus);
            let taken = guaranteed + more;
            if taken < have {
                bounds.charge.open.set(name, taken);
                bounds.bound = Some(match limit {
                    Some(limit) if limited == taken => Bound::Limit {
                        role: limit.role,
                        name,
                    },
                    _ => Bound::Headroom { name },
                });
            }
        }
        if stage == Stage::Guarantees && !progress {
            bounds.bound = Some(Bound::NoProgress);
        }
        bounds
    }

    /// Nested roles may have limits, which bound what they are given of reservations for roles above them.
    fn bounds_of_reserved(&self, role: u32, reserved: &[(Arc<str>, Amounts)]) -> Bounds {
        let mut bounds = Bounds {
            charge: Charge::default(),
            bound: None,
        };
        for (owner, amounts) in reserved {
            let mut fits = amounts.clone();
            for (name, have) in amounts.iter() {
                let limit = self.tree.limit(role, name, Some(owner), &bounds.charge);
                let Some(limit) = limit.filter(|limit| limit.left < have) else {
                    continue;
                };
                fits.set(name, limit.left.max(0));
                bounds.bound = Some(Bound::Limit {
                    role: limit.role,
                    name,
                });
            }
            bounds.charge.reserved.push((owner.clone(), fits));
        }
        bounds
    }
}
