//! The multiset of resources and its arithmetic.

use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::gathering::Gathering;
use super::group::{Group, Others};
use super::key::{Key, Kind, What};
use super::name::{Known, Name};
use super::{Amount, Quantity, ResourceError};
use crate::v1;

/// A multiset of resources in normal form: each [`Key`] once, nothing empty.
///
/// Equality, sums and differences are exact. Arithmetic never fails: a difference removes what
/// there is and ignores the rest. Where more must not be taken than is there, ask
/// [`Resources::contains`] or use [`Resources::checked_sub`].
///
/// What is plain (neither reserved nor special) is a row of integers, the rest is shared by
/// clones: cloning, comparing and [allocating](Resources::allocate) cost next to nothing.
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
    /// Nearly always the only one. Empty, and for nobody, if there is nothing at all.
    pub(super) first: Group,
    /// The groups of other roles; all are ordered by role, none is empty.
    pub(super) others: Others,
}

impl Resources {
    /// Nothing.
    pub fn new() -> Resources {
        Resources::default()
    }

    /// An amount of a plain scalar such as `cpus`.
    pub fn scalar_of(name: &str, quantity: Quantity) -> Resources {
        let what = What::plain(Name::from(name), Kind::Scalar);
        Resources::gathered([(None, what, Amount::Scalar(quantity))])
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The items, ordered by the role they are allocated to and by key.
    pub fn iter(&self) -> impl Iterator<Item = (Key<'_>, Amount)> {
        self.groups().flat_map(Group::iter)
    }

    /// The keys, in the order of [`Resources::iter`], and cheaper.
    pub fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.groups().flat_map(Group::keys)
    }

    /// The plain amounts of the scalars that Mesos knows, whatever they are allocated to, in the
    /// order of [`Known::SCALARS`]: no reserved ones, and no special disks.
    pub fn plain(&self) -> [Quantity; Known::SCALARS.len()] {
        let mut sum = self.first.plain;
        for group in self.others.iter() {
            for (sum, more) in sum.iter_mut().zip(&group.plain) {
                *sum += *more;
            }
        }
        sum
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        std::iter::once(&self.first).chain(self.others.iter())
    }

    /// The group allocated to `role`.
    pub(super) fn group(&self, role: &Option<Arc<str>>) -> Option<&Group> {
        self.groups().find(|group| group.has_role(role))
    }

    /// The group allocated to `role`, made if there is none. The caller puts something in.
    pub(super) fn group_mut(&mut self, role: &Option<Arc<str>>) -> &mut Group {
        if self.first.has_role(role) {
            return &mut self.first;
        }
        if self.is_empty() {
            self.first.role = role.clone();
            return &mut self.first;
        }
        if *role < self.first.role {
            let first = std::mem::replace(&mut self.first, Group::of(role.clone()));
            self.others.insert(0, first);
            return &mut self.first;
        }
        let at = self.others.partition_point(|group| group.role < *role);
        if self
            .others
            .get(at)
            .is_none_or(|group| !group.has_role(role))
        {
            self.others.insert(at, Group::of(role.clone()));
        }
        &mut self.others[at]
    }

    /// Restores normal form after amounts have gone.
    pub(super) fn tidy(&mut self) {
        self.others.tidy();
        if self.first.is_empty() {
            self.first = self.others.pop_first().unwrap_or_default();
        }
    }

    /// The sum of items: the role each is allocated to, what it is and how much, of its kind.
    pub(super) fn gathered<'a>(
        items: impl IntoIterator<Item = (Option<&'a str>, What, Amount)>,
    ) -> Resources {
        let mut gathering = Gathering::default();
        for (role, what, amount) in items {
            gathering.add(role, what, amount);
        }
        gathering.finish()
    }

    /// As [`Resources::group_mut`].
    pub(super) fn group_of(&mut self, role: Option<&str>) -> &mut Group {
        // Without an allocation for what comes next to its like.
        match self.first.role.as_deref() == role {
            true => &mut self.first,
            false => self.group_mut(&role.map(Arc::from)),
        }
    }

    /// Whether both are one group of one role, as nearly always.
    fn is_one_with(&self, other: &Resources) -> bool {
        let alone = self.others.is_empty() && other.others.is_empty();
        alone && self.first.has_role(&other.first.role)
    }

    /// Whether everything in `other` is here too.
    pub fn contains(&self, other: &Resources) -> bool {
        if self.is_one_with(other) {
            return self.first.contains(&other.first);
        }
        other
            .groups()
            .filter(|wanted| !wanted.is_empty())
            .all(|wanted| {
                self.group(&wanted.role)
                    .is_some_and(|have| have.contains(wanted))
            })
    }

    /// The rest, or `None` if `other` is not contained.
    pub fn checked_sub(&self, other: &Resources) -> Option<Resources> {
        self.contains(other).then(|| self - other)
    }

