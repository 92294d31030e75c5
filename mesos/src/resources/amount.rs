//! How much there is of an item.

use super::key::{Kind, What};
use super::{Quantity, Ranges, Words};

/// How much there is of an item. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A sum.
    Scalar(Quantity),
    /// Integers.
    Ranges(Ranges),
    /// Words.
    Set(Words),
    /// Copies of something that cannot be divided, each of [`super::Special::size`]. For shared resources
    /// this counts their users.
    Copies(u32),
}

impl Amount {
    /// Nothing, to leave behind where one is taken.
    pub(super) const NOTHING: Amount = Amount::Scalar(Quantity::ZERO);

    /// How it is counted.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Amount::Scalar(_) | Amount::Copies(_) => Kind::Scalar,
            Amount::Ranges(_) => Kind::Ranges,
            Amount::Set(_) => Kind::Set,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Amount::Scalar(quantity) => *quantity <= Quantity::ZERO,
            Amount::Ranges(ranges) => ranges.is_empty(),
            Amount::Set(words) => words.is_empty(),
            Amount::Copies(count) => *count == 0,
        }
    }

    /// The quantity that an amount of a scalar stands for. A shared item counts once, however many
    /// use it. Nothing for ranges and sets.
    pub fn quantity(&self, of: &What) -> Option<Quantity> {
        match self {
            Amount::Scalar(quantity) => Some(*quantity),
            Amount::Copies(_) if of.shared => of.size,
            Amount::Copies(count) => of
                .size
                .map(|size| Quantity::from_milli(size.milli().saturating_mul(i64::from(*count)))),
            Amount::Ranges(_) | Amount::Set(_) => None,
        }
    }

    // Equal keys have amounts of the same variant (kind and size are in the key), so the last arm
    // of each of the following is never taken.

    pub(super) fn contains(&self, wanted: &Amount) -> bool {
        match (self, wanted) {
            (Amount::Scalar(have), Amount::Scalar(want)) => have >= want,
            (Amount::Ranges(have), Amount::Ranges(want)) => have.contains(want),
            (Amount::Set(have), Amount::Set(want)) => have.contains(want),
            (Amount::Copies(have), Amount::Copies(want)) => have >= want,
            _ => false,
        }
    }

    #[inline(always)]
    pub(super) fn plus(&self, more: &Amount) -> Amount {
        match (self, more) {
            (Amount::Scalar(have), Amount::Scalar(more)) => Amount::Scalar(*have + *more),
            (Amount::Ranges(have), Amount::Ranges(more)) => Amount::Ranges(have.plus(more)),
            (Amount::Set(have), Amount::Set(more)) => Amount::Set(have.plus(more)),
            (Amount::Copies(have), Amount::Copies(more)) => {
                Amount::Copies(have.saturating_add(*more))
            }
            _ => self.clone(),
        }
    }

    #[inline(always)]
    pub(super) fn minus(&self, less: &Amount) -> Amount {
        match (self, less) {
            (Amount::Scalar(have), Amount::Scalar(less)) => {
                Amount::Scalar(have.saturating_sub(*less))
            }
            (Amount::Ranges(have), Amount::Ranges(less)) => Amount::Ranges(have.minus(less)),
            (Amount::Set(have), Amount::Set(less)) => Amount::Set(have.minus(less)),
            (Amount::Copies(have), Amount::Copies(less)) => {
                Amount::Copies(have.saturating_sub(*less))
            }
            _ => self.clone(),
        }
    }
}
