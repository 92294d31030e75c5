//! From items one by one, as they are read, to the multiset.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::group::{Group, Owner};
use super::key::What;
use super::name::Known;
use super::rest::Item;
use super::stack::Stack;
use super::{Amount, Resources};

/// Items in whatever order, some of them perhaps alike.
#[derive(Default)]
pub(super) struct Gathering {
    /// As they were met. What is plain is where it belongs at once.
    all: Resources,
    /// The rest.
    rest: SmallVec<[Found; FEW]>,
}

struct Found {
    /// The number of the group that it belongs to.
    group: usize,
    what: What,
    amount: Amount,
}

/// As many of the rest as most agents have need no allocation; and so many groups are looked
/// through for the right one. Who sends thousands gets some twice, which are joined at the end.
const FEW: usize = 4;

impl Gathering {
    /// The number of the group of an owner, made if it is not among the latest few.
    pub(super) fn group(&mut self, allocated_to: Option<&str>, reservations: &Stack) -> usize {
        let groups = &mut self.all.groups;
        let few = groups.len().saturating_sub(FEW);
        let found =
            (groups[few..].iter()).rposition(|group| group.owner.is(allocated_to, reservations));
        if let Some(at) = found {
            return few + at;
        }
        groups.push(Group::of(Owner {
            allocated_to: allocated_to.map(Into::into),
            reservations: reservations.clone(),
        }));
        groups.len() - 1
    }

    /// What it is and how much, of its kind.
    #[inline]
    pub(super) fn add(&mut self, group: usize, what: What, amount: Amount) {
        match what.as_plain() {
            Some(known) => self.add_plain(group, known, &amount),
            None => self.add_special(group, what, amount),
        }
    }

    /// As [`Gathering::add`], of what is plain.
    #[inline(always)]
    pub(super) fn add_plain(&mut self, group: usize, known: Known, amount: &Amount) {
        self.all.groups[group].add_plain(known, amount);
    }

    /// As [`Gathering::add`], of what is not.
    pub(super) fn add_special(&mut self, group: usize, what: What, amount: Amount) {
        if amount.is_empty() {
            return;
        }
        let found = Found {
            group,
            what,
            amount,
        };
        // A few are put where they belong; many are sorted at the end.
        let few = self.rest.len() < FEW;
        let before = |other: &&Found| few && found.order(other).is_lt();
        let behind = self.rest.iter().rev().take_while(before).count();
        self.rest.insert(self.rest.len() - behind, found);
    }

    /// The sum of all.
    pub(super) fn finish(&mut self) -> Resources {
        if !self.rest.is_sorted_by(|one, next| one.order(next).is_lt()) {
            self.join();
        }
        let mut all = std::mem::take(&mut self.all);
        for items in self.rest.chunk_by_mut(|one, next| one.group == next.group) {
            let group = items[0].group;
            let items = items.iter_mut().map(|found| Item {
                what: std::mem::replace(&mut found.what, What::NOTHING),
                amount: std::mem::replace(&mut found.amount, Amount::NOTHING),
            });
            all.groups[group].put(items.collect());
        }
        all.groups.compact();
        all.normalize();
        all
    }

    /// Puts the rest in order, and joins what is of one kind.
    fn join(&mut self) {
        self.rest.sort_by(Found::order);
        self.rest.dedup_by(|next, one| {
            let same = next.order(one).is_eq();
            if same {
                one.amount = one.amount.plus(&next.amount);
            }
            same
        });
    }
}

impl Found {
    fn order(&self, other: &Found) -> Ordering {
        let groups = self.group.cmp(&other.group);
        groups.then_with(|| self.what.cmp(&other.what))
    }
}
