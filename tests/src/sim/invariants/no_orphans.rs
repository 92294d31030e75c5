//! After faults: no executor runs of which no agent knows.

use std::collections::BTreeSet;

use crate::sim::SimCluster;
use crate::sim::daemons::EXECUTOR;

/// On every machine.
///
/// # Errors
///
/// The executor that nobody looks after.
pub fn check(cluster: &SimCluster) -> Result<(), String> {
    for (number, state) in cluster.agent_views() {
        let known = state
            .executors()
            .map(|executor| executor.container_id.value.clone());
        let known: BTreeSet<String> = known.collect();
        let running = cluster.processes_on(number);
        let running = running
            .iter()
            .filter_map(|name| name.strip_prefix(EXECUTOR));
        for container in running {
            if !known.contains(container) {
                return Err(format!(
                    "agent {number} does not know {container}, which runs there"
                ));
            }
        }
    }
    Ok(())
}
