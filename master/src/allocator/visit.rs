//! One agent's turn in a run: its free resources go along the line of roles and frameworks.

use std::sync::Arc;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::roles;

use super::agents::Idle;
use super::filters::Coverage;
use super::hierarchical::HierarchicalAllocator;
use super::options::SorterKind;
use super::portion::Portion;
use super::tree::Walk;
use super::{Allocation, Chance};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Only roles whose guarantees are not met, and only what brings them nearer.
    Guarantees,
    /// Everybody.
    FairShare,
}

/// What one turn needs and the next one uses again.
#[derive(Default)]
pub(super) struct Scratch {
    walk: Walk,
    /// By client: in which turn it was stamped last, and with what.
    stamps: Vec<(u64, Coverage)>,
    turn: u64,
    /// Who was given something in this turn.
    moved: Vec<u32>,
    /// Frameworks that got as many offers as they may hold in this turn. They leave the line after it.
    full: Vec<u32>,
    /// Agents of which something shared was given in this run.
    pub(super) gave_shared: Vec<u32>,
}

impl Scratch {
    /// What the client refused of all that is free on the agent whose turn it is.
    pub(super) fn refused(&self, client: u32) -> Option<Coverage> {
        let (turn, coverage) = self.stamps[client as usize];
        (turn == self.turn).then_some(coverage)
    }

    /// Whether the framework got its last offer in this turn.
    pub(super) fn is_full(&self, framework: u32) -> bool {
        self.full.contains(&framework)
    }
}

pub(super) struct Visit {
    pub(super) agent: u32,
    pub(super) stage: Stage,
    pub(super) now: Duration,
    left: Portion,
    /// The roles that something of `left` is reserved for.
    reserved_for: Vec<String>,
    /// What of `left` may be offered to roles that nothing is reserved for.
    common: Option<Portion>,
    /// Whether somebody would have got (more) if it were not for a quota.
    pub(super) held_back: bool,
}

impl HierarchicalAllocator {
    pub(super) fn visit(
        &mut self,
        agent: u32,
        stage: Stage,
        now: Duration,
        chance: &mut Chance<'_>,
        given: &mut Vec<Allocation>,
    ) {
        let found = &self.agents[agent];
        let idle = found.idle.filter(|idle| idle.epoch == self.epoch);
        let idle = idle.is_some_and(|idle| idle.until.is_none_or(|until| until > now));
        if idle || found.free.is_empty() {
            return;
        }
        let first_end = self.stamp_refusals(agent, now);
        let free = std::mem::take(&mut self.agents[agent].free);
        let mut visit = Visit::new(agent, stage, now, free);
        let before = given.len();
        let mut walk = std::mem::take(&mut self.scratch.walk);
        match self.options.role_sorter {
            SorterKind::Drf => walk.begin(stage == Stage::Guarantees),
            SorterKind::Random => {
                walk.begin_list(
                    self.tree.roles_at_random(chance),
                    stage == Stage::Guarantees,
                );
            }
        }
        while !visit.left.is_empty()
            && let Some(role) = walk.next(&mut self.tree)
        {
            self.visit_role(&mut visit, role, chance, given);
        }
        self.scratch.walk = walk;
        self.settle_moved();
        let idle = stage == Stage::FairShare && !visit.held_back;
        let found = &mut self.agents[agent];
        found.free = visit.left;
        found.idle = idle.then_some(Idle {
            epoch: self.epoch,
            until: first_end,
        });
        if given.len() > before {
            found.refusals.free_changed();
        }
    }

    /// Marks the clients that refuse something of what is free.
    pub(super) fn stamp_refusals(&mut self, agent: u32, now: Duration) -> Option<Duration> {
        let Scratch { stamps, turn, .. } = &mut self.scratch;
        *turn += 1;
        stamps.resize(self.tree.clients.span(), (0, Coverage::Part));
        let found = &mut self.agents[agent];
        let free = &found.free.resources;
        let ledger = &self.tree.refusals;
        found
            .refusals
            .each_holding(now, ledger, free, |client, coverage| {
                let stamp = &mut stamps[client as usize];
                if *stamp != (*turn, Coverage::All) {
                    *stamp = (*turn, coverage);
                }
            })
    }

    /// The orders may change once nobody reads them any more.
    fn settle_moved(&mut self) {
        let mut moved = std::mem::take(&mut self.scratch.moved);
        moved.drain(..).for_each(|client| self.tree.settle(client));
        self.scratch.moved = moved;
        let mut full = std::mem::take(&mut self.scratch.full);
        full.drain(..)
            .for_each(|framework| self.refresh_activity(framework));
        self.scratch.full = full;
    }

