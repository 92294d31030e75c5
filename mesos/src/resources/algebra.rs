//! The multiset of resources and its arithmetic.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Key, Kind, Quantity, Ranges, ResourceError};
use crate::v1;

/// A multiset of resources in normal form: each [`Key`] once, nothing empty.
///
/// Equality, sums and differences are exact. Arithmetic never fails: a difference removes what
/// there is and ignores the rest. Where more must not be taken than is there, ask
/// [`Resources::contains`] or use [`Resources::checked_sub`].
///
/// ```
/// use mesos::resources::{Quantity, Resources};
///
/// let agent = Resources::parse("cpus:4;mem:1024;ports:[31000-32000]", "*").unwrap();
/// let task = Resources::parse("cpus:0.1;mem:32;ports:[31000-31000]", "*").unwrap();
/// assert!(agent.contains(&task));
/// let left = agent - task;
/// assert_eq!(left.cpus(), Quantity::from_milli(3900));
/// assert_eq!(left.to_string(), "cpus:3.9; mem:992; ports:[31001-32000]");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<v1::Resource>", into = "Vec<v1::Resource>")]
pub struct Resources {
    items: BTreeMap<Arc<Key>, Amount>,
}

/// How much there is of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A sum.
    Scalar(Quantity),
    /// Integers.
    Ranges(Ranges),
    /// Words.
    Set(BTreeSet<String>),
    /// Copies of something that cannot be divided, each of [`Key::size`]. For shared resources
    /// this counts their users.
    Copies(u32),
}

impl Resources {
    /// Nothing.
    pub fn new() -> Resources {
        Resources::default()
    }

    /// An amount of a plain scalar such as `cpus`.
    pub fn scalar_of(name: &str, quantity: Quantity) -> Resources {
        let mut resources = Resources::new();
        resources.insert(
            Arc::new(Key::plain(name, Kind::Scalar)),
            Amount::Scalar(quantity),
        );
        resources
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Amount)> {
        self.items.iter().map(|(key, amount)| (&**key, amount))
    }

    /// Adds an amount, which fits the key's kind.
    pub(super) fn insert(&mut self, key: Arc<Key>, amount: Amount) {
        if amount.is_empty() {
            return;
        }
        match self.items.get_mut(&*key) {
            Some(present) => present.add(&amount),
            None => {
                self.items.insert(key, amount);
            }
        }
    }

    /// Whether everything in `other` is here too.
    pub fn contains(&self, other: &Resources) -> bool {
        other.items.iter().all(|(key, wanted)| {
            self.items
                .get(key)
                .is_some_and(|have| have.contains(wanted))
        })
    }

    /// The rest, or `None` if `other` is not contained.
    pub fn checked_sub(&self, other: &Resources) -> Option<Resources> {
        self.contains(other).then(|| self - other)
    }

    /// The items whose key pleases `wanted`.
    pub fn filter(&self, mut wanted: impl FnMut(&Key) -> bool) -> Resources {
        let items = self.items.iter().filter(|(key, _)| wanted(key));
        Resources {
            items: items
                .map(|(key, amount)| (key.clone(), amount.clone()))
                .collect(),
        }
    }

    /// The same amounts under changed keys.
    pub(super) fn rekey(self, mut change: impl FnMut(&mut Key)) -> Resources {
        let mut changed = Resources::new();
        for (mut key, amount) in self.items {
            change(Arc::make_mut(&mut key));
            changed.insert(key, amount);
        }
        changed
    }
}

impl Amount {
    fn is_empty(&self) -> bool {
        match self {
            Amount::Scalar(quantity) => *quantity <= Quantity::ZERO,
            Amount::Ranges(ranges) => ranges.is_empty(),
            Amount::Set(words) => words.is_empty(),
            Amount::Copies(count) => *count == 0,
        }
    }

    // Equal keys have amounts of the same variant (kind and size are in the key), so the last arm
    // of each of the following is never taken.

    fn contains(&self, wanted: &Amount) -> bool {
        match (self, wanted) {
            (Amount::Scalar(have), Amount::Scalar(want)) => have >= want,
            (Amount::Ranges(have), Amount::Ranges(want)) => have.contains(want),
            (Amount::Set(have), Amount::Set(want)) => have.is_superset(want),
            (Amount::Copies(have), Amount::Copies(want)) => have >= want,
            _ => false,
        }
    }

    fn add(&mut self, more: &Amount) {
        match (self, more) {
            (Amount::Scalar(have), Amount::Scalar(more)) => *have += *more,
            (Amount::Ranges(have), Amount::Ranges(more)) => have.add(more),
            (Amount::Set(have), Amount::Set(more)) => have.extend(more.iter().cloned()),
            (Amount::Copies(have), Amount::Copies(more)) => *have = have.saturating_add(*more),
            _ => {}
        }
    }

    fn subtract(&mut self, less: &Amount) {
        match (self, less) {
            (Amount::Scalar(have), Amount::Scalar(less)) => *have = have.saturating_sub(*less),
            (Amount::Ranges(have), Amount::Ranges(less)) => have.subtract(less),
            (Amount::Set(have), Amount::Set(less)) => have.retain(|word| !less.contains(word)),
            (Amount::Copies(have), Amount::Copies(less)) => *have = have.saturating_sub(*less),
            _ => {}
        }
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        for (key, amount) in &other.items {
            match self.items.get_mut(key) {
                Some(present) => present.add(amount),
                None => {
                    self.items.insert(key.clone(), amount.clone());
                }
            }
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        if self.is_empty() {
            *self = other;
            return;
        }
        for (key, amount) in other.items {
            self.insert(key, amount);
        }
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        for (key, amount) in &other.items {
            if let Some(present) = self.items.get_mut(key) {
                present.subtract(amount);
                if present.is_empty() {
                    self.items.remove(key);
                }
            }
        }
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Resources) {
        *self -= &other;
    }
}

impl Add<&Resources> for Resources {
    type Output = Resources;
    fn add(mut self, other: &Resources) -> Resources {
        self += other;
        self
    }
}

impl Add for Resources {
    type Output = Resources;
    fn add(mut self, other: Resources) -> Resources {
        self += other;
        self
    }
}

impl Add for &Resources {
    type Output = Resources;
    fn add(self, other: &Resources) -> Resources {
        self.clone() + other
    }
}

impl Sub<&Resources> for Resources {
    type Output = Resources;
    fn sub(mut self, other: &Resources) -> Resources {
        self -= other;
        self
    }
}

impl Sub for Resources {
    type Output = Resources;
    fn sub(self, other: Resources) -> Resources {
        self - &other
    }
}

impl Sub for &Resources {
    type Output = Resources;
    fn sub(self, other: &Resources) -> Resources {
        self.clone() - other
    }
}

impl std::iter::Sum for Resources {
    fn sum<I: Iterator<Item = Resources>>(all: I) -> Resources {
        all.fold(Resources::new(), |sum, more| sum + more)
    }
}

impl<'a> std::iter::Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(all: I) -> Resources {
        all.fold(Resources::new(), |sum, more| sum + more)
    }
}

impl TryFrom<Vec<v1::Resource>> for Resources {
    type Error = ResourceError;
    fn try_from(messages: Vec<v1::Resource>) -> Result<Resources, ResourceError> {
        Resources::from_v1(&messages)
    }
}

impl From<Resources> for Vec<v1::Resource> {
    fn from(resources: Resources) -> Vec<v1::Resource> {
        resources.to_v1(super::Format::PostRefinement)
    }
}
