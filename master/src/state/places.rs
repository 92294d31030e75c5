//! Which agent is where.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use mesos::v1::AgentId;

use super::{Id, Place};

/// Agents by name and address of their processes. Nearly all have the same name.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(BTreeMap<String, BTreeMap<SocketAddr, Id<AgentId>>>);

impl Places {
    pub(super) fn get(&self, address: SocketAddr, name: &str) -> Option<&Id<AgentId>> {
        self.0.get(name)?.get(&address)
    }

    pub(super) fn insert(&mut self, (address, name): Place, agent: Id<AgentId>) {
        self.0.entry(name).or_default().insert(address, agent);
    }

    pub(super) fn remove(&mut self, (address, name): &Place) {
        if let Some(named) = self.0.get_mut(name) {
            named.remove(address);
            if named.is_empty() {
                self.0.remove(name);
            }
        }
    }
}
