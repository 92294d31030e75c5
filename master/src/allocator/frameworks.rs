//! The allocator's books about one framework.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos::v1::FrameworkId;

use super::FrameworkOptions;

pub(super) struct Framework {
    pub(super) id: FrameworkId,
    pub(super) name: Arc<str>,
    /// Of a framework that is known; others only hold something somewhere.
    pub(super) options: Option<FrameworkOptions>,
    /// By role: where it is subscribed, or holds something.
    pub(super) clients: BTreeMap<u32, u32>,
    /// What it was given and has not been closed: the offers that it holds.
    pub(super) offers: usize,
}

impl Framework {
    pub(super) fn unknown(id: &FrameworkId) -> Self {
        Self {
            id: id.clone(),
            name: Arc::from(id.value.as_str()),
            options: None,
            clients: BTreeMap::new(),
            offers: 0,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.active)
    }
}

impl FrameworkOptions {
    pub(super) fn wants_offers_in(&self, role: &str) -> bool {
        self.active && self.roles.contains(role) && !self.suppressed.contains(role)
    }

    /// These of its roles; all if none are given.
    pub(super) fn chosen_roles(&self, roles: &BTreeSet<String>) -> Vec<String> {
        match roles.is_empty() {
            true => self.roles.iter().cloned().collect(),
            false => self.roles.intersection(roles).cloned().collect(),
        }
    }
}
