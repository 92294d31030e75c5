//! Resources allocated to one role, or to nobody: the rows of integers under [`Resources`].
//!
//! ```text
//! role        whom it is allocated to
//! plain       cpus | disk | gpus | mem      what nobody has reserved: a row of integers
//! ports       and its ports
//! rest        key | ...                     everything else, ordered by key, shared by clones
//!             amount | ...
//! ```
//!
//! [`Resources`]: super::Resources

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::key::{Key, PLAIN, What};
use super::name::{Known, Name};
use super::rest::Rest;
use super::{Amount, Quantity, Ranges};

/// How many plain scalars there are.
pub(super) const PLAIN_SCALARS: usize = Known::SCALARS.len();

#[derive(Clone, Debug, Default, Eq)]
pub(super) struct Group {
    pub(super) role: Option<Arc<str>>,
    pub(super) plain: [Quantity; PLAIN_SCALARS],
    pub(super) ports: Ranges,
    /// `None` if there is none.
    rest: Option<Rest>,
}

enum Place<'a> {
    /// The number in [`PLAIN`].
    Plain(usize),
    Rest(&'a What, &'a Amount),
}

impl Group {
    pub(super) fn of(role: Option<Arc<str>>) -> Group {
        Group {
            role,
            ..Group::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_none()
            && self.plain == [Quantity::ZERO; PLAIN_SCALARS]
            && self.ports.is_empty()
    }

    /// What is not plain, ordered by key.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&What, &Amount)> {
        self.rest.iter().flat_map(Rest::iter)
    }

    pub(super) fn has_role(&self, role: &Option<Arc<str>>) -> bool {
        match (&self.role, role) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    pub(super) fn key<'a>(&'a self, what: &'a What) -> Key<'a> {
        Key {
            what,
            allocated_to: self.role.as_deref(),
        }
    }

    /// Where amounts are, ordered by key: the plain one of a name comes before the others.
    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let mut plain = 0;
        let mut rest = self.rest().peekable();
        std::iter::from_fn(move || {
            while plain < PLAIN.len() && !self.has_plain(plain) {
                plain += 1;
            }
            let name = PLAIN.get(plain).map(|what| &what.name);
            if name.is_some_and(|name| rest.peek().is_none_or(|(what, _)| *name <= what.name)) {
                plain += 1;
                return Some(Place::Plain(plain - 1));
            }
            rest.next().map(|(what, amount)| Place::Rest(what, amount))
        })
    }

    fn has_plain(&self, at: usize) -> bool {
        match self.plain.get(at) {
            Some(quantity) => !quantity.is_zero(),
            None => !self.ports.is_empty(),
        }
    }

    /// Whether there is something plain of the same name, but counted in another way.
    pub(super) fn has_plain_unlike(&self, what: &What) -> bool {
        let Name::Known(known) = what.name else {
            return false;
        };
        known.kind() != what.kind && self.has_plain(known as usize)
    }

    fn plain_amount(&self, at: usize) -> Amount {
        match self.plain.get(at) {
            Some(quantity) => Amount::Scalar(*quantity),
            None => Amount::Ranges(self.ports.clone()),
        }
    }

