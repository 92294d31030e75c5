//! Lists in the order of a key, each key once, nothing empty: what multisets are made of.
//!
//! An agent and what is taken from it nearly always have the same keys, so each operation has a quick way for two lists
//! that do: a loop over pairs.

use std::cmp::Ordering;

/// An item of such a list. Both operands of an operation have the same key.
pub(super) trait Keyed: Clone {
    type Key: Ord;

    fn key(&self) -> &Self::Key;

    fn is_empty(&self) -> bool;

    fn contains(&self, wanted: &Self) -> bool;

    fn plus(&self, more: &Self) -> Self;

    /// Perhaps nothing is left.
    fn minus(&self, less: &Self) -> Self;
}

/// Takes the item with this key, and those before it, off the front of a list. Who asks for keys in order goes through
/// the list once.
#[inline]
fn take<'a, T: Keyed>(list: &mut &'a [T], key: &T::Key) -> Option<&'a T> {
    while let Some((first, behind)) = list.split_first() {
        // Equal is the usual, and found quicker than which comes first.
        if first.key() == key {
            *list = behind;
            return Some(first);
        }
        if first.key() > key {
            return None;
        }
        *list = behind;
    }
    None
}

/// Whether each item of `wanted` is contained in one of the other list.
#[inline]
pub(super) fn contains<T: Keyed>(mut have: &[T], wanted: &[T]) -> bool {
    wanted.iter().all(|wanted| {
        let found = take(&mut have, wanted.key());
        found.is_some_and(|have| have.contains(wanted))
    })
}

/// The items of both; of those with one key the sum.
#[inline]
pub(super) fn plus<T: Keyed>(one: &[T], other: &[T]) -> Vec<T> {
    if !have_same_keys(one, other) {
        return merged(one, other);
    }
    let pairs = one.iter().zip(other);
    pairs.map(|(one, other)| one.plus(other)).collect()
}

/// The items of the first list, less what the other one has of them; without those of which nothing is left.
#[inline]
pub(super) fn minus<T: Keyed>(all: &[T], taken: &[T]) -> Vec<T> {
    let mut left: Vec<T> = match have_same_keys(all, taken) {
        true => (all.iter().zip(taken))
            .map(|(item, less)| item.minus(less))
            .collect(),
        false => rest(all, taken),
    };
    if left.iter().any(T::is_empty) {
        left.retain(|item| !item.is_empty());
    }
    left
}

#[inline]
fn have_same_keys<T: Keyed>(one: &[T], other: &[T]) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(one, other)| one.key() == other.key())
}

#[inline(never)]
fn merged<T: Keyed>(mut one: &[T], mut other: &[T]) -> Vec<T> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    while let (Some((first, behind_first)), Some((second, behind_second))) =
        (one.split_first(), other.split_first())
    {
        let order = first.key().cmp(second.key());
        all.push(match order {
            Ordering::Less => first.clone(),
            Ordering::Equal => first.plus(second),
            Ordering::Greater => second.clone(),
        });
        if order.is_le() {
            one = behind_first;
        }
        if order.is_ge() {
            other = behind_second;
        }
    }
    all.extend_from_slice(one);
    all.extend_from_slice(other);
    all
}

#[inline(never)]
fn rest<T: Keyed>(all: &[T], mut taken: &[T]) -> Vec<T> {
    let left = all.iter().map(|item| match take(&mut taken, item.key()) {
        Some(less) => item.minus(less),
        None => item.clone(),
    });
    left.collect()
}
