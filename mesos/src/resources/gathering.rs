//! From items one by one, as they are read, to the multiset.

use std::cmp::Ordering;
use std::sync::Arc;

use smallvec::SmallVec;

use super::key::{Kind, What};
use super::name::{Known, Name};
use super::rest::Rest;
use super::{Amount, Resources};

/// Items in whatever order, some of them perhaps alike.
#[derive(Default)]
pub(super) struct Gathering<'a> {
    /// What is plain is where it belongs at once.
    all: Resources,
    /// The rest; the first [`FEW`] in order, each once.
    rest: SmallVec<[Found<'a>; FEW]>,
}

/// As much of the rest as most agents have needs no allocation, and is put in its place at once.
/// More is sorted at the end: who sends thousands in an unlucky order shall not make us move them
/// thousands of times.
const FEW: usize = 8;

struct Found<'a> {
    allocated_to: Option<&'a str>,
    what: What,
    amount: Amount,
}

impl<'a> Gathering<'a> {
    /// The role it is allocated to, what it is and how much, of its kind.
    pub(super) fn add(&mut self, allocated_to: Option<&'a str>, what: What, amount: Amount) {
        match what.as_plain() {
            Some(known) => self.add_plain(allocated_to, known, &amount),
            None => self.add_rest(Found {
                allocated_to,
                what,
                amount,
            }),
        }
    }

    /// As [`Gathering::add`], of what nobody reserved, and of the agent itself.
    pub(super) fn add_bare(
        &mut self,
        allocated_to: Option<&'a str>,
        name: &str,
        kind: Kind,
        amount: Amount,
    ) {
        match Known::of(name) {
            Some(known) if known.kind() == kind => self.add_plain(allocated_to, known, &amount),
            known => {
                let other = || Name::Other(name.into());
                let name = known.map_or_else(other, Name::Known);
                self.add_rest(Found {
                    allocated_to,
                    what: What::plain(name, kind),
                    amount,
                });
            }
        }
    }

    fn add_plain(&mut self, allocated_to: Option<&str>, known: Known, amount: &Amount) {
        if !amount.is_empty() {
            self.all.group_of(allocated_to).add_plain(known, amount);
        }
    }

    fn add_rest(&mut self, found: Found<'a>) {
        if found.amount.is_empty() {
            return;
        }
        if self.rest.len() >= FEW {
            self.rest.push(found);
            return;
        }
        let mut at = self.rest.len();
        while at > 0 {
            match self.rest[at - 1].order(&found) {
                Ordering::Less => break,
                Ordering::Equal => return self.rest[at - 1].amount.add(&found.amount),
                Ordering::Greater => at -= 1,
            }
        }
        match at == self.rest.len() {
            true => self.rest.push(found),
            false => self.rest.insert(at, found),
        }
    }

    /// The sum of all.
    pub(super) fn finish(&mut self) -> Resources {
        if self.rest.len() > FEW {
            self.sort();
        }
        let mut rest = &mut self.rest[..];
        while let Some(first) = rest.first() {
            let role = first.allocated_to;
            let others = rest.iter().position(|found| found.allocated_to != role);
            let (items, others) = rest.split_at_mut(others.unwrap_or(rest.len()));
            self.all.group_of(role).put(shelved(items));
            rest = others;
        }
        std::mem::take(&mut self.all)
    }

    fn sort(&mut self) {
        self.rest.sort_by(Found::order);
        self.rest.dedup_by(|next, one| {
            let same = next.order(one) == Ordering::Equal;
            if same {
                one.amount.add(&next.amount);
            }
            same
        });
    }
}

impl<'a> Found<'a> {
    fn order(&self, other: &Found<'a>) -> Ordering {
        let roles = self.allocated_to.cmp(&other.allocated_to);
        roles.then_with(|| self.what.cmp(&other.what))
    }
}

/// Takes the items away, straight into lists of the right size.
fn shelved(items: &mut [Found<'_>]) -> Option<Rest> {
    let whats = items.iter_mut();
    let whats = whats.map(|found| std::mem::replace(&mut found.what, What::NOTHING));
    let whats: Arc<[What]> = whats.collect();
    let amounts = items.iter_mut();
    let amounts = amounts.map(|found| std::mem::replace(&mut found.amount, Amount::NOTHING));
    let amounts: Arc<[Amount]> = amounts.collect();
    Rest::of(whats, amounts)
}