    /// The items whose key pleases `wanted`.
    pub fn filter(&self, mut wanted: impl FnMut(&Key<'_>) -> bool) -> Resources {
        let mut kept = Resources {
            first: self.first.filter(&mut wanted),
            others: self
                .others
                .iter()
                .map(|group| group.filter(&mut wanted))
                .collect(),
        };
        kept.tidy();
        kept
    }

    /// The items with the amounts that `change` gives them; `None` takes one away. A changed amount
    /// must be of the kind of the one given.
    pub fn map_amounts(
        &self,
        mut change: impl FnMut(&Key<'_>, &Amount) -> Option<Amount>,
    ) -> Resources {
        let others = self.others.iter();
        let mut changed = Resources {
            first: self.first.map_amounts(&mut change),
            others: others.map(|group| group.map_amounts(&mut change)).collect(),
        };
        changed.tidy();
        changed
    }

    /// The same amounts under changed keys. What makes amounts sums or copies must stay as it is.
    pub(super) fn rekey(&self, mut change: impl FnMut(&mut What)) -> Resources {
        Resources::gathered(self.iter().map(|(key, amount)| {
            let mut what = key.what.clone();
            change(&mut what);
            (key.allocated_to, what, amount)
        }))
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        for more in other.groups().filter(|group| !group.is_empty()) {
            self.group_mut(&more.role).add(more);
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        match self.is_empty() {
            true => *self = other,
            false => *self += &other,
        }
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        for less in other.groups() {
            let mut groups = std::iter::once(&mut self.first).chain(self.others.iter_mut());
            if let Some(have) = groups.find(|group| group.has_role(&less.role)) {
                have.subtract(less);
            }
        }
        self.tidy();
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
        if !self.is_one_with(other) || self.is_empty() {
            return self.clone() + other;
        }
        Resources {
            first: self.first.plus(&other.first),
            others: Others::default(),
        }
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
        if !self.is_one_with(other) {
            return self.clone() - other;
        }
        let mut left = Resources {
            first: self.first.minus(&other.first),
            others: Others::default(),
        };
        left.tidy();
        left
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A master holds one for each agent several times, for each task and each offer.
    #[test]
    fn resources_stay_small() {
        assert!(size_of::<Resources>() <= 104, "{}", size_of::<Resources>());
        assert!(size_of::<Amount>() <= 16, "{}", size_of::<Amount>());
        assert!(size_of::<What>() <= 96, "{}", size_of::<What>());
    }

    /// Those of one text share their reservations, those of another are others.
    #[test]
    fn one_reservation_of_many_tells_lists_apart() {
        let parse = |text| Resources::parse(text, "*").unwrap();
        let (one, other) = (parse("cpus(a):1;mem(a):1"), parse("cpus(a):1;mem(b):1"));
        assert_ne!(one, other);
        assert_ne!(other, one);
        assert!(!one.contains(&other) && !other.contains(&one));
        assert_eq!(one, parse("mem(a):1;cpus(a):1"));
        assert_eq!((&one + &other).to_string().matches("mem").count(), 2);
        assert_eq!(&one - &other, parse("mem(a):1"));
    }

    /// Lists of keys that overlap, have nothing in common, or are alike but not shared; each in place and
    /// as a new value.
    #[test]
    fn sums_and_differences_are_the_same_in_place() {
        let texts = [
            "apples:1;cpus(a):2;names:{x, y};ports(a):[1-9]",
            "apples:1;cpus(a):2;names:{x, y};ports(a):[1-9]",
            "apples:3;cpus(a):1;names:{y, z};ports(a):[5-5]",
            "bananas:1;cpus(b):2;zebras:3",
            "apples:1;zebras:3",
            "cpus:1",
            "",
        ];
        let all = texts.map(|text| Resources::parse(text, "*").unwrap());
        for (one, left) in texts.iter().zip(&all) {
            for right in &all {
                // Read again, so that nobody else has its lists.
                let mut sum = Resources::parse(one, "*").unwrap();
                sum += right;
                assert_eq!(sum, left + right);
                assert_eq!(sum, right + left);
                let mut rest = sum;
                rest -= right;
                assert_eq!(rest, &(left + right) - right);
                let mut less = Resources::parse(one, "*").unwrap();
                less -= right;
                assert_eq!(less, left - right);
                assert!(left.contains(&less));
            }
        }
        let (sum, less) = (&all[0] + &all[2], &all[0] - &all[2]);
        let expected = "apples:4;cpus(a):3;names:{x, y, z};ports(a):[1-9]";
        assert_eq!(sum, Resources::parse(expected, "*").unwrap());
        let expected = "cpus(a):1;names:{x};ports(a):[1-4,6-9]";
        assert_eq!(less, Resources::parse(expected, "*").unwrap());
    }
}
