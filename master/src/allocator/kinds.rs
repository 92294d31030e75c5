//! Kinds of agents: those of the same region and zone and with the same attributes, which most offer constraints cannot
//! tell apart. A cluster has a few hundred at most: one for each rack and sort of machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos::v1::AgentInfo;

use super::agent_facts::{AgentFacts, Traits};
use super::slots::Slots;

#[derive(Default)]
pub(super) struct Kinds {
    numbers: BTreeMap<Arc<Traits>, u32>,
    /// How many agents there are of each.
    members: Slots<usize>,
}

impl Kinds {
    /// What there is to know of an agent, of whose kind there is one more.
    pub(super) fn enter(&mut self, info: &AgentInfo) -> AgentFacts {
        let traits = Traits::new(info);
        let (traits, kind) = match self.numbers.get_key_value(&traits) {
            Some((traits, kind)) => (Arc::clone(traits), *kind),
            None => {
                let (traits, kind) = (Arc::new(traits), self.members.insert(0));
                self.numbers.insert(Arc::clone(&traits), kind);
                (traits, kind)
            }
        };
        self.members[kind] += 1;
        AgentFacts {
            hostname: info.hostname.as_str().into(),
            traits,
            kind,
        }
    }

    /// There is one less. True if it was the last: from now on its number may be that of another kind.
    pub(super) fn leave(&mut self, facts: &AgentFacts) -> bool {
        self.members[facts.kind] -= 1;
        let last = self.members[facts.kind] == 0;
        if last {
            self.members.remove(facts.kind);
            self.numbers.remove(&facts.traits);
        }
        last
    }
}
