//! Equal values, kept once.

use std::sync::Arc;

/// So many are remembered. The tasks of most frameworks come in a few sizes, and so do the machines of a cluster.
const MAX_VALUES: usize = 8;

/// The last few different values, for equal ones to share.
#[derive(Clone, Debug)]
pub(crate) struct Recent<T>(Vec<Arc<T>>);

impl<T: PartialEq> Recent<T> {
    /// The same value, shared with whoever has an equal one.
    pub(crate) fn share(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(known) = self.0.iter().find(|known| **known == value) {
            return known.clone();
        }
        if self.0.len() == MAX_VALUES {
            self.0.remove(0);
        }
        self.0.push(value.clone());
        value
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Recent<T> {
        Recent(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_are_shared_and_old_ones_forgotten() {
        let mut recent = Recent::default();
        let one = recent.share(Arc::new(1));
        assert!(Arc::ptr_eq(&one, &recent.share(Arc::new(1))));
        for other in 2..20 {
            recent.share(Arc::new(other));
        }
        assert!(recent.0.len() <= MAX_VALUES);
        assert!(!Arc::ptr_eq(&one, &recent.share(Arc::new(1))));
    }
}
