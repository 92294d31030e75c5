//! Roles: who shares the cluster, and what each has.

use std::collections::{BTreeMap, BTreeSet};

use mesos::resources::{Quantities, Quantity, Resources};
use mesos::v1::value::Scalar;
use serde::Serialize;

use crate::view::View;

/// `/roles`.
#[derive(Debug, Serialize)]
pub(super) struct Roles<'a> {
    roles: Vec<RoleObject<'a>>,
}

impl<'a> Roles<'a> {
    /// The roles that have frameworks, allocations or reservations, and all above them.
    pub(super) fn of(view: &'a View) -> Roles<'a> {
        Roles {
            roles: names(view)
                .into_iter()
                .map(|name| RoleObject::of(name, view))
                .collect(),
        }
    }
}

/// The names of all roles that mean anything now: those with frameworks, allocations, reservations,
/// a weight or a quota, and all above them.
pub(super) fn names(view: &View) -> BTreeSet<String> {
    let cluster = &view.cluster;
    let mut names: BTreeSet<String> = cluster.weights.keys().cloned().collect();
    names.extend(cluster.quotas.keys().cloned());
    for framework in cluster.frameworks.values() {
        names.extend(framework.roles.iter().cloned());
        names.extend(framework.used_total().allocations().into_keys());
    }
    for agent in cluster.agents.values() {
        names.extend(agent.total.reservations().into_keys());
    }
    let ancestors: Vec<String> = names.iter().flat_map(|name| ancestors(name)).collect();
    names.extend(ancestors);
    names
}

/// `a` and `a/b` of `a/b/c`.
fn ancestors(role: &str) -> impl Iterator<Item = String> + '_ {
    role.match_indices('/').map(|(at, _)| role[..at].to_owned())
}

/// Amounts by name; nothing is an empty object.
type Amounts = BTreeMap<String, f64>;

/// A role. What it has includes what roles below it have.
#[derive(Debug, Serialize)]
struct RoleObject<'a> {
    name: String,
    weight: f64,
    quota: QuotaObject,
    resources: Amounts,
    allocated: Amounts,
    offered: Amounts,
    reserved: Amounts,
    frameworks: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct QuotaObject {
    role: String,
    guarantee: Amounts,
    limit: Amounts,
    consumed: Amounts,
}

impl<'a> RoleObject<'a> {
    fn of(name: String, view: &'a View) -> RoleObject<'a> {
        let frameworks = || view.cluster.frameworks.values();
        let mut allocated = Sum::default();
        let mut offered = Sum::default();
        for framework in frameworks() {
            allocated.add(&allocated_to(&framework.used_total(), &name));
            offered.add(&allocated_to(&framework.offered, &name));
        }
        let mut reserved = Sum::default();
        let mut unallocated = Sum::default();
        for agent in view.cluster.agents.values() {
            let total = reserved_to(&agent.total, &name);
            let used = reserved_to(&agent.used_total(), &name);
            reserved.add(&total);
            unallocated.add_difference(&total, &used);
        }
        let quota = view.cluster.quotas.get(&name);
        RoleObject {
            weight: view.cluster.weights.get(&name).copied().unwrap_or(1.0),
            quota: QuotaObject {
                role: name.clone(),
                guarantee: amounts_of(quota.map(|quota| &quota.guarantees)),
                limit: amounts_of(quota.map(|quota| &quota.limits)),
                consumed: allocated.plus(&unallocated),
            },
            resources: allocated.plus(&offered),
            allocated: allocated.amounts(),
            offered: offered.amounts(),
            reserved: reserved.amounts(),
            frameworks: frameworks()
                .filter(|framework| {
                    framework.roles.contains(&name)
                        || framework.used_total().allocations().contains_key(&name)
                })
                .map(|framework| framework.id.value.as_str())
                .collect(),
            name,
        }
    }
}

fn amounts_of(scalars: Option<&BTreeMap<String, Scalar>>) -> Amounts {
    let scalars = scalars.into_iter().flatten();
    scalars
        .map(|(name, scalar)| (name.clone(), scalar.value))
        .collect()
}

fn allocated_to(resources: &Resources, role: &str) -> Quantities {
    let wanted = |of: Option<&str>| of.is_some_and(|of| is_at_or_below(of, role));
    resources.filter(|key| wanted(key.allocated_to)).scalars()
}

fn reserved_to(resources: &Resources, role: &str) -> Quantities {
    resources
        .filter(|key| !key.is_unreserved() && is_at_or_below(key.reservation_role(), role))
        .scalars()
}

fn is_at_or_below(role: &str, top: &str) -> bool {
    role.strip_prefix(top)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Quantities by name, added up.
#[derive(Default)]
struct Sum(BTreeMap<String, Quantity>);

impl Sum {
    fn add(&mut self, more: &Quantities) {
        for (name, quantity) in more.iter() {
            *self.0.entry(name.to_string()).or_default() += quantity;
        }
    }

    fn add_difference(&mut self, total: &Quantities, part: &Quantities) {
        for (name, quantity) in total.iter() {
            let left = quantity.saturating_sub(part.get(name));
            *self.0.entry(name.to_string()).or_default() += left;
        }
    }

    fn plus(&self, other: &Sum) -> Amounts {
        let mut all = Sum(self.0.clone());
        for (name, quantity) in &other.0 {
            *all.0.entry(name.clone()).or_default() += *quantity;
        }
        all.amounts()
    }

    fn amounts(&self) -> Amounts {
        let amounts = self.0.iter().filter(|(_, quantity)| quantity.milli() != 0);
        amounts
            .map(|(name, quantity)| (name.clone(), quantity.to_f64()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_stands_for_those_below_it() {
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(is_at_or_below("a/b", "a") && is_at_or_below("a", "a"));
        assert!(!is_at_or_below("ab", "a") && !is_at_or_below("a", "a/b"));
        let all = Resources::parse("cpus(a):1;cpus(a/b):2;cpus(ab):4;mem:5", "*").unwrap();
        assert_eq!(reserved_to(&all, "a").get("cpus"), Quantity::from_whole(3));
        assert_eq!(
            allocated_to(&all.allocate("a/b"), "a").get("mem"),
            Quantity::from_whole(5)
        );
    }
}
