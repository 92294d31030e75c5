//! Asking a multiset of resources.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::group::{Group, PLAIN_SCALARS};
use super::key::What;
use super::name::Known;
use super::stack::Stack;
use super::{Amount, Quantities, Quantity, Ranges, Resources};

impl Resources {
    /// Everything, marked as offered or allocated to `role`.
    pub fn allocate(self, role: &str) -> Resources {
        self.allocate_to(role.into())
    }

    /// As [`Resources::allocate`], for many with one role.
    pub fn allocate_to(self, role: Arc<str>) -> Resources {
        self.marked(Some(role))
    }

    /// Everything without the mark of [`Resources::allocate`].
    pub fn unallocate(self) -> Resources {
        self.marked(None)
    }

    fn marked(self, role: Option<Arc<str>>) -> Resources {
        self.with_owners(|owner| owner.allocated_to.clone_from(&role))
    }

    /// Everything, by the role it is allocated to; what has none is left out.
    pub fn allocations(&self) -> BTreeMap<String, Resources> {
        self.by_role(|group| group.owner.allocated_to.as_deref())
    }

    /// The first role that it is allocated to.
    pub fn allocation_role(&self) -> Option<&str> {
        let mut groups = self.groups.iter();
        groups.find_map(|group| group.owner.allocated_to.as_deref())
    }

    /// Whether there are only amounts that Mesos knows by name, of which nothing is reserved, revocable or otherwise
    /// special.
    pub(super) fn is_plain(&self) -> bool {
        let mut groups = self.groups.iter();
        groups.all(|group| group.owner.reservations.is_empty() && group.rest().next().is_none())
    }

    /// What is reserved, by the role of the innermost reservation.
    pub fn reservations(&self) -> BTreeMap<String, Resources> {
        self.by_role(|group| group.owner.reservations.role())
    }

    fn by_role(&self, role: impl Fn(&Group) -> Option<&str>) -> BTreeMap<String, Resources> {
        let mut all: BTreeMap<String, Resources> = BTreeMap::new();
        for group in self.groups.iter() {
            if let Some(role) = role(group) {
                let of_role = all.entry(role.to_string()).or_default();
                of_role.groups.push(group.clone());
            }
        }
        all
    }

    /// What anybody may have.
    pub fn unreserved(&self) -> Resources {
        self.filter(|key| key.is_unreserved())
    }

    /// What is reserved to anybody.
    pub fn reserved(&self) -> Resources {
        self.filter(|key| !key.is_unreserved())
    }

    /// What is reserved to exactly `role`.
    pub fn reserved_to(&self, role: &str) -> Resources {
        self.filter(|key| !key.is_unreserved() && key.reservation_role() == role)
    }

    /// What a framework in `role` may be offered: what is unreserved, or reserved to the role or to one above it.
    pub fn allocatable_to(&self, role: &str) -> Resources {
        self.filter(|key| key.is_allocatable_to(role))
    }

    /// Everything, as if nobody had reserved it.
    pub fn to_unreserved(self) -> Resources {
        self.with_owners(|owner| owner.reservations = Stack::NONE)
    }

    /// What may be taken back at any time.
    pub fn revocable(&self) -> Resources {
        self.filter(|key| key.revocable)
    }

    /// What may not.
    pub fn non_revocable(&self) -> Resources {
        self.filter(|key| !key.revocable)
    }

    /// What several tasks may use at once.
    pub fn shared(&self) -> Resources {
        self.filter(|key| key.shared)
    }

    /// The persistent volumes.
    pub fn persistent_volumes(&self) -> Resources {
        self.filter(|key| key.is_persistent_volume())
    }

    /// The names, ascending.
    pub fn names(&self) -> BTreeSet<&str> {
        let whats = self.groups.iter().flat_map(Group::whats);
        whats.map(|what| &*what.name).collect()
    }

    /// The scalar amounts summed by name, whatever their reservation, disk or allocation. A shared
    /// resource counts once, however many use it.
    pub fn scalars(&self) -> Quantities {
        let mut all = Quantities::of_known(self.known());
        for (what, amount) in self.rest() {
            if let Some(quantity) = amount.quantity(what) {
                all.add(&what.name, quantity);
            }
        }
        all
    }

