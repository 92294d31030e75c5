//! The least a role is promised and the most it may have (Mesos' `docs/quota.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos::protocols::{CallRejected, RejectionKind};
use mesos::resources::{Name, Quantities, Quantity, Resources};
use mesos::roles;
use mesos::v1::master::call::UpdateQuota;
use mesos::v1::quota::{QuotaConfig, QuotaRequest};
use mesos::v1::value::Scalar;
use mesos::v1::{AgentId, OfferId};
use mesos::wire::Pb;

use super::operator::Ticket;
use super::{Cluster, Continuation, Effect, Effects, State};
use crate::allocator::{AllocatorOp, Quota};
use crate::registrar::Operation;

/// The most of `mem` and `disk`, in MB: an exabyte.
const MAX_MEGABYTES: f64 = 1_099_511_627_776.0;

/// The most of anything else.
const MAX_AMOUNT: f64 = 1e12;

/// The most quotas of a cluster: far more roles than have one.
const MAX_QUOTAS: usize = 10_000;

impl State {
    /// UPDATE_QUOTA: all of the batch, or nothing of it.
    pub(super) fn update_quota(
        &mut self,
        ticket: Ticket,
        update: UpdateQuota,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let mut seen = BTreeSet::new();
        for config in &update.quota_configs {
            let wrong = |why: String| {
                CallRejected::invalid(format!(
                    "Invalid QuotaConfig for role '{}': {why}",
                    config.role
                ))
            };
            check_config(config).map_err(wrong)?;
            if !seen.insert(config.role.as_str()) {
                return Err(wrong("the role is there twice".to_owned()));
            }
        }
        if self.cluster.quotas.len() + update.quota_configs.len() > MAX_QUOTAS {
            return Err(CallRejected::invalid("too many roles have a quota"));
        }
        if !update.force() {
            let why = self.overcommitment(&update.quota_configs);
            let wrong = |why: String| {
                CallRejected::invalid(format!(
                    "Invalid QuotaConfig: {why} (use 'force' flag to bypass this check)"
                ))
            };
            why.map_err(wrong)?;
        }
        self.store_quota(ticket, update.quota_configs, out);
        Ok(())
    }

    /// SET_QUOTA, the old form: a guarantee that is a limit as well.
    pub(super) fn set_quota(
        &mut self,
        ticket: Ticket,
        request: QuotaRequest,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let role = request.role().to_owned();
        let wrong = |why: &dyn std::fmt::Display| {
            CallRejected::invalid(format!("Failed to validate set quota request: {why}"))
        };
        if self.cluster.quotas.contains_key(&role) {
            return Err(wrong(&format!("Quota already set for role '{role}'")));
        }
        let guarantee = Resources::from_v1(&request.guarantee).map_err(|error| wrong(&error))?;
        let amounts: BTreeMap<String, Scalar> = guarantee
            .scalars()
            .iter()
            .map(|(name, amount)| (name.to_string(), scalar(amount)))
            .collect();
        if amounts.len() != request.guarantee.len() || !guarantee.reserved().is_empty() {
            let why = "it must name unreserved scalar resources, each once";
            return Err(wrong(&why));
        }
        let config = QuotaConfig {
            role,
            guarantees: amounts.clone(),
            limits: amounts,
        };
        check_config(&config).map_err(|why| wrong(&why))?;
        let configs = vec![config];
        if !request.force() {
            let conflict = |why| {
                let why = format!("Heuristic capacity check for set quota request failed: {why}");
                CallRejected::new(RejectionKind::Conflict, why)
            };
            self.overcommitment(&configs).map_err(conflict)?;
        }
        self.store_quota(ticket, configs, out);
        Ok(())
    }

    /// REMOVE_QUOTA, the old form.
    pub(super) fn remove_quota(
        &mut self,
        ticket: Ticket,
        role: &str,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        if !self.cluster.quotas.contains_key(role) {
            let why = format!("Failed to remove quota: Role '{role}' has no quota set");
            return Err(CallRejected::invalid(why));
        }
        let none = QuotaConfig {
            role: role.to_owned(),
            ..Default::default()
        };
        self.store_quota(ticket, vec![none], out);
        Ok(())
    }

    fn store_quota(&mut self, ticket: Ticket, configs: Vec<QuotaConfig>, out: &mut Effects) {
        let stored = configs.iter().cloned().map(Pb).collect();
        out.push(Effect::Registry(
            Operation::UpdateQuota { configs: stored },
            Continuation::UpdateQuota(ticket, configs),
        ));
    }

