//! Who was given up is never let in again.

use std::collections::BTreeSet;

use mesos::v1::AgentId;

use super::{Invariant, Sight};

/// Agents that the registry called gone once.
#[derive(Default)]
pub struct GoneForEver {
    gone: BTreeSet<AgentId>,
}

impl Invariant for GoneForEver {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        self.gone.extend(sight.registry.gone.keys().cloned());
        let stored = &sight.registry;
        for id in &self.gone {
            if !stored.gone.contains_key(id) {
                return Err(format!("the registry has forgotten that {id} is gone"));
            }
            if stored.agents.contains_key(id) || stored.unreachable.contains_key(id) {
                return Err(format!("the registry has {id} again, which is gone"));
            }
        }
        let Some(view) = &sight.view else {
            return Ok(());
        };
        let mut known = view.cluster.agents.keys();
        // The registry may be ahead of the view by what is being stored, and the agent's end is on its way then.
        let known = known.find(|id| view.cluster.gone_agents.contains_key(id));
        match known {
            Some(id) => Err(format!("the master has {id}, which is gone")),
            None => Ok(()),
        }
    }
}
