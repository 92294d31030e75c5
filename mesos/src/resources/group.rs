//! Resources that belong together: offered or allocated to one role, and reserved in one way. They
//! are a row of integers, and whatever does not fit into it.
//!
//! ```text
//! owner       whom it is allocated to, and how it is reserved
//! scalars     cpus | disk | gpus | mem      what is plain: a row of integers
//! ports       and its ports
//! rest        what | ...                    made-up names, special disks, revocable resources, …
//!             amount | ...
//! ```

use std::cmp::Ordering;
use std::sync::Arc;

use super::key::{Key, PLAIN, What};
use super::name::Known;
use super::rest::Rest;
use super::sorted::Keyed;
use super::stack::Stack;
use super::{Amount, Quantity, Ranges};

/// How many plain scalars there are.
pub(super) const PLAIN_SCALARS: usize = Known::SCALARS.len();

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) owner: Owner,
    pub(super) scalars: [Quantity; PLAIN_SCALARS],
    pub(super) ports: Ranges,
    rest: Rest,
}

/// Whose something is.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner {
    /// The role it is offered or allocated to.
    pub(super) allocated_to: Option<Arc<str>>,
    pub(super) reservations: Stack,
}

impl Keyed for Group {
    type Key = Owner;

    #[inline(always)]
    fn key(&self) -> &Owner {
        &self.owner
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty()
            && self.scalars == [Quantity::ZERO; PLAIN_SCALARS]
            && self.ports.is_empty()
    }

    fn contains(&self, wanted: &Group) -> bool {
        let mut pairs = self.scalars.iter().zip(&wanted.scalars);
        pairs.all(|(have, want)| have >= want)
            && self.ports.contains(&wanted.ports)
            && self.rest.contains(&wanted.rest)
    }

    // As `add` and `subtract`, as a new value; that is quicker than a copy which is changed. In place, so that they are
    // built where they stay.

    #[inline(always)]
    fn plus(&self, more: &Group) -> Group {
        Group {
            owner: self.owner.clone(),
            scalars: each(&self.scalars, &more.scalars, |have, more| have + more),
            ports: self.ports.plus(&more.ports),
            rest: self.rest.plus(&more.rest),
        }
    }

    #[inline(always)]
    fn minus(&self, less: &Group) -> Group {
        Group {
            owner: self.owner.clone(),
            scalars: each(&self.scalars, &less.scalars, Quantity::saturating_sub),
            ports: self.ports.minus(&less.ports),
            rest: self.rest.minus(&less.rest),
        }
    }
}

impl Group {
    pub(super) fn of(owner: Owner) -> Group {
        Group {
            owner,
            ..Group::default()
        }
    }