    /// Whether the cluster could not keep what would be promised, or a role has more already.
    fn overcommitment(&self, configs: &[QuotaConfig]) -> Result<(), String> {
        let mut after: BTreeMap<&str, &QuotaConfig> = BTreeMap::new();
        for config in self.cluster.quotas.values() {
            after.insert(&config.role, config);
        }
        for config in configs {
            after.insert(&config.role, config);
        }
        let mut promised = Quantities::new();
        for config in after.values() {
            promised += &quantities(&config.guarantees);
        }
        let mut capacity = Quantities::new();
        for agent in self.cluster.agents.values() {
            capacity += &agent.total.non_revocable().scalars();
        }
        // Lowering a guarantee must not be refused because others are too high.
        let raises = configs.iter().any(|config| {
            let before = self.cluster.quotas.get(&config.role);
            let before = before.map_or_else(Quantities::new, |q| quantities(&q.guarantees));
            !before.contains(&quantities(&config.guarantees))
        });
        if raises && !capacity.contains(&promised) {
            return Err(format!(
                "total quota guarantees '{promised}' exceed cluster capacity '{capacity}'"
            ));
        }
        for config in configs {
            let consumed = consumed(&self.cluster, &config.role);
            for (name, limit) in &config.limits {
                let limit = Quantity::from_f64(limit.value).unwrap_or_default();
                if consumed.get(name) > limit {
                    return Err(format!(
                        "role '{}' is already consuming '{consumed}', which is more than its limit \
                         of {name}:{limit}",
                        config.role
                    ));
                }
            }
        }
        Ok(())
    }

    /// The registry has stored quotas.
    pub(super) fn quota_updated(&mut self, ticket: Ticket, configs: Vec<QuotaConfig>) -> Effects {
        let mut out = Effects::new();
        let (mut raised, mut limited) = (Vec::new(), Vec::new());
        for config in configs {
            let before = self.cluster.quotas.get(&config.role);
            let before = before.map_or_else(Quantities::new, |q| quantities(&q.guarantees));
            if !before.contains(&quantities(&config.guarantees)) {
                raised.push(config.clone());
            }
            if !config.limits.is_empty() {
                limited.push(config.role.clone());
            }
            self.set_quota_of(config, &mut out);
        }
        for config in raised {
            self.make_room_for(&config, &mut out);
        }
        for role in limited {
            self.take_back_beyond_limit(&role, &mut out);
        }
        out.push(Effect::Answer(ticket, Ok(())));
        out
    }

    /// Makes this the quota of its role, for the allocator too.
    pub(super) fn set_quota_of(&mut self, config: QuotaConfig, out: &mut Effects) {
        let limits = quantities(&config.limits);
        // A limit of nothing is a limit.
        let limit = |name: &String| (Name::from(name.as_str()), limits.get(name));
        out.push(Effect::Allocator(AllocatorOp::UpdateQuota {
            role: config.role.clone(),
            quota: Quota {
                guarantees: quantities(&config.guarantees),
                limits: config.limits.keys().map(limit).collect(),
            },
        }));
        if is_default(&config) {
            self.cluster.quotas.remove(&config.role);
        } else {
            let role = config.role.clone();
            self.cluster.quotas.insert(role, Arc::new(config));
        }
    }

    /// Takes offers to the role and those below it back until what they have, and what they still are offered, is
    /// within its limit. What is used already stays.
    fn take_back_beyond_limit(&mut self, role: &str, out: &mut Effects) {
        let Some(config) = self.cluster.quotas.get(role).cloned() else {
            return;
        };
        let limits = quantities(&config.limits);
        let in_branch = self.cluster.offers.iter();
        let in_branch = in_branch.filter(|(_, offer)| is_at_or_below(&offer.role, role));
        let offers: Vec<(OfferId, Quantities)> = in_branch
            .map(|(id, offer)| (id.clone(), passed_down(&offer.resources, role)))
            .collect();
        let mut taken = consumed(&self.cluster, role);
        offers.iter().for_each(|(_, offered)| taken += offered);
        for (id, offered) in offers {
            let mut names = config.limits.keys().map(String::as_str);
            let is_beyond = |name: &str| taken.get(name) > limits.get(name);
            if names.any(|name| is_beyond(name) && !offered.get(name).is_zero()) {
                self.rescind(&id, out);
                taken -= &offered;
            }
        }
    }

