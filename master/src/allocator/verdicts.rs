//! What offer constraints said about agents, so that none is asked twice: about each kind of agents, or about each
//! agent if the constraints look at host names. A line for each of those, so that whoever walks along the frameworks
//! with one agent reads one.

use super::agent_facts::AgentFacts;
use super::constraints::RoleConstraints;

#[derive(Default)]
pub(super) struct Verdicts {
    by_kind: Vec<Line>,
    /// By agent: of clients whose constraints look at host names.
    by_host: Vec<Line>,
}

/// Two bits for every client.
#[derive(Default)]
struct Line(Vec<u64>);

/// What is known of the constraints of all clients about one agent.
#[derive(Clone, Copy)]
pub(super) struct Known<'a>([Option<&'a Line>; 2]);

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
        let (lines, number) = match constraints.look_at_hosts() {
            true => (&mut self.by_host, agent as usize),
            false => (&mut self.by_kind, facts.kind as usize),
        };
        if lines.len() <= number {
            lines.resize_with(number + 1, Line::default);
        }
        let line = &mut lines[number];
        let bits = line.get(client);
        if bits & JUDGED != 0 {
            return bits & ALLOWED != 0;
        }
        let allowed = constraints.allow(facts);
        line.set(client, if allowed { JUDGED | ALLOWED } else { JUDGED });
        allowed
    }

    /// About this agent.
    pub(super) fn known(&self, agent: u32, facts: &AgentFacts) -> Known<'_> {
        Known([
            self.by_kind.get(facts.kind as usize),
            self.by_host.get(agent as usize),
        ])
    }

    pub(super) fn forget_client(&mut self, client: u32) {
        for line in self.by_kind.iter_mut().chain(&mut self.by_host) {
            line.clear(client);
        }
    }

    pub(super) fn forget_agent(&mut self, agent: u32) {
        forget(&mut self.by_host, agent);
    }

    pub(super) fn forget_kind(&mut self, kind: u32) {
        forget(&mut self.by_kind, kind);
    }
}

impl Known<'_> {
    /// Whether the client's constraints are known not to allow the agent.
    pub(super) fn bars(self, client: u32) -> bool {
        self.0
            .into_iter()
            .flatten()
            .any(|line| line.get(client) == JUDGED)
    }
}

impl Line {
    fn get(&self, client: u32) -> u64 {
        let (at, shift) = place(client);
        self.0.get(at).map_or(0, |word| word >> shift) & (JUDGED | ALLOWED)
    }

    fn set(&mut self, client: u32, bits: u64) {
        let (at, shift) = place(client);
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= bits << shift;
    }

    fn clear(&mut self, client: u32) {
        let (at, shift) = place(client);
        if let Some(word) = self.0.get_mut(at) {
            *word &= !((JUDGED | ALLOWED) << shift);
        }
    }
}

fn forget(lines: &mut [Line], number: u32) {
    if let Some(line) = lines.get_mut(number as usize) {
        *line = Line::default();
    }
}

fn place(client: u32) -> (usize, u32) {
    ((client / PER_WORD) as usize, client % PER_WORD * 2)
}
