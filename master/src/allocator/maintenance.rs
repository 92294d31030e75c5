//! Inverse offers: asking frameworks to leave agents that will be unavailable (Mesos' `docs/maintenance.md`).

use std::time::Duration;

use mesos::v1::{AgentId, FrameworkId, Unavailability};

use super::agents::Maintenance;
use super::hierarchical::HierarchicalAllocator;

/// A framework is to be asked to leave an agent, because the agent will be unavailable. It is not
/// asked again before the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct InverseAllocation {
    /// Who is asked.
    pub framework: FrameworkId,
    /// To leave what.
    pub agent: AgentId,
    /// When, and for how long.
    pub unavailability: Unavailability,
}

impl HierarchicalAllocator {
    /// Whatever was asked or answered about an earlier plan is void.
    pub(super) fn set_maintenance(&mut self, agent: u32, unavailability: Option<Unavailability>) {
        match &unavailability {
            Some(_) => self.in_maintenance.insert(agent),
            None => self.in_maintenance.remove(&agent),
        };
        let maintenance = unavailability.map(|unavailability| {
            Box::new(Maintenance {
                unavailability,
                asked: Vec::new(),
                refused: Default::default(),
            })
        });
        self.agents[agent].maintenance = maintenance;
    }

    /// All that have to be asked now: active frameworks that hold something on an agent that will
    /// be unavailable, have not been asked yet, and do not refuse to be asked again.
    pub(super) fn ask_for_agents(&mut self, now: Duration) -> Vec<InverseAllocation> {
        let mut all = Vec::new();
        for slot in &self.in_maintenance {
            let agent = &mut self.agents[*slot];
            let holders = agent
                .held
                .iter()
                .map(|held| self.tree.clients[held.client].framework);
            let mut holders: Vec<u32> = holders.collect();
            holders.sort_by(|a, b| self.frameworks[*a].name.cmp(&self.frameworks[*b].name));
            holders.dedup();
            let Some(maintenance) = &mut agent.maintenance else {
                continue;
            };
            maintenance.refused.retain(|_, until| *until > now);
            for holder in holders {
                let framework = &self.frameworks[holder];
                let asked = maintenance.asked.contains(&holder);
                if framework.is_active() && !asked && !maintenance.refused.contains_key(&holder) {
                    maintenance.asked.push(holder);
                    all.push(InverseAllocation {
                        framework: framework.id.clone(),
                        agent: agent.id.clone(),
                        unavailability: maintenance.unavailability,
                    });
                }
            }
        }
        all
    }

    /// The framework answered, or its inverse offer was rescinded.
    pub(super) fn close_inverse_offer(
        &mut self,
        framework: u32,
        agent: u32,
        refused_until: Option<Duration>,
    ) {
        if let Some(maintenance) = &mut self.agents[agent].maintenance {
            maintenance.asked.retain(|asked| *asked != framework);
            if let Some(until) = refused_until {
                maintenance.refused.insert(framework, until);
            }
        }
    }

    pub(super) fn forget_inverse_refusals(&mut self, framework: u32) {
        for agent in &self.in_maintenance {
            if let Some(maintenance) = &mut self.agents[*agent].maintenance {
                maintenance.refused.remove(&framework);
            }
        }
    }
}
