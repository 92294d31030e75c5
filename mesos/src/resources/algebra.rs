//! The multiset of resources and its arithmetic.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::gathering::Gathering;
use super::group::{Group, Owner};
use super::groups::Groups;
use super::key::{Key, Kind, What};
use super::name::Name;
use super::sorted::{self, Keyed};
use super::stack::Stack;
use super::{Amount, Quantity, ResourceError};
use crate::v1;

/// A multiset of resources in normal form: each [`Key`] once, nothing empty.
///
/// Equality, sums and differences are exact. Arithmetic never fails: a difference removes what
/// there is and ignores the rest. Where more must not be taken than is there, ask
/// [`Resources::contains`] or use [`Resources::checked_sub`].
///
/// What everybody has, reserved or not, is a row of integers: cloning, comparing and
/// [allocating](Resources::allocate) cost next to nothing.
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
    /// Ordered by owner, each once, none empty. Nearly always one.
    pub(super) groups: Groups,
}

impl Resources {
    /// Nothing.
    pub fn new() -> Resources {
        Resources::default()
    }

    /// An amount of a plain scalar such as `cpus`.
    pub fn scalar_of(name: &str, quantity: Quantity) -> Resources {
        let mut gathering = Gathering::default();
        let what = What::plain(Name::from(name), Kind::Scalar);
        let group = gathering.group(None, &Stack::NONE);
        gathering.add(group, what, Amount::Scalar(quantity));
        gathering.finish()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The items: what is allocated to one role together, of that what is reserved in one way, of that
    /// first the names that everybody has. Equal resources have one order.
    pub fn iter(&self) -> impl Iterator<Item = (Key<'_>, Amount)> {
        self.groups.iter().flat_map(Group::iter)
    }

    /// The keys, in the order of [`Resources::iter`], and cheaper.
    pub fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.groups.iter().flat_map(Group::keys)
    }

    /// Restores normal form after owners have changed, or groups have come as they were met.
    pub(super) fn normalize(&mut self) {
        if self.groups.is_sorted_by(|one, next| one.owner < next.owner) {
            return;
        }
        let mut groups = std::mem::take(&mut self.groups).into_vec();
        groups.sort_by(|one, other| one.owner.cmp(&other.owner));
        groups.dedup_by(|next, one| {
            let same = next.owner == one.owner;
            if same {
                one.add(next);
            }
            same
        });
        self.groups = groups.into();
    }

    /// Whether everything in `other` is here too.
    pub fn contains(&self, other: &Resources) -> bool {
        sorted::contains(&self.groups, &other.groups)
    }

    /// The rest, or `None` if `other` is not contained.
    pub fn checked_sub(&self, other: &Resources) -> Option<Resources> {
        self.contains(other).then(|| self - other)
    }

    /// The items whose key pleases `wanted`.
    pub fn filter(&self, mut wanted: impl FnMut(&Key<'_>) -> bool) -> Resources {
        self.changed(|group| group.filter(&mut wanted))
    }

    /// The items with the amounts that `change` gives them; `None` takes one away. A changed amount
    /// must be of the kind of the one given.
    pub fn map_amounts(
        &self,
        mut change: impl FnMut(&Key<'_>, &Amount) -> Option<Amount>,
    ) -> Resources {
        self.changed(|group| group.map_amounts(&mut change))
    }

    /// Groups of the same owners, as far as they are not empty.
    fn changed(&self, change: impl FnMut(&Group) -> Group) -> Resources {
        let groups = self.groups.iter().map(change);
        Resources {
            groups: groups.filter(|group| !group.is_empty()).collect(),
        }
    }

    /// The same for other owners.
    pub(super) fn with_owners(mut self, change: impl Fn(&mut Owner)) -> Resources {
        self.groups
            .iter_mut()
            .for_each(|group| change(&mut group.owner));
        self.normalize();
        self
    }
}

/// Where the group of `owner` is. Owners are asked for in order and each once, so that each search
/// goes on behind what the one before it found, at `from`.
#[inline]
fn find(groups: &[Group], from: &mut usize, owner: &Owner) -> Option<usize> {
    while let Some(group) = groups.get(*from) {
        // Equal is the usual, and found quicker than which comes first.
        if group.owner == *owner {
            *from += 1;
            return Some(*from - 1);
        }
        if group.owner > *owner {
            return None;
        }
        *from += 1;
    }
    None
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        let groups = &mut self.groups[..];
        let mut from = 0;
        let mut new: SmallVec<[&Group; 4]> = SmallVec::new();
        for more in other.groups.iter() {
            match find(groups, &mut from, &more.owner) {
                Some(at) => groups[at].add(more),
                None => new.push(more),
            }
        }
        if !new.is_empty() {
            let new = new.into_iter().cloned();
            new.for_each(|group| self.groups.push(group));
            self.normalize();
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
        let groups = &mut self.groups[..];
        let mut from = 0;
        for less in other.groups.iter() {
            if let Some(at) = find(groups, &mut from, &less.owner) {
                groups[at].subtract(less);
            }
        }
        self.groups.compact();
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
        let groups = match (&self.groups, &other.groups) {
            (Groups::One(one), Groups::One(other)) if one.owner == other.owner => {
                Groups::One(one.plus(other))
            }
            (all, others) => sorted::plus(all, others).into(),
        };
        Resources { groups }
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
        let groups = match (&self.groups, &other.groups) {
            (Groups::One(one), Groups::One(other)) if one.owner == other.owner => {
                let left = one.minus(other);
                match left.is_empty() {
                    true => Groups::default(),
                    false => Groups::One(left),
                }
            }
            (all, taken) => sorted::minus(all, taken).into(),
        };
        Resources { groups }
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
        assert!(size_of::<Resources>() <= 96, "{}", size_of::<Resources>());
        assert!(size_of::<Amount>() <= 24, "{}", size_of::<Amount>());
        assert!(size_of::<What>() <= 32, "{}", size_of::<What>());
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

    /// More owners than are looked through for the right one while reading.
    #[test]
    fn items_of_many_owners_add_up_wherever_they_stand() {
        let owners = (0..10).map(|n| format!("cpus(r{n}):1;apples(r{n}):2"));
        let once = owners.collect::<Vec<String>>().join(";");
        let parse = |text: &str| Resources::parse(text, "*").unwrap();
        let twice = parse(&format!("{once};{once}"));
        assert_eq!(twice, parse(&once) + parse(&once));
        assert_eq!(twice.keys().count(), 20);
        for (role, resources) in twice.reservations() {
            let expected = format!("cpus({role}):2;apples({role}):4");
            assert_eq!(resources, parse(&expected));
        }
        assert_eq!(twice.to_unreserved(), parse("cpus:20;apples:40"));
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
