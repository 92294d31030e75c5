//! What quotas count of what somebody is given.

use std::sync::Arc;

use mesos::resources::Key;
use mesos::roles;

use super::amounts::Amounts;

/// Scalars that will not be taken back.
#[derive(Clone, Debug, Default)]
pub(super) struct Charge {
    /// Unreserved: they count for the role that is given them, and for all above it.
    pub(super) open: Amounts,
    /// Reserved, by the role they are reserved for. They count for it, and for all above it, while they are reserved. If
    /// they are given to a role below it, they count for that one as well, and for those in between.
    pub(super) reserved: Vec<(Arc<str>, Amounts)>,
}

impl Charge {
    /// Adds an item of resources.
    pub(super) fn enter(&mut self, key: &Key<'_>, at: usize, milli: i64) {
        match key.is_unreserved() {
            _ if key.revocable => {}
            true => self.open.add_at(at, milli),
            false => self.add_reserved(key.reservation_role(), at, milli),
        }
    }

    /// Where an item is counted, if its role is named.
    pub(super) fn of(&mut self, key: &Key<'_>) -> Option<&mut Amounts> {
        if key.is_unreserved() {
            return Some(&mut self.open);
        }
        let role = key.reservation_role();
        let mut reserved = self.reserved.iter_mut();
        let found = reserved.find(|(known, _)| **known == *role);
        found.map(|(_, amounts)| amounts)
    }

    pub(super) fn add_reserved(&mut self, role: &str, at: usize, milli: i64) {
        let known = self.reserved.iter_mut().find(|(known, _)| **known == *role);
        match known {
            Some((_, amounts)) => amounts.add_at(at, milli),
            None => {
                let mut amounts = Amounts::default();
                amounts.add_at(at, milli);
                self.reserved.push((role.into(), amounts));
            }
        }
    }

    /// What of the reserved counts for `role` because it is given to it or to a role below, and not anyway.
    pub(super) fn passed_down_to(&self, role: &str) -> impl Iterator<Item = &Amounts> {
        let reserved = self.reserved.iter();
        reserved
            .filter(move |(owner, _)| roles::is_strict_subrole(role, owner))
            .map(|(_, amounts)| amounts)
    }
}
