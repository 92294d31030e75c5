//! Amounts of what is not plain, beside the list of what they are of.
//!
//! ```text
//! whats       cpus(ads) | mem(ads) | names     ordered, each once, none of PLAIN
//! amounts             8 |    16384 | {a, b}    none empty
//! ```
//!
//! Both are shared by clones; the whats even by what sums and differences make of them, so that
//! arithmetic is nearly always a loop over two lists of amounts.

use std::sync::Arc;

use super::Amount;
use super::key::What;

/// Never without an item.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    whats: Arc<[What]>,
    amounts: Arc<[Amount]>,
}

impl Rest {
    /// Two lists of one length: whats in order, each once, and their amounts, none empty. `None` if
    /// there are none.
    pub(super) fn of(whats: Arc<[What]>, amounts: Arc<[Amount]>) -> Option<Rest> {
        (!amounts.is_empty()).then_some(Rest { whats, amounts })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&What, &Amount)> {
        self.whats.iter().zip(self.amounts.iter())
    }

    fn has_whats_of(&self, other: &Rest) -> bool {
        Arc::ptr_eq(&self.whats, &other.whats) || are_same(&self.whats, &other.whats)
    }

    fn is_same(&self, other: &Rest) -> bool {
        Arc::ptr_eq(&self.amounts, &other.amounts) && Arc::ptr_eq(&self.whats, &other.whats)
    }

    /// Where `what` is, from `from` on. Lists are short.
    fn find(&self, from: usize, what: &What) -> Option<usize> {
        let found = self.whats[from..].iter().position(|it| it == what);
        found.map(|at| from + at)
    }

    pub(super) fn contains(&self, other: &Rest) -> bool {
        if self.is_same(other) {
            return true;
        }
        if self.has_whats_of(other) {
            let mut pairs = self.amounts.iter().zip(other.amounts.iter());
            return pairs.all(|(have, want)| have.contains(want));
        }
        // Both are in one order, so that the search goes on where it ended.
        let mut from = 0;
        other.iter().all(|(what, want)| {
            self.find(from, what).is_some_and(|at| {
                from = at + 1;
                self.amounts[at].contains(want)
            })
        })
    }

    pub(super) fn add(&mut self, other: &Rest) {
        match self.unshared(other) {
            Some(amounts) => each(amounts, other, Amount::add),
            None => *self = self.plus(other),
        }
    }

    pub(super) fn plus(&self, other: &Rest) -> Rest {
        if self.has_whats_of(other) {
            return self.changed(other, Amount::plus);
        }
        let mut sum = self.clone();
        let mut from = 0;
        let mut new = 0;
        for (what, more) in other.iter() {
            match self.find(from, what) {
                Some(at) => {
                    from = at + 1;
                    Arc::make_mut(&mut sum.amounts)[at].add(more);
                }
                None => new += 1,
            }
        }
        match new {
            0 => sum,
            new => sum.merged(other, new),
        }
    }

    /// What is left, if anything.
    pub(super) fn without(mut self, other: &Rest) -> Option<Rest> {
        match self.unshared(other) {
            None => self.minus(other),
            Some(amounts) => {
                each(amounts, other, Amount::subtract);
                self.tidied()
            }
        }
    }

    /// The same, of which this one is left as it is.
    pub(super) fn minus(&self, other: &Rest) -> Option<Rest> {
        if self.is_same(other) {
            return None;
        }
        if self.has_whats_of(other) {
            return self.changed(other, Amount::minus).tidied();
        }
        let mut left = self.clone();
        let mut from = 0;
        for (what, less) in other.iter() {
            if let Some(at) = self.find(from, what) {
                from = at + 1;
                Arc::make_mut(&mut left.amounts)[at].subtract(less);
            }
        }
        left.tidied()
    }

    /// The amounts, if they can be changed in place by those of `other`.
    fn unshared(&mut self, other: &Rest) -> Option<&mut [Amount]> {
        let alike = self.has_whats_of(other);
        Arc::get_mut(&mut self.amounts).filter(|_| alike)
    }

    /// Each amount changed by that of the same place.
    fn changed(&self, by: &Rest, changed: impl Fn(&Amount, &Amount) -> Amount) -> Rest {
        let pairs = self.amounts.iter().zip(by.amounts.iter());
        Rest {
            amounts: pairs.map(|(have, by)| changed(have, by)).collect(),
            whats: Arc::clone(&self.whats),
        }
    }

    /// Without what has become empty.
    fn tidied(self) -> Option<Rest> {
        match self.amounts.iter().any(Amount::is_empty) {
            true => self.filtered(|_, amount| !amount.is_empty()),
            false => Some(self),
        }
    }

    /// The items that please `wanted`.
    pub(super) fn filtered(&self, mut wanted: impl FnMut(&What, &Amount) -> bool) -> Option<Rest> {
        let chosen: Vec<usize> = (0..self.whats.len())
            .filter(|at| wanted(&self.whats[*at], &self.amounts[*at]))
            .collect();
        match chosen.len() {
            0 => None,
            all if all == self.whats.len() => Some(self.clone()),
            _ => Some(Rest {
                whats: chosen.iter().map(|at| self.whats[*at].clone()).collect(),
                amounts: chosen.iter().map(|at| self.amounts[*at].clone()).collect(),
            }),
        }
    }

    /// The items with other amounts, each of its kind; without those that get none.
    pub(super) fn map_amounts(
        &self,
        mut change: impl FnMut(&What, &Amount) -> Option<Amount>,
    ) -> Option<Rest> {
        let changed = self.iter().map(|(what, amount)| change(what, amount));
        let changed = changed.map(|amount| amount.unwrap_or(Amount::NOTHING));
        let changed = Rest {
            amounts: changed.collect(),
            whats: Arc::clone(&self.whats),
        };
        changed.tidied()
    }

    /// Both lists as one; of items in both, that of the first. So many are only in `more`.
    fn merged(&self, more: &Rest, new: usize) -> Rest {
        let mut whats = Vec::with_capacity(self.whats.len() + new);
        let mut amounts = Vec::with_capacity(self.whats.len() + new);
        let mut push = |(what, amount): (&What, &Amount)| {
            whats.push(what.clone());
            amounts.push(amount.clone());
        };
        let mut have = self.iter().peekable();
        for item in more.iter() {
            while let Some(next) = have.next_if(|next| next.0 < item.0) {
                push(next);
            }
            if have.peek().is_none_or(|next| next.0 != item.0) {
                push(item);
            }
        }
        have.for_each(push);
        Rest {
            whats: whats.into(),
            amounts: amounts.into(),
        }
    }
}

/// Whether the lists are equal. What follows each other usually shares its reservations, which are
/// then compared once.
fn are_same(one: &[What], other: &[What]) -> bool {
    let mut equal: Option<(&What, &What)> = None;
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            let reserved_alike = equal.is_some_and(|(above, beside)| {
                one.reservations.is_one_with(&above.reservations)
                    && other.reservations.is_one_with(&beside.reservations)
            });
            equal = Some((one, other));
            one.is_alike(other) && (reserved_alike || one.reservations == other.reservations)
        })
}

/// Changes each amount by that of the same place.
fn each(amounts: &mut [Amount], by: &Rest, change: impl Fn(&mut Amount, &Amount)) {
    let pairs = amounts.iter_mut().zip(by.amounts.iter());
    pairs.for_each(|(have, by)| change(have, by));
}

impl PartialEq for Rest {
    fn eq(&self, other: &Rest) -> bool {
        self.is_same(other) || (self.amounts == other.amounts && self.has_whats_of(other))
    }
}

impl Eq for Rest {}
