//! Whom the master counts among its agents, it has stored: every later master will know them.

use crate::sim::SimCluster;

/// In the master's latest view, which never runs ahead of the registry.
///
/// # Errors
///
/// The agent that would be forgotten.
pub fn check(cluster: &SimCluster) -> Result<(), String> {
    let Some(view) = cluster.view() else {
        return Ok(());
    };
    let registry = cluster.registry();
    let stored = |id| registry.agents.contains_key(id) || registry.unreachable.contains_key(id);
    let known = view.cluster.agents.keys();
    let mut known = known.chain(view.cluster.unreachable_agents.keys());
    match known.find(|id| !stored(id)) {
        Some(forgotten) => Err(format!(
            "{forgotten} is known to the master, but not stored"
        )),
        None => Ok(()),
    }
}
