//! What offer constraints said about agents, so that no agent is asked twice.

use std::collections::BTreeMap;

use super::agent_facts::AgentFacts;
use super::constraints::RoleConstraints;

/// By client: two bits for every agent.
#[derive(Default)]
pub(super) struct Verdicts {
    by_client: BTreeMap<u32, Vec<u64>>,
}

/// Agents in one word.
const PER_WORD: u32 = 32;

/// The bits of an agent: whether it was judged, whether it was allowed.
const JUDGED: u64 = 1;
const ALLOWED: u64 = 2;

impl Verdicts {
    pub(super) fn allow(
        &mut self,
        client: u32,
        constraints: &RoleConstraints,
        agent: u32,
        facts: &AgentFacts,
    ) -> bool {
        let words = self.by_client.entry(client).or_default();
        let (at, shift) = place(agent);
        if words.len() <= at {
            words.resize(at + 1, 0);
        }
        let bits = words[at] >> shift;
        if bits & JUDGED != 0 {
            return bits & ALLOWED != 0;
        }
        let allowed = constraints.allow(facts);
        words[at] |= (if allowed { JUDGED | ALLOWED } else { JUDGED }) << shift;
        allowed
    }

    pub(super) fn forget_client(&mut self, client: u32) {
        self.by_client.remove(&client);
    }

    pub(super) fn forget_agent(&mut self, agent: u32) {
        let (at, shift) = place(agent);
        for words in self.by_client.values_mut() {
            if let Some(word) = words.get_mut(at) {
                *word &= !((JUDGED | ALLOWED) << shift);
            }
        }
    }
}

fn place(agent: u32) -> (usize, u32) {
    ((agent / PER_WORD) as usize, agent % PER_WORD * 2)
}
