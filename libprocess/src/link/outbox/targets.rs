//! The receiving actors, and what room each of them has for messages from this node.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use super::Held;
use crate::link::{TARGETS, WINDOW};

#[derive(Default)]
pub(super) struct Targets {
    names: BTreeMap<Arc<str>, usize>,
    list: Vec<Target>,
    /// Places in `list` that nobody has.
    free: Vec<usize>,
}

#[derive(Default)]
pub(super) struct Target {
    /// Of the window, in bytes.
    pub(super) used: u64,
    /// In order, what waits for credit or for what waits before it.
    pub(super) held: VecDeque<Held>,
}

impl Targets {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The place of the actor with this name, if it has one or there is one free.
    pub(super) fn place(&mut self, name: &Arc<str>) -> Option<usize> {
        if let Some(place) = self.find(name) {
            return Some(place);
        }
        if self.is_full() {
            return None;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.list.push(Target::default());
            self.list.len() - 1
        });
        self.names.insert(name.clone(), place);
        Some(place)
    }

    pub(super) fn is_full(&self) -> bool {
        self.names.len() >= TARGETS
    }

    /// Forgets those that owe little.
    pub(super) fn forget_some(&mut self) {
        self.names.retain(|_, place| {
            let target = &mut self.list[*place];
            let keep = !target.held.is_empty() || target.used >= WINDOW / 4;
            if !keep {
                *target = Target::default();
                self.free.push(*place);
            }
            keep
        });
    }

    /// What is held, for all targets.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.list.iter().flat_map(|target| &target.held)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

impl Index<usize> for Targets {
    type Output = Target;

    fn index(&self, place: usize) -> &Target {
        &self.list[place]
    }
}

impl IndexMut<usize> for Targets {
    fn index_mut(&mut self, place: usize) -> &mut Target {
        &mut self.list[place]
    }
}

impl Target {
    pub(super) fn has_credit(&self) -> bool {
        self.used < WINDOW && self.held.is_empty()
    }

    /// The next that need not wait any more.
    pub(super) fn release(&mut self) -> Option<Held> {
        if self.used >= WINDOW && matches!(self.held.front(), Some(Held::Message(_))) {
            return None;
        }
        let released = self.held.pop_front()?;
        if let Held::Message(message) = &released {
            self.used += message.cost;
        }
        Some(released)
    }
}