    /// What is not plain, in order.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&What, &Amount)> {
        self.rest.iter()
    }

    pub(super) fn key<'a>(&'a self, what: &'a What) -> Key<'a> {
        Key {
            allocated_to: self.owner.allocated_to.as_deref(),
            reservations: &self.owner.reservations,
            what,
        }
    }

    /// What of it is plain.
    fn plain(&self) -> impl Iterator<Item = Known> {
        Known::ALL
            .into_iter()
            .filter(|known| self.has_plain(*known))
    }

    pub(super) fn has_plain(&self, known: Known) -> bool {
        match self.scalars.get(known as usize) {
            Some(quantity) => !quantity.is_zero(),
            None => !self.ports.is_empty(),
        }
    }

    fn plain_amount(&self, known: Known) -> Amount {
        match self.scalars.get(known as usize) {
            Some(quantity) => Amount::Scalar(*quantity),
            None => Amount::Ranges(self.ports.clone()),
        }
    }

    /// What there is, and how much: first what is plain, each in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key<'_>, Amount)> {
        let plain = self.plain();
        let plain = plain.map(|known| (&PLAIN[known as usize], self.plain_amount(known)));
        let rest = self.rest().map(|(what, amount)| (what, amount.clone()));
        plain
            .chain(rest)
            .map(|(what, amount)| (self.key(what), amount))
    }

    /// What there is, in the same order.
    pub(super) fn whats(&self) -> impl Iterator<Item = &What> {
        let plain = self.plain().map(|known| &PLAIN[known as usize]);
        plain.chain(self.rest().map(|(what, _)| what))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.whats().map(|what| self.key(what))
    }

    /// Adds to one of [`PLAIN`] an amount of its kind.
    #[inline(always)]
    pub(super) fn add_plain(&mut self, known: Known, amount: &Amount) {
        match amount {
            Amount::Scalar(quantity) => self.scalars[known as usize] += *quantity,
            Amount::Ranges(ports) => self.ports.add(ports),
            // None of them is a set, or comes in copies.
            Amount::Set(_) | Amount::Copies(_) => {}
        }
    }

    /// Puts what is not plain where nothing of it was yet.
    pub(super) fn put(&mut self, rest: Rest) {
        self.rest = rest;
    }

    pub(super) fn add(&mut self, other: &Group) {
        for (have, more) in self.scalars.iter_mut().zip(&other.scalars) {
            *have += *more;
        }
        self.ports.add(&other.ports);
        if !other.rest.is_empty() {
            self.rest = self.rest.plus(&other.rest);
        }
    }

    pub(super) fn subtract(&mut self, other: &Group) {
        for (have, less) in self.scalars.iter_mut().zip(&other.scalars) {
            *have = have.saturating_sub(*less);
        }
        self.ports.subtract(&other.ports);
        if !other.rest.is_empty() {
            self.rest = self.rest.minus(&other.rest);
        }
    }

    /// The items that please `wanted`.
    pub(super) fn filter(&self, wanted: &mut impl FnMut(&Key<'_>) -> bool) -> Group {
        let mut kept = Group::of(self.owner.clone());
        for known in self.plain() {
            if wanted(&self.key(&PLAIN[known as usize])) {
                kept.add_plain(known, &self.plain_amount(known));
            }
        }
        kept.rest = (self.rest).filtered(|what| wanted(&self.key(what)));
        kept
    }

    /// The items with other amounts, each of its kind; without those that get none.
    pub(super) fn map_amounts(
        &self,
        change: &mut impl FnMut(&Key<'_>, &Amount) -> Option<Amount>,
    ) -> Group {
        let mut changed = Group::of(self.owner.clone());
        for known in self.plain() {
            let key = self.key(&PLAIN[known as usize]);
            if let Some(amount) = change(&key, &self.plain_amount(known)) {
                changed.add_plain(known, &amount);
            }
        }
        changed.rest = (self.rest).map_amounts(|what, amount| change(&self.key(what), amount));
        changed
    }
}

fn each(
    one: &[Quantity; PLAIN_SCALARS],
    other: &[Quantity; PLAIN_SCALARS],
    with: impl Fn(Quantity, Quantity) -> Quantity,
) -> [Quantity; PLAIN_SCALARS] {
    std::array::from_fn(|at| with(one[at], other[at]))
}

impl Owner {
    #[inline]
    pub(super) fn is(&self, allocated_to: Option<&str>, reservations: &Stack) -> bool {
        self.allocated_to.as_deref() == allocated_to && self.reservations == *reservations
    }
}

impl PartialEq for Owner {
    #[inline]
    fn eq(&self, other: &Owner) -> bool {
        let same_role = match (&self.allocated_to, &other.allocated_to) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (a, b) => a.is_none() && b.is_none(),
        };
        same_role && self.reservations == other.reservations
    }
}

impl Eq for Owner {}

impl Ord for Owner {
    fn cmp(&self, other: &Owner) -> Ordering {
        let roles = self.allocated_to.cmp(&other.allocated_to);
        roles.then_with(|| self.reservations.cmp(&other.reservations))
    }
}

impl PartialOrd for Owner {
    fn partial_cmp(&self, other: &Owner) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