    /// Takes back offers to others until as much is free as the role is promised and does not have.
    fn make_room_for(&mut self, config: &QuotaConfig, out: &mut Effects) {
        let mut missing = quantities(&config.guarantees);
        missing -= &consumed(&self.cluster, &config.role);
        let agents: Vec<AgentId> = self.cluster.agents.keys().cloned().collect();
        let mut free = Quantities::new();
        for id in agents {
            if free.contains(&missing) {
                return;
            }
            let Some(agent) = self.cluster.agent(&id).cloned() else {
                continue;
            };
            let others: Vec<OfferId> = agent
                .offers
                .iter()
                .filter(|offer| {
                    let offer = self.cluster.offers.get(*offer);
                    offer.is_some_and(|offer| !is_at_or_below(&offer.role, &config.role))
                })
                .cloned()
                .collect();
            for offer in others {
                self.rescind(&offer, out);
            }
            if let Some(agent) = self.cluster.agent(&id) {
                let taken = (agent.used_total() + agent.offered()).unallocate();
                free += &plain(&(&*agent.total - &taken));
            }
        }
    }
}

/// What a role and those below it have: all that is reserved to them, and all else they use, be it reserved for a role
/// above.
pub(crate) fn consumed(cluster: &Cluster, role: &str) -> Quantities {
    let mut consumed = Quantities::new();
    for agent in cluster.agents.values() {
        let reserved = agent
            .total
            .filter(|key| !key.is_unreserved() && is_at_or_below(key.reservation_role(), role));
        consumed += &reserved.scalars();
        for used in agent.used.values() {
            let allocated = used.filter(|key| {
                let to = key.allocated_to;
                to.is_some_and(|to| is_at_or_below(to, role))
            });
            consumed += &passed_down(&allocated, role);
        }
    }
    consumed
}

/// What of resources of a role, or of those below it, counts for its limit only because it is given to them.
fn passed_down(given: &Resources, role: &str) -> Quantities {
    let counts = given.filter(|key| {
        let above = || roles::is_strict_subrole(role, key.reservation_role());
        !key.revocable && (key.is_unreserved() || above())
    });
    counts.scalars()
}

fn plain(resources: &Resources) -> Quantities {
    resources.unreserved().non_revocable().scalars()
}

fn is_at_or_below(role: &str, top: &str) -> bool {
    role == top || roles::is_strict_subrole(role, top)
}

fn check_config(config: &QuotaConfig) -> Result<(), String> {
    let role = config.role.as_str();
    roles::validate(role).map_err(|error| format!("the role is invalid: {error}"))?;
    let is_nested = role.contains('/');
    if is_nested && !config.guarantees.is_empty() {
        return Err("only top-level roles can have guarantees".to_owned());
    }
    for (what, amounts) in [("guarantee", &config.guarantees), ("limit", &config.limits)] {
        for (name, amount) in amounts {
            let most = match name.as_str() {
                "mem" | "disk" => MAX_MEGABYTES,
                _ => MAX_AMOUNT,
            };
            let value = amount.value;
            if name.is_empty() || !value.is_finite() || value < 0.0 || value > most {
                return Err(format!(
                    "the {what} '{name}:{value}' is not between 0 and {most}"
                ));
            }
        }
    }
    for (name, guarantee) in &config.guarantees {
        let limit = config.limits.get(name);
        if limit.is_some_and(|limit| limit.value < guarantee.value) {
            return Err(format!(
                "the guarantee of {name} is more than its limit: {} > {}",
                guarantee.value,
                limit.map_or(0.0, |limit| limit.value)
            ));
        }
    }
    Ok(())
}

/// No guarantee and no limit is what every role has.
pub(crate) fn is_default(config: &QuotaConfig) -> bool {
    config.guarantees.is_empty() && config.limits.is_empty()
}

fn quantities(amounts: &BTreeMap<String, Scalar>) -> Quantities {
    let amounts = amounts.iter();
    amounts
        .map(|(name, amount)| {
            let amount = Quantity::from_f64(amount.value).unwrap_or_default();
            (Name::from(name.as_str()), amount)
        })
        .collect()
}

fn scalar(amount: Quantity) -> Scalar {
    Scalar {
        value: amount.to_f64(),
    }
}