    fn visit_role(
        &mut self,
        visit: &mut Visit,
        role: u32,
        chance: &mut Chance<'_>,
        given: &mut Vec<Allocation>,
    ) {
        // Roles before this one may have met the guarantee of all of them.
        if visit.stage == Stage::Guarantees && !self.tree.is_unmet(role) {
            return;
        }
        let at_random = match self.options.framework_sorter {
            SorterKind::Drf => None,
            SorterKind::Random => Some(self.tree.clients_at_random(role, chance)),
        };
        let mut portion = visit.portion_for(&self.tree.nodes[role].path, &mut self.names);
        let mut next = 0;
        while !portion.get(visit).is_empty() {
            let line = match &at_random {
                None => self.tree.clients_in_order(role),
                Some(clients) => clients,
            };
            // Most of those in line, where constraints are common: passed without a look at what else they are.
            let agent = &self.agents[visit.agent];
            let known = self.verdicts.known(visit.agent, &agent.facts);
            let mut behind = line.iter().enumerate().skip(next);
            let Some((at, client)) = behind.find(|(_, client)| !known.bars(**client)) else {
                return;
            };
            let client = *client;
            next = at + 1;
            if visit.stage == Stage::Guarantees && !self.tree.is_unmet(role) {
                return;
            }
            let verdict = self.judge(client, role, portion.get(visit), visit);
            visit.held_back |= verdict.held_back;
            if let Ok(part) = verdict.offer {
                self.give(visit, client, role, portion, part, given);
                portion = visit.portion_for(&self.tree.nodes[role].path, &mut self.names);
            }
        }
    }

    /// Gives the client a part of the portion, or all of it.
    fn give(
        &mut self,
        visit: &mut Visit,
        client: u32,
        role: u32,
        portion: Which,
        part: Option<Portion>,
        given: &mut Vec<Allocation>,
    ) {
        let part = visit.take(portion, part, &mut self.names);
        let path = Arc::clone(&self.tree.nodes[role].path);
        let resources = part.resources.clone().allocate_to(path);
        if part.has_shared() {
            let counted = self.counted_of(client, visit.agent, &resources);
            let (all, charge) = self.amounts_of(&counted);
            self.tree.give(client, &all, &charge);
            self.scratch.gave_shared.push(visit.agent);
        } else {
            self.tree.give(client, &part.all, &part.charge);
        }
        self.enter(client, visit.agent, resources.clone());
        self.free.subtract(&part.charge.open);
        self.scratch.moved.push(client);
        let framework = self.tree.clients[client].framework;
        self.frameworks[framework].offers += 1;
        if self.is_at_limit(framework) {
            self.scratch.full.push(framework);
        }
        given.push(Allocation {
            framework: self.frameworks[framework].id.clone(),
            agent: self.agents[visit.agent].id.clone(),
            role: self.tree.nodes[role].path.to_string(),
            resources,
        });
    }
}

/// Which of the portions a role is offered.
pub(super) enum Which {
    /// All that is left.
    Left,
    /// What is left without what is reserved.
    Common,
    /// What the role may have of it.
    Special(Box<Portion>),
}

impl Which {
    pub(super) fn get<'a>(&'a self, visit: &'a Visit) -> &'a Portion {
        match self {
            Self::Left => &visit.left,
            Self::Common => visit.common.as_ref().unwrap_or(&visit.left),
            Self::Special(portion) => portion,
        }
    }
}

impl Visit {
    pub(super) fn new(agent: u32, stage: Stage, now: Duration, left: Portion) -> Self {
        let mut visit = Self {
            agent,
            stage,
            now,
            left,
            reserved_for: Vec::new(),
            common: None,
            held_back: false,
        };
        visit.note_reservations();
        visit
    }

    fn note_reservations(&mut self) {
        self.common = None;
        self.reserved_for.clear();
        if self.left.has_reserved {
            for key in self.left.resources.keys() {
                let role = key.reservation_role();
                if !key.is_unreserved() && !self.reserved_for.iter().any(|known| known == role) {
                    self.reserved_for.push(role.to_owned());
                }
            }
        }
    }

    /// What of all that is left a framework in the role may be offered.
    pub(super) fn portion_for(&mut self, role: &str, names: &mut super::amounts::Names) -> Which {
        if !self.left.has_reserved {
            return Which::Left;
        }
        let applies =
            |reserved: &String| reserved == role || roles::is_strict_subrole(role, reserved);
        if self.reserved_for.iter().any(applies) {
            let resources = self.left.resources.allocatable_to(role);
            return Which::Special(Box::new(Portion::new(resources, names)));
        }
        let unreserved = || Portion::new(self.left.resources.unreserved(), names);
        self.common.get_or_insert_with(unreserved);
        Which::Common
    }

    /// Takes a part, or all, of the portion from what is left.
    fn take(
        &mut self,
        portion: Which,
        part: Option<Portion>,
        names: &mut super::amounts::Names,
    ) -> Portion {
        let taken = match (portion, part) {
            (Which::Left, None) => {
                let all = std::mem::take(&mut self.left);
                self.note_reservations();
                return all;
            }
            (_, Some(part)) => part,
            (Which::Special(portion), None) => *portion,
            (Which::Common, None) => self.common.take().unwrap_or_default(),
        };
        let left: Resources = &self.left.resources - &taken.resources;
        self.left = Portion::new(left, names);
        self.note_reservations();
        taken
    }
}
