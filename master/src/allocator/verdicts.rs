//! What offer constraints said about agents, so that none is asked twice: about each kind of agents, or about each
//! agent if the constraints look at host names.

use super::agent_facts::AgentFacts;
use super::constraints::RoleConstraints;

/// By client.
#[derive(Default)]
pub(super) struct Verdicts {
    of_clients: Vec<Row>,
}

/// What one client's constraints said.
#[derive(Default)]
struct Row {
    by_host: bool,
    /// Two bits for every agent, or for every kind.
    words: Vec<u64>,
}

/// Verdicts in one word.
const PER_WORD: u32 = 32;

/// The bits of a verdict: whether there is one, whether it is to allow.
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
        let client = client as usize;
        if self.of_clients.len() <= client {
            self.of_clients.resize_with(client + 1, Row::default);
        }
        let row = &mut self.of_clients[client];
        row.by_host = constraints.look_at_hosts();
        let (at, shift) = place(if row.by_host { agent } else { facts.kind });
        if row.words.len() <= at {
            row.words.resize(at + 1, 0);
        }
        let bits = row.words[at] >> shift;
        if bits & JUDGED != 0 {
            return bits & ALLOWED != 0;
        }
        let allowed = constraints.allow(facts);
        row.words[at] |= (if allowed { JUDGED | ALLOWED } else { JUDGED }) << shift;
        allowed
    }

    pub(super) fn forget_client(&mut self, client: u32) {
        if let Some(row) = self.of_clients.get_mut(client as usize) {
            *row = Row::default();
        }
    }

    pub(super) fn forget_agent(&mut self, agent: u32) {
        self.forget(true, agent);
    }

    pub(super) fn forget_kind(&mut self, kind: u32) {
        self.forget(false, kind);
    }

    fn forget(&mut self, by_host: bool, number: u32) {
        let (at, shift) = place(number);
        for row in self
            .of_clients
            .iter_mut()
            .filter(|row| row.by_host == by_host)
        {
            if let Some(word) = row.words.get_mut(at) {
                *word &= !((JUDGED | ALLOWED) << shift);
            }
        }
    }
}

fn place(number: u32) -> (usize, u32) {
    ((number / PER_WORD) as usize, number % PER_WORD * 2)
}
