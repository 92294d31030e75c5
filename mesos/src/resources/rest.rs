//! What of a group is not plain: made-up names, special disks, revocable resources. A list of items.

use super::Amount;
use super::key::What;
use super::sorted::{self, Keyed};

/// Items in order of what they are, each once, none empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rest(Box<[Item]>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) amount: Amount,
}

impl Keyed for Item {
    type Key = What;

    #[inline(always)]
    fn key(&self) -> &What {
        &self.what
    }

    fn is_empty(&self) -> bool {
        self.amount.is_empty()
    }

    fn contains(&self, wanted: &Item) -> bool {
        self.amount.contains(&wanted.amount)
    }

    // In place, so that they are built where they stay.

    #[inline(always)]
    fn plus(&self, more: &Item) -> Item {
        self.with(self.amount.plus(&more.amount))
    }

    #[inline(always)]
    fn minus(&self, less: &Item) -> Item {
        self.with(self.amount.minus(&less.amount))
    }
}

impl Item {
    #[inline(always)]
    fn with(&self, amount: Amount) -> Item {
        let what = self.what.clone();
        Item { what, amount }
    }
}

impl Rest {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&What, &Amount)> {
        self.0.iter().map(|item| (&item.what, &item.amount))
    }

    pub(super) fn contains(&self, other: &Rest) -> bool {
        sorted::contains(&self.0, &other.0)
    }

    #[inline]
    pub(super) fn plus(&self, other: &Rest) -> Rest {
        match other.is_empty() {
            true => self.clone(),
            false => Rest(sorted::plus(&self.0, &other.0).into()),
        }
    }

    /// What is not there is ignored.
    #[inline]
    pub(super) fn minus(&self, other: &Rest) -> Rest {
        match other.is_empty() {
            true => self.clone(),
            false => Rest(sorted::minus(&self.0, &other.0).into()),
        }
    }

    /// The items that please `wanted`.
    pub(super) fn filtered(&self, mut wanted: impl FnMut(&What) -> bool) -> Rest {
        let kept = self.0.iter().filter(|item| wanted(&item.what));
        kept.cloned().collect()
    }

    /// The items with other amounts, each of its kind; without those that get none.
    pub(super) fn map_amounts(
        &self,
        mut change: impl FnMut(&What, &Amount) -> Option<Amount>,
    ) -> Rest {
        let changed = self.0.iter().filter_map(|item| {
            let amount = change(&item.what, &item.amount)?;
            (!amount.is_empty()).then(|| item.with(amount))
        });
        changed.collect()
    }
}

/// Most are empty.
impl Clone for Rest {
    #[inline]
    fn clone(&self) -> Rest {
        match self.is_empty() {
            true => Rest::default(),
            false => Rest(self.0.clone()),
        }
    }
}

/// Of items in order, each once, none empty.
impl FromIterator<Item> for Rest {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Rest {
        Rest(items.into_iter().collect())
    }
}
