//! Amounts of what is not plain, beside the list of what they are of.
//!
//! ```text
//! whats       apples | names     ordered, each once, none of PLAIN
//! amounts          8 | {a, b}    none empty
//! ```
//!
//! The whats are shared by clones and by what sums and differences make of them, so that arithmetic
//! is nearly always a loop over two lists of amounts.

use std::cmp::Ordering;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Amount;
use super::key::What;

#[derive(Clone, Debug, Eq)]
pub(super) struct Rest {
    whats: Arc<[What]>,
    amounts: Amounts,
}

/// As many as most lists have need no allocation of their own.
pub(super) type Amounts = SmallVec<[Amount; 2]>;

impl Rest {
    /// Two lists of one length: whats in order, each once, and their amounts, none empty.
    pub(super) fn of(whats: Arc<[What]>, amounts: Amounts) -> Rest {
        Rest { whats, amounts }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.amounts.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&What, &Amount)> {
        self.whats.iter().zip(self.amounts.iter())
    }

    fn has_whats_of(&self, other: &Rest) -> bool {
        Arc::ptr_eq(&self.whats, &other.whats) || self.whats == other.whats
    }

    /// Where `what` is. They are asked for in order, so that each search goes on where the one
    /// before it ended, at `from`.
    fn find(&self, from: &mut usize, what: &What) -> Option<usize> {
        while let Some(have) = self.whats.get(*from) {
            match have.cmp(what) {
                Ordering::Less => *from += 1,
                Ordering::Equal => return Some(*from),
                Ordering::Greater => break,
            }
        }
        None
    }

    pub(super) fn contains(&self, other: &Rest) -> bool {
        if self.has_whats_of(other) {
            let mut pairs = self.amounts.iter().zip(other.amounts.iter());
            return pairs.all(|(have, want)| have.contains(want));
        }
        let mut from = 0;
        other.iter().all(|(what, want)| {
            let found = self.find(&mut from, what);
            found.is_some_and(|at| self.amounts[at].contains(want))
        })
    }

    pub(super) fn plus(&self, other: &Rest) -> Rest {
        if let Some(sum) = self.paired(other, Amount::plus) {
            return sum;
        }
        let mut sum = self.clone();
        match sum.change(other, Amount::plus) < other.whats.len() {
            true => sum.merged(other),
            false => sum,
        }
    }

    /// What is not there is ignored. Perhaps nothing is left.
    pub(super) fn minus(&self, other: &Rest) -> Rest {
        let left = self.paired(other, Amount::minus).unwrap_or_else(|| {
            let mut left = self.clone();
            left.change(other, Amount::minus);
            left
        });
        match left.amounts.iter().any(Amount::is_empty) {
            true => left.filtered(|_, amount| !amount.is_empty()),
            false => left,
        }
    }

    /// The amounts of both, pair by pair, if they are of the same whats; so they are of an agent and
    /// what is taken from it.
    #[inline]
    fn paired(&self, other: &Rest, with: impl Fn(&Amount, &Amount) -> Amount) -> Option<Rest> {
        let (all, others) = (&self.amounts[..], &other.amounts[..]);
        self.has_whats_of(other).then(|| Rest {
            amounts: match (all, others) {
                ([one, two], [first, second]) => {
                    Amounts::from_buf([with(one, first), with(two, second)])
                }
                _ => all.iter().zip(others).map(|(a, b)| with(a, b)).collect(),
            },
            whats: Arc::clone(&self.whats),
        })
    }

    /// Changes the amount of what is in both by the other's. Returns how many are.
    fn change(&mut self, by: &Rest, change: impl Fn(&Amount, &Amount) -> Amount) -> usize {
        let (mut from, mut found) = (0, 0);
        for (what, by) in by.iter() {
            if let Some(at) = self.find(&mut from, what) {
                self.amounts[at] = change(&self.amounts[at], by);
                found += 1;
            }
        }
        found
    }

    /// The items that please `wanted`; perhaps none.
    pub(super) fn filtered(&self, mut wanted: impl FnMut(&What, &Amount) -> bool) -> Rest {
        let mut kept: Rest = (self.iter())
            .filter(|(what, amount)| wanted(what, amount))
            .collect();
        if kept.whats.len() == self.whats.len() {
            kept.whats = Arc::clone(&self.whats);
        }
        kept
    }

    /// The items with other amounts, each of its kind; without those that get none.
    pub(super) fn map_amounts(
        &self,
        mut change: impl FnMut(&What, &Amount) -> Option<Amount>,
    ) -> Rest {
        let changed = self.iter().map(|(what, amount)| change(what, amount));
        let changed = changed.map(|amount| amount.unwrap_or(Amount::NOTHING));
        let changed = Rest {
            amounts: changed.collect(),
            whats: Arc::clone(&self.whats),
        };
        changed.filtered(|_, amount| !amount.is_empty())
    }

    /// Both lists as one; of items in both, that of the first.
    fn merged(&self, more: &Rest) -> Rest {
        let mut all: Vec<(&What, &Amount)> = self.iter().chain(more.iter()).collect();
        all.sort_by_key(|(what, _)| *what);
        all.dedup_by_key(|(what, _)| *what);
        all.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a What, &'a Amount)> for Rest {
    fn from_iter<I: IntoIterator<Item = (&'a What, &'a Amount)>>(items: I) -> Rest {
        let items = items.into_iter();
        let items = items.map(|(what, amount)| (what.clone(), amount.clone()));
        let (whats, amounts): (Vec<What>, Amounts) = items.unzip();
        Rest::of(whats.into(), amounts)
    }
}

impl PartialEq for Rest {
    fn eq(&self, other: &Rest) -> bool {
        self.amounts == other.amounts && self.has_whats_of(other)
    }
}
