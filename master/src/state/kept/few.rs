//! Ordered maps and sets of a handful of entries: what one agent has.
//!
//! A node of a persistent tree has room for 64 entries, which for the one or two frameworks of an agent are kilobytes of
//! nothing. These are sorted lists in one allocation that clones share, and none while they are empty. A change of a list
//! that somebody else still reads copies all of it: a few dozen reference counts.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A list grows by this part of what it has, so that little of it is unused.
const GROWTH: usize = 8;

/// An ordered map of few entries. Clones share them.
#[derive(Clone, PartialEq, Eq)]
pub struct Few<K, V>(Option<Arc<Vec<(K, V)>>>);

impl<K, V> Few<K, V> {
    /// An empty one.
    pub const fn new() -> Few<K, V> {
        Few(None)
    }

    fn entries(&self) -> &[(K, V)] {
        self.0.as_ref().map_or(&[], |list| list)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The entries, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.entries().iter().map(|(key, value)| (key, value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.iter().map(|(key, _)| key)
    }

    /// The values, ordered by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.iter().map(|(_, value)| value)
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.entries()
            .binary_search_by(|(held, _)| held.borrow().cmp(key))
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        Some(&self.entries()[at].1)
    }

    /// Whether there is an entry of `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }
}

impl<K: Clone + Ord, V: Clone> Few<K, V> {
    fn list(&mut self) -> &mut Vec<(K, V)> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    fn put(&mut self, at: usize, key: K, value: V) {
        let list = self.list();
        if list.len() == list.capacity() {
            list.reserve_exact(list.len() / GROWTH + 1);
        }
        list.insert(at, (key, value));
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        if more > 0 {
            self.list().reserve_exact(more);
        }
    }

    /// The value of `key`, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        Some(&mut self.list()[at].1)
    }

    /// Sets the value of `key`; returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.list()[at].1, value)),
            Err(at) => {
                self.put(at, key, value);
                None
            }
        }
    }

    /// Takes the entry of `key` out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        let list = self.list();
        let (_, value) = list.remove(at);
        if list.is_empty() {
            self.0 = None;
        }
        Some(value)
    }
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Few<K, V> {
        Few::new()
    }
}

impl<'a, K, V> IntoIterator for &'a Few<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries().iter().map(|(key, value)| (key, value))
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Few<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// An ordered set of few. Clones share them.
#[derive(Clone, PartialEq, Eq)]
pub struct FewSet<K>(Few<K, ()>);

impl<K> FewSet<K> {
    /// An empty one.
    pub const fn new() -> FewSet<K> {
        FewSet(Few::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is in it, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.0.keys()
    }

    /// Whether `key` is in it.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }
}

impl<K: Clone + Ord> FewSet<K> {
    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.0.reserve(more);
    }

    /// Puts `key` in; answers whether it is new.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    /// Takes `key` out; answers whether it was in.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.remove(key).is_some()
    }
}

impl<K> Default for FewSet<K> {
    fn default() -> FewSet<K> {
        FewSet::new()
    }
}

impl<'a, K> IntoIterator for &'a FewSet<K> {
    type Item = &'a K;
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, ())>, fn(&'a (K, ())) -> &'a K>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.entries().iter().map(|(key, ())| key)
    }
}

impl<K: fmt::Debug> fmt::Debug for FewSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Change {
        Insert(u8, u8),
        Remove(u8),
        Double(u8),
        Keep,
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let key = 0..12u8;
        let change = prop_oneof![
            (key.clone(), any::<u8>()).prop_map(|(key, value)| Change::Insert(key, value)),
            key.clone().prop_map(Change::Remove),
            key.prop_map(Change::Double),
            Just(Change::Keep),
        ];
        prop::collection::vec(change, 0..60)
    }

    proptest! {
        /// It is as the map of the standard library, and what somebody kept does not change.
        #[test]
        fn few_are_a_map(changes in changes()) {
            let mut map = BTreeMap::new();
            let mut few = Few::<u8, u8>::new();
            let mut kept = Vec::new();
            for change in changes {
                match change {
                    Change::Insert(key, value) => {
                        prop_assert_eq!(few.insert(key, value), map.insert(key, value));
                    }
                    Change::Remove(key) => prop_assert_eq!(few.remove(&key), map.remove(&key)),
                    Change::Double(key) => {
                        let doubled = |value: &mut u8| *value = value.wrapping_mul(2);
                        few.get_mut(&key).map(doubled);
                        map.get_mut(&key).map(doubled);
                    }
                    Change::Keep => kept.push((few.clone(), map.clone())),
                }
                prop_assert_eq!(few.is_empty(), map.is_empty());
                prop_assert_eq!(few.len(), map.len());
                for key in 0..12 {
                    prop_assert_eq!(few.get(&key), map.get(&key));
                    prop_assert_eq!(few.contains_key(&key), map.contains_key(&key));
                }
            }
            kept.push((few, map));
            for (few, map) in kept {
                prop_assert!(few.iter().eq(map.iter()));
                prop_assert!(few.values().eq(map.values()));
            }
        }
    }

    #[test]
    fn a_set_has_each_once_and_nothing_when_empty() {
        let mut set = FewSet::new();
        assert!(set.insert("b") && set.insert("a") && !set.insert("b"));
        assert_eq!(set.iter().collect::<Vec<_>>(), [&"a", &"b"]);
        assert!(set.contains("a") && set.remove("a") && !set.remove("a"));
        assert!(!set.contains("a") && set.remove("b"));
        assert!(set.is_empty() && set == FewSet::new());
    }
}
