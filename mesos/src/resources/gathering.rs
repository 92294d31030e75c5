//! From items one by one, as they are read, to the multiset.

use smallvec::SmallVec;

use super::key::What;
use super::name::Known;
use super::rest::Rest;
use super::{Amount, Resources};

/// Items in whatever order, some of them perhaps alike.
#[derive(Default)]
pub(super) struct Gathering<'a> {
    /// What is plain is where it belongs at once.
    all: Resources,
    /// As much of the rest as most agents have needs no allocation.
    rest: SmallVec<[Found<'a>; 8]>,
}

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
            None if amount.is_empty() => {}
            None => self.rest.push(Found {
                allocated_to,
                what,
                amount,
            }),
        }
    }

    /// The same of a name that Mesos knows, and that needs no key.
    pub(super) fn add_plain(&mut self, allocated_to: Option<&str>, known: Known, amount: &Amount) {
        if !amount.is_empty() {
            self.all.group_of(allocated_to).add_plain(known, amount);
        }
    }

    /// The sum of all.
    pub(super) fn finish(&mut self) -> Resources {
        self.sort();
        let mut rest = &mut self.rest[..];
        while let Some(first) = rest.first() {
            let role = first.allocated_to;
            let until = rest.partition_point(|found| found.allocated_to == role);
            let (items, others) = rest.split_at_mut(until);
            self.all.group_of(role).put(shelved(items));
            rest = others;
        }
        std::mem::take(&mut self.all)
    }

    /// Orders the rest, each once; what we have written ourselves is read in this order.
    fn sort(&mut self) {
        if self
            .rest
            .is_sorted_by(|one, next| one.order() < next.order())
        {
            return;
        }
        self.rest
            .sort_by(|one, next| one.order().cmp(&next.order()));
        self.rest.dedup_by(|next, one| {
            let same = next.order() == one.order();
            if same {
                one.amount.add(&next.amount);
            }
            same
        });
    }
}

impl Found<'_> {
    fn order(&self) -> (Option<&str>, &What) {
        (self.allocated_to, &self.what)
    }
}

/// Takes the items away, straight into lists of the right size.
fn shelved(items: &mut [Found<'_>]) -> Option<Rest> {
    let whats = items.iter_mut();
    let whats = whats.map(|found| std::mem::replace(&mut found.what, What::NOTHING));
    let whats: std::sync::Arc<[What]> = whats.collect();
    let amounts = items.iter_mut();
    let amounts = amounts.map(|found| std::mem::replace(&mut found.amount, Amount::NOTHING));
    let amounts: std::sync::Arc<[Amount]> = amounts.collect();
    Rest::of(whats, amounts)
}
