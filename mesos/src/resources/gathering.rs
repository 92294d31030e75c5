//! From items one by one, as they are read, to the multiset.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::group::{Group, Owner};
use super::key::{Kind, Stack, What};
use super::name::{Known, Name};
use super::rest::Rest;
use super::{Amount, Resources};

/// Items in whatever order, some of them perhaps alike.
#[derive(Default)]
pub(super) struct Gathering {
    /// As they were met. What is plain is where it belongs at once.
    all: Resources,
    /// The group that the latest item belongs to; so does the next one, nearly always.
    latest: usize,
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
    /// Whose it is, what it is and how much, of its kind.
    pub(super) fn add(
        &mut self,
        allocated_to: Option<&str>,
        reservations: &Stack,
        what: What,
        amount: Amount,
    ) {
        if let Some(known) = what.as_plain() {
            return self.add_plain(allocated_to, reservations, known, &amount);
        }
        if !amount.is_empty() {
            let group = self.group(allocated_to, reservations);
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
    }

    /// As [`Gathering::add`], of the agent itself, neither revocable nor a special disk.
    #[inline]
    pub(super) fn add_bare(
        &mut self,
        allocated_to: Option<&str>,
        reservations: &Stack,
        name: &str,
        kind: Kind,
        amount: Amount,
    ) {
        match Known::of(name).filter(|known| known.kind() == kind) {
            Some(known) => self.add_plain(allocated_to, reservations, known, &amount),
            None => {
                let what = What::plain(Name::from(name), kind);
                self.add(allocated_to, reservations, what, amount);
            }
        }
    }

    #[inline]
    fn add_plain(
        &mut self,
        allocated_to: Option<&str>,
        reservations: &Stack,
        known: Known,
        amount: &Amount,
    ) {
        if !amount.is_empty() {
            let group = self.group(allocated_to, reservations);
            self.all.groups[group].add_plain(known, amount);
        }
    }

    /// The number of the group, made if it is not among the latest few.
    #[inline]
    fn group(&mut self, allocated_to: Option<&str>, reservations: &Stack) -> usize {
        let latest = self.all.groups.get(self.latest);
        if !latest.is_some_and(|group| group.owner.is(allocated_to, reservations)) {
            self.latest = self.another_group(allocated_to, reservations);
        }
        self.latest
    }

    fn another_group(&mut self, allocated_to: Option<&str>, reservations: &Stack) -> usize {
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

    /// The sum of all.
    pub(super) fn finish(mut self) -> Resources {
        if !self.rest.is_sorted_by(|one, next| one.order(next).is_lt()) {
            self.join();
        }
        for items in self.rest.chunk_by_mut(|one, next| one.group == next.group) {
            self.all.groups[items[0].group].put(taken(items));
        }
        self.all.normalize();
        self.all
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

/// Straight into lists of the right size.
fn taken(items: &mut [Found]) -> Rest {
    let whats = items.iter_mut();
    let whats = whats.map(|found| std::mem::replace(&mut found.what, What::NOTHING));
    let whats = whats.collect();
    let amounts = items.iter_mut();
    let amounts = amounts.map(|found| std::mem::replace(&mut found.amount, Amount::NOTHING));
    Rest::of(whats, amounts.collect())
}
