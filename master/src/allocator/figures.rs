//! Numbers about the books, for metrics (Mesos' `docs/monitoring.md`).

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos::resources::Quantity;

use super::amounts::Amounts;
use super::hierarchical::HierarchicalAllocator;

/// What an allocator tells about its books at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Scalars of the cluster, by name.
    pub resources: BTreeMap<String, ResourceFigures>,
    /// Roles that frameworks have, or that have a quota or a reservation.
    pub roles: BTreeMap<Arc<str>, RoleFigures>,
    /// Frameworks that hold as many offers as they may.
    pub frameworks_at_offer_limit: usize,
}

/// Of one scalar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceFigures {
    /// All agents' together.
    pub total: Quantity,
    /// What of it is offered or used.
    pub taken: Quantity,
}

/// Of one role with all below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleFigures {
    /// Refusals of frameworks in exactly this role that hold.
    pub refusals: u64,
    /// The largest part that it holds of any scalar of the cluster, without regard to its weight.
    pub dominant_share: f64,
    /// By name of the scalar: what has to do with quota.
    pub quota: BTreeMap<String, QuotaFigures>,
}

/// Of one scalar in one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaFigures {
    /// What is set aside, if the role has a guarantee.
    pub guarantee: Option<Quantity>,
    /// The most it may have, if there is a limit.
    pub limit: Option<Quantity>,
    /// What counts for both.
    pub consumed: Quantity,
    /// What frameworks were given, whether it counts or not.
    pub taken: Quantity,
}

impl HierarchicalAllocator {
    pub(super) fn measure(&self) -> Figures {
        let at_limit = |framework: &u32| self.is_at_limit(*framework);
        Figures {
            resources: self.resource_figures(),
            roles: self.role_figures(),
            frameworks_at_offer_limit: self
                .framework_slots
                .values()
                .filter(|f| at_limit(f))
                .count(),
        }
    }

    fn resource_figures(&self) -> BTreeMap<String, ResourceFigures> {
        let mut taken = Amounts::default();
        for (_, client) in self.tree.clients.iter() {
            taken.add(client.held());
        }
        let figures = (0..self.names.count()).map(|at| {
            let figures = ResourceFigures {
                total: Quantity::from_milli(self.cluster.get(at)),
                taken: Quantity::from_milli(taken.get(at)),
            };
            (self.names.name(at).to_string(), figures)
        });
        figures
            .filter(|(_, figures)| *figures != ResourceFigures::default())
            .collect()
    }

    fn role_figures(&self) -> BTreeMap<Arc<str>, RoleFigures> {
        let mut roles: BTreeMap<Arc<str>, RoleFigures> = (self.tree.roles())
            .map(|(role, path)| {
                let figures = RoleFigures {
                    refusals: 0,
                    dominant_share: self.tree.held(role).dominant_share(&self.cluster),
                    quota: self.quota_figures(role),
                };
                (Arc::clone(path), figures)
            })
            .collect();
        for (client, found) in self.tree.clients.iter() {
            if let Some(figures) = roles.get_mut(&self.tree.nodes[found.role].path) {
                figures.refusals += u64::from(self.tree.refusals.holding(client));
            }
        }
        roles
    }

    fn quota_figures(&self, role: u32) -> BTreeMap<String, QuotaFigures> {
        let quota = |at: usize| {
            let [guarantee, limit] = self.tree.quota(role, at);
            QuotaFigures {
                guarantee: guarantee.map(Quantity::from_milli),
                limit: limit.map(Quantity::from_milli),
                consumed: Quantity::from_milli(self.tree.consumed(role, at)),
                taken: Quantity::from_milli(self.tree.held(role).get(at)),
            }
        };
        let named = (0..self.names.count()).map(|at| (self.names.name(at).to_string(), quota(at)));
        named
            .filter(|(_, figures)| *figures != QuotaFigures::default())
            .collect()
    }
}
