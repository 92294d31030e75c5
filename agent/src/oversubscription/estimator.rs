//! Saying what may be lent.

use mesos::resources::Resources;

use super::{Observed, lent};

/// Says what an agent may lend, now and then.
pub trait Estimator: Send {
    /// Whether [`Observed::usage`] is worth measuring.
    fn needs_usage(&self) -> bool;

    /// All that may be lent, what is borrowed already included; every item is revocable.
    fn estimate(&mut self, executors: &[Observed]) -> Resources;
}

/// Lends the same amounts always, whatever happens.
#[derive(Clone, Debug)]
pub struct FixedEstimator(Resources);

impl FixedEstimator {
    /// Lends these; they need not be marked as revocable.
    pub fn new(resources: &Resources) -> FixedEstimator {
        FixedEstimator(lent(resources))
    }
}

impl Estimator for FixedEstimator {
    fn needs_usage(&self) -> bool {
        false
    }

    fn estimate(&mut self, _: &[Observed]) -> Resources {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_is_revocable() {
        let given = Resources::parse("cpus:2;mem:64", "*").expect("resources");
        let lent = FixedEstimator::new(&given).estimate(&[]);
        assert_eq!(lent, lent.revocable());
        assert_eq!(lent.scalars(), given.scalars());
    }
}
