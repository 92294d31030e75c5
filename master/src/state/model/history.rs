//! A bounded memory of ids: the newest N, oldest forgotten first.

use imbl::{OrdSet, Vector};

/// Remembers at most a fixed number of distinct ids.
#[derive(Clone, Debug)]
pub struct History<K: Ord + Clone> {
    known: OrdSet<K>,
    order: Vector<K>,
    limit: usize,
}

impl<K: Ord + Clone> History<K> {
    /// An empty memory of at most `limit` ids.
    pub fn new(limit: usize) -> History<K> {
        History {
            known: OrdSet::new(),
            order: Vector::new(),
            limit,
        }
    }

    /// Whether `id` is remembered.
    pub fn contains(&self, id: &K) -> bool {
        self.known.contains(id)
    }

    /// The number of ids remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Remembers `id`, forgetting the oldest one when full.
    pub(crate) fn insert(&mut self, id: K) {
        if self.known.insert(id.clone()).is_some() {
            return;
        }
        self.order.push_back(id);
        while self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// Forgets `id`.
    pub(crate) fn remove(&mut self, id: &K) {
        if self.known.remove(id).is_some() {
            self.order.retain(|kept| kept != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut history = History::new(2);
        for id in [1, 2, 1, 3] {
            history.insert(id);
        }
        assert_eq!(
            [1, 2, 3].map(|id| history.contains(&id)),
            [false, true, true]
        );
        history.remove(&2);
        history.insert(4);
        assert_eq!(history.len(), 2);
        assert!(history.contains(&3) && history.contains(&4));
    }
}
