//! Resources allocated to one role, or to nobody: the rows of integers under [`Resources`].
//!
//! ```text
//! role        whom it is allocated to
//! plain       cpus | disk | gpus | mem      what nobody has reserved: a row of integers
//! ports       and its ports
//! rest        (key, amount) | ...           everything else, ordered by key, shared by clones
//! ```
//!
//! [`Resources`]: super::Resources

use std::cmp::Ordering;
use std::sync::Arc;

use super::key::{Key, PLAIN, What};
use super::name::Known;
use super::{Amount, Quantity, Ranges};

/// How many plain scalars there are.
pub(super) const PLAIN_SCALARS: usize = Known::SCALARS.len();

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) role: Option<Arc<str>>,
    pub(super) plain: [Quantity; PLAIN_SCALARS],
    pub(super) ports: Ranges,
    rest: Rest,
}

/// Ordered by key, each key once, no amount empty, none of [`PLAIN`]. `None` if there are none.
type Rest = Option<Arc<[Item]>>;

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) what: Arc<What>,
    pub(super) amount: Amount,
}

enum Place<'a> {
    /// The number in [`PLAIN`].
    Plain(usize),
    Rest(&'a Item),
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

    pub(super) fn rest(&self) -> &[Item] {
        self.rest.as_deref().unwrap_or_default()
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
        let mut rest = self.rest().iter().peekable();
        std::iter::from_fn(move || {
            while plain < PLAIN.len() && !self.has_plain(plain) {
                plain += 1;
            }
            let name = PLAIN.get(plain).map(|what| &what.name);
            if name.is_some_and(|name| rest.peek().is_none_or(|item| *name <= item.what.name)) {
                plain += 1;
                return Some(Place::Plain(plain - 1));
            }
            rest.next().map(Place::Rest)
        })
    }

    fn has_plain(&self, at: usize) -> bool {
        match self.plain.get(at) {
            Some(quantity) => !quantity.is_zero(),
            None => !self.ports.is_empty(),
        }
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
            Place::Rest(item) => (self.key(&item.what), item.amount.clone()),
        })
    }

    /// What there is, ordered by key.
    pub(super) fn whats(&self) -> impl Iterator<Item = &What> {
        self.places().map(|place| match place {
            Place::Plain(at) => &PLAIN[at],
            Place::Rest(item) => &*item.what,
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

    /// Adds items that are ordered by key, each key once.
    pub(super) fn put(&mut self, items: Vec<Item>) {
        match self.rest.is_none() {
            true => self.rest = shelve(items),
            false => self.add_rest(&items),
        }
    }

    pub(super) fn contains(&self, other: &Group) -> bool {
        self.plain
            .iter()
            .zip(&other.plain)
            .all(|(have, want)| have >= want)
            && self.ports.contains(&other.ports)
            && self.contains_rest(other)
    }

    fn contains_rest(&self, other: &Group) -> bool {
        if same_rest(&self.rest, &other.rest) {
            return true;
        }
        // Both are in one order, so that the search goes on where it ended.
        let mut have = self.rest().iter();
        other.rest().iter().all(|wanted| {
            have.find(|item| What::same(&item.what, &wanted.what))
                .is_some_and(|item| item.amount.contains(&wanted.amount))
        })
    }

    pub(super) fn add(&mut self, other: &Group) {
        for (have, more) in self.plain.iter_mut().zip(&other.plain) {
            *have += *more;
        }
        self.ports.add(&other.ports);
        match (&self.rest, &other.rest) {
            (_, None) => {}
            (None, rest) => self.rest = rest.clone(),
            (Some(_), Some(more)) => self.add_rest(more),
        }
    }

    pub(super) fn subtract(&mut self, other: &Group) {
        for (have, less) in self.plain.iter_mut().zip(&other.plain) {
            *have = have.saturating_sub(*less);
        }
        self.ports.subtract(&other.ports);
        if same_rest(&self.rest, &other.rest) {
            self.rest = None;
            return;
        }
        let (Some(have), Some(less)) = (&mut self.rest, &other.rest) else {
            return;
        };
        let mut from = 0;
        let mut emptied = false;
        for item in less.iter() {
            if let Some(at) = find(have, from, &item.what) {
                from = at + 1;
                let amount = &mut Arc::make_mut(have)[at].amount;
                amount.subtract(&item.amount);
                emptied |= amount.is_empty();
            }
        }
        if emptied {
            let left = have.iter().filter(|item| !item.amount.is_empty());
            self.rest = shelve(left.cloned().collect());
        }
    }

    /// Adds items that are ordered by key to those that are there.
    fn add_rest(&mut self, more: &[Item]) {
        let Some(have) = &mut self.rest else {
            return;
        };
        let mut from = 0;
        let mut new = 0;
        for item in more {
            match find(have, from, &item.what) {
                Some(at) => {
                    from = at + 1;
                    Arc::make_mut(have)[at].amount.add(&item.amount);
                }
                None => new += 1,
            }
        }
        if new > 0 {
            self.rest = shelve(merged(have, more));
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
        let Some(rest) = &self.rest else {
            return kept;
        };
        let chosen = rest.iter().filter(|item| wanted(&self.key(&item.what)));
        let chosen: Vec<Item> = chosen.cloned().collect();
        kept.rest = match chosen.len() == rest.len() {
            true => self.rest.clone(),
            false => shelve(chosen),
        };
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
        let mut rest = Vec::new();
        for Item { what, amount } in self.rest() {
            let amount = change(&self.key(what), amount);
            rest.extend(
                amount
                    .filter(|amount| !amount.is_empty())
                    .map(|amount| Item {
                        what: what.clone(),
                        amount,
                    }),
            );
        }
        changed.rest = shelve(rest);
        changed
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Group) -> bool {
        self.plain == other.plain
            && self.has_role(&other.role)
            && self.ports == other.ports
            && (same_rest(&self.rest, &other.rest) || self.rest() == other.rest())
    }
}

impl Eq for Group {}

impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        What::same(&self.what, &other.what) && self.amount == other.amount
    }
}

/// Whether they are one allocation: equal without a look.
fn same_rest(a: &Rest, b: &Rest) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Where the key is, from `from` on. Lists are short, and most keys are told apart, or found to be
/// the same, by one integer.
fn find(items: &[Item], from: usize, what: &Arc<What>) -> Option<usize> {
    let found = items[from..]
        .iter()
        .position(|item| What::same(&item.what, what));
    found.map(|at| from + at)
}

/// Both lists as one; of keys in both, the item of the first.
fn merged(have: &[Item], more: &[Item]) -> Vec<Item> {
    let mut all = Vec::with_capacity(have.len() + more.len());
    let mut have = have.iter().peekable();
    for item in more {
        loop {
            let Some(next) = have.peek() else {
                all.push(item.clone());
                break;
            };
            if What::same(&next.what, &item.what) {
                break;
            }
            match next.what.cmp(&item.what) {
                Ordering::Greater => {
                    all.push(item.clone());
                    break;
                }
                _ => all.extend(have.next().cloned()),
            }
        }
    }
    all.extend(have.cloned());
    all
}

fn shelve(items: Vec<Item>) -> Rest {
    (!items.is_empty()).then(|| items.into())
}
