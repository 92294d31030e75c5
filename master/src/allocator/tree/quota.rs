//! What roles consume of their quota (Mesos' `src/master/allocator/mesos/hierarchical.cpp`).
//!
//! A role consumes what is reserved for it or for a role below it, allocated or not, and what it
//! or a role below it was given of other non-revocable scalars: unreserved ones, or such that are
//! reserved for a role above it. Guarantees are kept at the top of the tree, limits (other than in
//! Mesos) at any level. All that is known of the agents counts, also what frameworks hold that have
//! not come back yet.

use super::super::amounts::Amounts;
use super::super::charge::Charge;
use super::{ROOT, RoleTree};

/// One node's part.
#[derive(Default)]
pub(super) struct Books {
    /// Reserved for the role or below.
    reserved: Amounts,
    /// Given to the role or below, of what is not reserved for it or below, and not revocable.
    given: Amounts,
    guarantees: Amounts,
    /// What the guarantees still lack; zero if they are met.
    unmet: Amounts,
    /// Whether it counts among those that want to be served first.
    waits: bool,
    limits: Vec<(usize, i64)>,
    has_quota: bool,
    /// Clients that do not count for shares, but keep the node.
    pub(super) strangers: u32,
}

impl Books {
    pub(super) fn is_vacant(&self) -> bool {
        !self.has_quota && self.strangers == 0
    }

    fn consumed(&self, at: usize) -> i64 {
        self.reserved.get(at).wrapping_add(self.given.get(at))
    }
}

/// A limit that an offer runs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::allocator) struct Limited {
    /// The role that has the limit: the one that is offered something, or one above it.
    pub(in crate::allocator) role: u32,
    /// What is left of it.
    pub(in crate::allocator) left: i64,
}

impl RoleTree {
    /// Whether any role has a quota.
    pub(in crate::allocator) fn has_quotas(&self) -> bool {
        self.quotas > 0
    }

    /// Gives a role a quota; without guarantees and limits it has none.
    pub(in crate::allocator) fn set_quota(
        &mut self,
        path: &str,
        guarantees: Amounts,
        limits: Vec<(usize, i64)>,
    ) {
        let role = self.role(path);
        let has_quota = !guarantees.is_zero() || !limits.is_empty();
        let books = &mut self.nodes[role].quota;
        self.quotas += usize::from(has_quota);
        self.quotas -= usize::from(books.has_quota);
        books.guarantees = guarantees;
        books.limits = limits;
        books.has_quota = has_quota;
        self.refresh_unmet(role);
        self.prune(role);
    }

    /// What has to be kept back so that guarantees can still be met.
    pub(in crate::allocator) fn required(&self) -> &Amounts {
        &self.required
    }

    /// Whether the guarantees at the top of this role's branch are not met.
    pub(in crate::allocator) fn is_unmet(&self, role: u32) -> bool {
        !self.nodes[self.top(role)].quota.unmet.is_zero()
    }

    /// What the guarantees at the top of this role's branch lack.
    pub(in crate::allocator) fn unmet(&self, role: u32) -> &Amounts {
        &self.nodes[self.top(role)].quota.unmet
    }

    /// Whether guarantees are not met of any role in which somebody wants offers.
    pub(in crate::allocator) fn any_unmet(&self) -> bool {
        self.waiting > 0
    }

    /// The narrowest of the limits on this role, if any, when `also` is given to it besides; for what is reserved for a
    /// role above it, of the limits below that one.
    pub(in crate::allocator) fn limit(
        &self,
        role: u32,
        name: usize,
        reserved_for: Option<&str>,
        also: &Charge,
    ) -> Option<Limited> {
        let counts = |role: &u32| reserved_for != Some(&*self.nodes[*role].path);
        let limits = self.upwards(role).take_while(counts).flat_map(|role| {
            let books = &self.nodes[role].quota;
            let own = books.limits.iter().filter(move |(at, _)| *at == name);
            own.map(move |(at, limit)| {
                let also = also.passed_down_to(&self.nodes[role].path);
                let also = also.map(|amounts| amounts.get(name)).sum();
                Limited {
                    role,
                    left: limit.saturating_sub(books.consumed(*at).wrapping_add(also)),
                }
            })
        });
        limits.min_by_key(|limited| limited.left)
    }

    /// The guarantee and the limit of the role itself.
    pub(in crate::allocator) fn quota(&self, role: u32, name: usize) -> [Option<i64>; 2] {
        let books = &self.nodes[role].quota;
        let guarantee = Some(books.guarantees.get(name)).filter(|guarantee| *guarantee != 0);
        let limit = books.limits.iter().find(|(at, _)| *at == name);
        [guarantee, limit.map(|(_, limit)| *limit)]
    }

    /// What counts for the quota of the role.
    pub(in crate::allocator) fn consumed(&self, role: u32, name: usize) -> i64 {
        self.nodes[role].quota.consumed(name)
    }

    #[cfg(test)]
    /// What the role consumes of its quota.
    pub(in crate::allocator) fn consumption(&self, role: u32) -> Amounts {
        let books = &self.nodes[role].quota;
        let mut sum = books.reserved.clone();
        sum.add(&books.given);
        sum
    }

    /// An agent has this reserved for the role.
    pub(in crate::allocator) fn reserve(&mut self, role: u32, amounts: &Amounts) {
        self.nodes[role].reservers += 1;
        self.each_upwards(role, |node| node.quota.reserved.add(amounts));
        self.refresh_unmet(self.top(role));
    }

    /// An agent has it no more.
    pub(in crate::allocator) fn unreserve(&mut self, role: u32, amounts: &Amounts) {
        self.nodes[role].reservers -= 1;
        self.each_upwards(role, |node| node.quota.reserved.subtract(amounts));
        self.refresh_unmet(self.top(role));
        self.prune(role);
    }

    pub(super) fn consume(&mut self, role: u32, charge: &Charge) {
        self.change_given(role, charge, Amounts::add);
    }

    pub(super) fn free(&mut self, role: u32, charge: &Charge) {
        self.change_given(role, charge, Amounts::subtract);
    }

    fn change_given(&mut self, role: u32, charge: &Charge, change: fn(&mut Amounts, &Amounts)) {
        self.each_upwards(role, |node| {
            let given = &mut node.quota.given;
            change(given, &charge.open);
            for amounts in charge.passed_down_to(&node.path) {
                change(given, amounts);
            }
        });
        self.refresh_unmet(self.top(role));
    }

    pub(super) fn top(&self, role: u32) -> u32 {
        self.upwards(role).last().unwrap_or(role)
    }

    fn refresh_unmet(&mut self, top: u32) {
        let node = &mut self.nodes[top];
        let books = &mut node.quota;
        if node.parent != ROOT || (books.guarantees.is_zero() && books.unmet.is_zero()) {
            return;
        }
        let mut unmet = Amounts::default();
        for (at, guarantee) in books.guarantees.iter() {
            unmet.set(at, guarantee.saturating_sub(books.consumed(at)).max(0));
        }
        self.required.subtract(&books.unmet);
        self.required.add(&unmet);
        books.unmet = unmet;
        self.refresh_waiting(top);
    }

    /// The role at the top of a branch may have begun or ceased to wait for its guarantees.
    pub(super) fn refresh_waiting(&mut self, top: u32) {
        let node = &mut self.nodes[top];
        let waits = node.active_below > 0 && !node.quota.unmet.is_zero();
        let waited = std::mem::replace(&mut node.quota.waits, waits);
        self.waiting += usize::from(waits);
        self.waiting -= usize::from(waited);
    }
}
