//! What a leader offers of an agent can be used: an agent does not refuse task after task.

use std::collections::BTreeMap;

use mesos::task_state::is_terminal;
use mesos::v1::AgentId;

use super::{Invariant, Sight};
use crate::sim::Told;

/// More than an agent is offered at once while it knows better than its leader.
const MANY: usize = 24;

/// Tasks that ended without having begun, by agent, since one began there.
#[derive(Default)]
pub struct RefusalsEnd {
    known: BTreeMap<usize, usize>,
    refused: BTreeMap<AgentId, usize>,
}

impl Invariant for RefusalsEnd {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let cluster = sight.cluster;
        for (number, service) in cluster.services.iter().enumerate() {
            let known = self.known.entry(number).or_insert(0);
            for Told { status, .. } in service.heard.after(*known) {
                *known += 1;
                let Some(agent) = status.agent_id.clone() else {
                    continue;
                };
                if service.strays().contains(&status.task_id) {
                    continue;
                }
                if !is_terminal(status.state()) || cluster.ledger.has_run(&status.task_id) {
                    self.refused.remove(&agent);
                    continue;
                }
                let refused = self.refused.entry(agent.clone()).or_default();
                *refused += 1;
                if cluster.has_full_disk(&agent) {
                    *refused = 0;
                }
                if *refused > MANY {
                    let (state, why) = (status.state(), status.message());
                    return Err(format!(
                        "{agent} refused {refused} tasks one after the other, {} as {state:?}: {why}",
                        status.task_id
                    ));
                }
            }
        }
        Ok(())
    }
}
