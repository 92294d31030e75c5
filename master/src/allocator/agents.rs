//! The allocator's books about one agent.

use std::collections::BTreeMap;

use mesos::resources::Resources;
use mesos::v1::FrameworkId;

pub(super) struct Agent {
    total: Resources,
    /// Whether it is offered.
    pub(super) active: bool,
    /// Who holds what, with allocation roles; also frameworks that are not known (yet, any more).
    held: BTreeMap<FrameworkId, Resources>,
    /// The sum of what is held, without allocation roles.
    taken: Resources,
}

impl Agent {
    pub(super) fn new(total: Resources) -> Self {
        Self {
            total,
            active: true,
            held: BTreeMap::new(),
            taken: Resources::new(),
        }
    }

    pub(super) fn total(&self) -> &Resources {
        &self.total
    }

    /// Answers the old total. If more is held than is left, nothing is available until enough of
    /// it has been released.
    pub(super) fn set_total(&mut self, total: Resources) -> Resources {
        std::mem::replace(&mut self.total, total)
    }

    pub(super) fn has_gpus(&self) -> bool {
        !self.total.gpus().is_zero()
    }

    pub(super) fn available(&self) -> Resources {
        &self.total - &self.taken
    }

    pub(super) fn held(&self) -> &BTreeMap<FrameworkId, Resources> {
        &self.held
    }

    pub(super) fn held_by(&self, framework: &FrameworkId) -> Resources {
        self.held.get(framework).cloned().unwrap_or_default()
    }

    /// Adds to what the framework holds; `resources` carry allocation roles.
    pub(super) fn hold(&mut self, framework: &FrameworkId, resources: &Resources) {
        if resources.is_empty() {
            return;
        }
        self.taken += resources.clone().unallocate();
        *self.held.entry(framework.clone()).or_default() += resources;
    }

    /// Takes from what the framework holds; answers what of `resources` it held indeed.
    pub(super) fn release(&mut self, framework: &FrameworkId, resources: &Resources) -> Resources {
        let Some(held) = self.held.get_mut(framework) else {
            return Resources::new();
        };
        let left = &*held - resources;
        let released = &*held - &left;
        self.taken -= released.clone().unallocate();
        match left.is_empty() {
            true => drop(self.held.remove(framework)),
            false => *held = left,
        }
        released
    }
}
