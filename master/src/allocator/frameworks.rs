//! The allocator's books about one framework.

use std::collections::{BTreeMap, BTreeSet};

use mesos::v1::AgentId;

use super::FrameworkOptions;
use super::agents::Agent;
use super::filters::Refusals;

pub(super) struct Framework {
    pub(super) options: FrameworkOptions,
    pub(super) refusals: Refusals,
    /// Where it holds something, by role. What, is in the agents' books.
    held_on: BTreeMap<String, BTreeSet<AgentId>>,
}

impl Framework {
    pub(super) fn new(options: FrameworkOptions) -> Self {
        Self {
            options,
            refusals: Refusals::default(),
            held_on: BTreeMap::new(),
        }
    }

    /// The roles it takes part in: those it is subscribed to, and those in which it still holds
    /// something.
    pub(super) fn roles(&self) -> BTreeSet<String> {
        self.options
            .roles
            .iter()
            .chain(self.held_on.keys())
            .cloned()
            .collect()
    }

    pub(super) fn takes_part_in(&self, role: &str) -> bool {
        self.options.roles.contains(role) || self.held_on.contains_key(role)
    }

    pub(super) fn wants_offers_in(&self, role: &str) -> bool {
        let options = &self.options;
        options.active && options.roles.contains(role) && !options.suppressed.contains(role)
    }

    /// These of its roles; all if none are given.
    pub(super) fn chosen_roles(&self, roles: &BTreeSet<String>) -> BTreeSet<String> {
        match roles.is_empty() {
            true => self.options.roles.clone(),
            false => self.options.roles.intersection(roles).cloned().collect(),
        }
    }

    pub(super) fn agents(&self) -> BTreeSet<AgentId> {
        self.held_on.values().flatten().cloned().collect()
    }

    pub(super) fn note_held(&mut self, role: &str, agent: &AgentId) {
        self.held_on
            .entry(role.to_owned())
            .or_default()
            .insert(agent.clone());
    }

    pub(super) fn note_released(&mut self, role: &str, agent: &AgentId) {
        if let Some(agents) = self.held_on.get_mut(role) {
            agents.remove(agent);
            if agents.is_empty() {
                self.held_on.remove(role);
            }
        }
    }

    pub(super) fn may_use(&self, agent: &Agent, filter_gpu_resources: bool) -> bool {
        !filter_gpu_resources || !agent.has_gpus() || self.options.capabilities.gpu_resources
    }
}