    /// What there is, and how much, ordered by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key<'_>, Amount)> {
        self.places().map(|place| match place {
            Place::Plain(at) => (self.key(&PLAIN[at]), self.plain_amount(at)),
            Place::Rest(what, amount) => (self.key(what), amount.clone()),
        })
    }

    /// What there is, ordered by key.
    pub(super) fn whats(&self) -> impl Iterator<Item = &What> {
        self.places().map(|place| match place {
            Place::Plain(at) => &PLAIN[at],
            Place::Rest(what, _) => what,
        })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.whats().map(|what| self.key(what))
    }

    /// Adds to one of [`PLAIN`] an amount of its kind.
    pub(super) fn add_plain(&mut self, known: Known, amount: &Amount) {
        match amount {
            Amount::Scalar(quantity) => self.plain[known as usize] += *quantity,
            Amount::Ranges(ports) => self.ports.add(ports),
            // None of them is a set, or comes in copies.
            Amount::Set(_) | Amount::Copies(_) => {}
        }
    }

    /// Adds what is not plain.
    pub(super) fn put(&mut self, rest: Option<Rest>) {
        match (&mut self.rest, rest) {
            (_, None) => {}
            (None, rest) => self.rest = rest,
            (Some(have), Some(more)) => have.add(&more),
        }
    }

    pub(super) fn contains(&self, other: &Group) -> bool {
        self.plain
            .iter()
            .zip(&other.plain)
            .all(|(have, want)| have >= want)
            && self.ports.contains(&other.ports)
            && match (&self.rest, &other.rest) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(have), Some(want)) => have.contains(want),
            }
    }

    pub(super) fn add(&mut self, other: &Group) {
        for (have, more) in self.plain.iter_mut().zip(&other.plain) {
            *have += *more;
        }
        self.ports.add(&other.ports);
        match (&mut self.rest, &other.rest) {
            (_, None) => {}
            (None, rest) => self.rest = rest.clone(),
            (Some(have), Some(more)) => have.add(more),
        }
    }

    /// As [`Group::add`], of which this one is left as it is.
    pub(super) fn plus(&self, other: &Group) -> Group {
        let mut ports = self.ports.clone();
        ports.add(&other.ports);
        Group {
            role: self.role.clone(),
            plain: std::array::from_fn(|at| self.plain[at] + other.plain[at]),
            ports,
            rest: match (&self.rest, &other.rest) {
                (Some(have), Some(more)) => Some(have.plus(more)),
                (have, more) => have.clone().or_else(|| more.clone()),
            },
        }
    }

    pub(super) fn subtract(&mut self, other: &Group) {
        for (have, less) in self.plain.iter_mut().zip(&other.plain) {
            *have = have.saturating_sub(*less);
        }
        self.ports.subtract(&other.ports);
        self.rest = match (self.rest.take(), &other.rest) {
            (Some(have), Some(less)) => have.without(less),
            (have, _) => have,
        };
    }

    /// As [`Group::subtract`], of which this one is left as it is.
    pub(super) fn minus(&self, other: &Group) -> Group {
        let mut ports = self.ports.clone();
        ports.subtract(&other.ports);
        Group {
            role: self.role.clone(),
            plain: std::array::from_fn(|at| self.plain[at].saturating_sub(other.plain[at])),
            ports,
            rest: match (&self.rest, &other.rest) {
                (Some(have), Some(less)) => have.minus(less),
                (have, _) => have.clone(),
            },
        }
    }

    /// The items that please `wanted`.
    pub(super) fn filter(&self, wanted: &mut impl FnMut(&Key<'_>) -> bool) -> Group {
        let mut kept = Group::of(self.role.clone());
        for (at, quantity) in self.plain.iter().enumerate() {
            if !quantity.is_zero() && wanted(&self.key(&PLAIN[at])) {
                kept.plain[at] = *quantity;
            }
        }
        if !self.ports.is_empty() && wanted(&self.key(&PLAIN[PLAIN_SCALARS])) {
            kept.ports = self.ports.clone();
        }
        let rest = self.rest.as_ref();
        kept.rest = rest.and_then(|rest| rest.filtered(|what, _| wanted(&self.key(what))));
        kept
    }

    /// The items with other amounts, each of its kind; without those that get none.
    pub(super) fn map_amounts(
        &self,
        change: &mut impl FnMut(&Key<'_>, &Amount) -> Option<Amount>,
    ) -> Group {
        let mut changed = Group::of(self.role.clone());
        for known in Known::ALL
            .into_iter()
            .filter(|it| self.has_plain(*it as usize))
        {
            let what = &PLAIN[known as usize];
            if let Some(amount) = change(&self.key(what), &self.plain_amount(known as usize)) {
                changed.add_plain(known, &amount);
            }
        }
        let rest = self.rest.as_ref();
        changed.rest =
            rest.and_then(|rest| rest.map_amounts(|what, amount| change(&self.key(what), amount)));
        changed
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Group) -> bool {
        self.plain == other.plain
            && self.has_role(&other.role)
            && self.ports == other.ports
            && self.rest == other.rest
    }
}

/// Groups of further roles: usually none, and then they take but one word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Others(Option<Box<Groups>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Groups(Vec<Group>);

impl Others {
    pub(super) fn insert(&mut self, at: usize, group: Group) {
        self.0.get_or_insert_default().0.insert(at, group);
    }

    /// Takes the first away.
    pub(super) fn pop_first(&mut self) -> Option<Group> {
        let groups = self.0.as_mut()?;
        let first = groups.0.remove(0);
        self.tidy();
        Some(first)
    }

    /// Drops what is empty.
    pub(super) fn tidy(&mut self) {
        let Some(groups) = &mut self.0 else { return };
        groups.0.retain(|group| !group.is_empty());
        if groups.0.is_empty() {
            self.0 = None;
        }
    }
}

impl FromIterator<Group> for Others {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Others {
        let groups: Vec<Group> = groups.into_iter().collect();
        Others((!groups.is_empty()).then(|| Box::new(Groups(groups))))
    }
}

impl Deref for Others {
    type Target = [Group];

    fn deref(&self) -> &[Group] {
        self.0.as_ref().map_or(&[], |groups| &groups.0)
    }
}

impl DerefMut for Others {
    fn deref_mut(&mut self) -> &mut [Group] {
        self.0.as_mut().map_or(&mut [], |groups| &mut groups.0)
    }
}