    /// The sum of the scalar items of this name.
    pub fn scalar(&self, name: &str) -> Quantity {
        let plain = match Known::of(name) {
            None | Some(Known::Ports) => Quantity::ZERO,
            Some(known) => self.known()[known as usize],
        };
        let named = self.rest().filter(|(what, _)| *what.name == *name);
        let special = named.filter_map(|(what, amount)| amount.quantity(what));
        plain + special.sum::<Quantity>()
    }

    /// The union of the range items of this name.
    pub fn ranges(&self, name: &str) -> Ranges {
        let mut all = Ranges::new();
        if name == Known::Ports.text() {
            self.groups.iter().for_each(|group| all.add(&group.ports));
        }
        for (what, amount) in self.rest() {
            if let Amount::Ranges(ranges) = amount
                && *what.name == *name
            {
                all.add(ranges);
            }
        }
        all
    }

    /// The union of the set items of this name.
    pub fn set(&self, name: &str) -> BTreeSet<&str> {
        let named = self.rest().filter(|(what, _)| *what.name == *name);
        let words = named.filter_map(|(_, amount)| match amount {
            Amount::Set(words) => Some(words.iter()),
            _ => None,
        });
        words.flatten().collect()
    }

    fn rest(&self) -> impl Iterator<Item = (&What, &Amount)> {
        self.groups.iter().flat_map(Group::rest)
    }

    /// The plain amounts of the scalars that Mesos knows, whosever they are.
    pub(super) fn known(&self) -> [Quantity; PLAIN_SCALARS] {
        let mut sum = [Quantity::ZERO; PLAIN_SCALARS];
        for group in self.groups.iter() {
            for (sum, more) in sum.iter_mut().zip(&group.scalars) {
                *sum += *more;
            }
        }
        sum
    }

    /// Processors.
    pub fn cpus(&self) -> Quantity {
        self.scalar("cpus")
    }

    /// Graphics processors; always whole.
    pub fn gpus(&self) -> Quantity {
        self.scalar("gpus")
    }

    /// Memory in mebibytes.
    pub fn mem(&self) -> Quantity {
        self.scalar("mem")
    }

    /// Disk in mebibytes.
    pub fn disk(&self) -> Quantity {
        self.scalar("disk")
    }

    /// Network ports.
    pub fn ports(&self) -> Ranges {
        self.ranges("ports")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(text: &str) -> Resources {
        Resources::parse(text, "*").unwrap()
    }

    #[test]
    fn allocation_marks_and_unmarks() {
        let free = resources("cpus:2;ports:[1-5]");
        let allocated = free.clone().allocate("eng");
        assert!(!free.contains(&allocated));
        assert_eq!(allocated.allocations().keys().collect::<Vec<_>>(), ["eng"]);
        assert_eq!(allocated.unallocate(), free);
    }

    #[test]
    fn a_role_is_offered_what_is_free_or_reserved_to_it_or_above_it() {
        let all = resources("cpus:1;cpus(a):2;cpus(a/b):4;cpus(c):8");
        let table = [
            ("a", 3000),
            ("a/b", 7000),
            ("a/b/x", 7000),
            ("c", 9000),
            ("z", 1000),
        ];
        for (role, milli) in table {
            assert_eq!(
                all.allocatable_to(role).cpus(),
                Quantity::from_milli(milli),
                "{role}"
            );
        }
        assert_eq!(all.reserved_to("a").cpus(), Quantity::from_whole(2));
        assert_eq!(all.reservations().len(), 3);
        assert_eq!(all.unreserved().cpus() + all.reserved().cpus(), all.cpus());
    }

    #[test]
    fn getters_sum_over_reservations() {
        let all = resources("cpus:1;cpus(a):0.5;mem:10;ports:[1-2];ports(a):[4-5];names:{x,y}");
        assert_eq!(all.cpus().to_string(), "1.5");
        assert_eq!(all.ports().to_string(), "[1-2, 4-5]");
        assert_eq!(all.set("names").into_iter().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(all.scalars().to_string(), "cpus:1.5;mem:10");
        assert_eq!(all.clone().to_unreserved().unreserved().cpus(), all.cpus());
    }
}
