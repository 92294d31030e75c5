//! One offer for each framework in a run: the example of `docs/allocators.md`, which explains it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Allocation, Allocator, Chance, HierarchicalAllocator, Layer, Scope};

/// For how long a framework does not get what was taken back from it: until the next interval, however short that is.
const TAKEN_BACK: Duration = Duration::from_millis(1);

/// Gives each framework the resources of one agent at most in a run, so that one that comes first or wants much does
/// not hold all of a cluster while it thinks. What else it would have got goes to the others a cycle later.
pub struct OneOfferEach(pub HierarchicalAllocator);

impl Layer for OneOfferEach {
    fn below(&mut self) -> &mut dyn Allocator {
        &mut self.0
    }

    fn look_below(&self) -> &dyn Allocator {
        &self.0
    }

    fn allocate(
        &mut self,
        now: Duration,
        scope: Scope,
        chance: &mut Chance<'_>,
    ) -> Vec<Allocation> {
        let given = self.0.allocate(now, scope, chance);
        let mut served = BTreeSet::new();
        let (kept, more): (Vec<_>, Vec<_>) = given
            .into_iter()
            .partition(|given| served.insert(given.framework.clone()));
        for more in more {
            let (framework, agent) = (&more.framework, &more.agent);
            self.0
                .recover(now, framework, agent, &more.resources, Some(TAKEN_BACK));
            self.0.close_offers(framework, 1);
        }
        kept
    }
}
