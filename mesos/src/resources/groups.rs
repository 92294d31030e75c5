//! The groups of a multiset: nearly always one, which needs no allocation.

use std::ops::{Deref, DerefMut};

use super::group::Group;
use super::sorted::Keyed;

/// Ordered by owner, each once, none empty. Who changes them sees to it.
#[derive(Clone, Debug)]
pub(super) enum Groups {
    One(Group),
    /// None, or several.
    Many(Vec<Group>),
}

impl Groups {
    pub(super) fn push(&mut self, group: Group) {
        match self {
            Groups::Many(several) if !several.is_empty() => several.push(group),
            Groups::Many(_) => *self = Groups::One(group),
            Groups::One(_) => {
                if let Groups::One(first) = std::mem::take(self) {
                    *self = Groups::Many(vec![first, group]);
                }
            }
        }
    }

    /// All of them, to be changed as a list.
    pub(super) fn into_vec(self) -> Vec<Group> {
        match self {
            Groups::One(only) => vec![only],
            Groups::Many(groups) => groups,
        }
    }

    /// Removes what is empty.
    pub(super) fn compact(&mut self) {
        if self.iter().any(Group::is_empty) {
            let mut groups = std::mem::take(self).into_vec();
            groups.retain(|group| !group.is_empty());
            *self = groups.into();
        }
    }
}

impl Default for Groups {
    fn default() -> Groups {
        Groups::Many(Vec::new())
    }
}

impl From<Vec<Group>> for Groups {
    #[inline]
    fn from(mut groups: Vec<Group>) -> Groups {
        match groups.len() {
            1 => groups.pop().map_or_else(Groups::default, Groups::One),
            _ => Groups::Many(groups),
        }
    }
}

impl FromIterator<Group> for Groups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Groups {
        let mut all = Groups::default();
        groups.into_iter().for_each(|group| all.push(group));
        all
    }
}

impl Deref for Groups {
    type Target = [Group];

    #[inline]
    fn deref(&self) -> &[Group] {
        match self {
            Groups::One(only) => std::slice::from_ref(only),
            Groups::Many(groups) => groups,
        }
    }
}

impl DerefMut for Groups {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Group] {
        match self {
            Groups::One(only) => std::slice::from_mut(only),
            Groups::Many(groups) => groups,
        }
    }
}

impl PartialEq for Groups {
    #[inline]
    fn eq(&self, other: &Groups) -> bool {
        **self == **other
    }
}

impl Eq for Groups {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Resources;

    /// Whichever way there came to be one.
    #[test]
    fn one_group_needs_no_list() {
        let parse = |text| Resources::parse(text, "*").unwrap();
        let all = parse("cpus:1;mem(a):2;disk(b):3");
        assert!(matches!(&all.groups, Groups::Many(three) if three.len() == 3));
        let taken = parse("mem(a):2;disk(b):3");
        let mut left = all.clone();
        left -= &taken;
        let unreserved = all.clone().to_unreserved();
        for one in [
            &left,
            &(&all - &taken),
            &unreserved,
            &parse("cpus:0;mem(a):1"),
        ] {
            assert!(matches!(&one.groups, Groups::One(_)), "{one}");
        }
        assert_eq!(left, parse("cpus:1"));
        for none in [&(&all - &all), &parse("cpus(a):0"), &Resources::new()] {
            assert!(matches!(&none.groups, Groups::Many(none) if none.is_empty()));
        }
    }
}
