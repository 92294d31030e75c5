//! After faults: the allocator has given away what is used or offered, and nothing else.

use mesos::resources::{Quantities, Quantity};

use crate::sim::SimCluster;

/// In what the leader and its allocator published last.
///
/// # Errors
///
/// The resource of which they differ.
pub fn check(cluster: &SimCluster) -> Result<(), String> {
    let view = cluster.view().ok_or("there is no master")?;
    let report = cluster.allocator().ok_or("there is no allocator")?;
    let (mut total, mut taken) = (Quantities::new(), Quantities::new());
    for agent in view.cluster.agents.values() {
        total += &agent.total.non_revocable().scalars();
        let held = agent.used_total() + agent.offered();
        taken += &held.non_revocable().scalars();
    }
    for (name, figures) in &report.figures.resources {
        same(name, "exist", total.get(name), figures.total)?;
        same(name, "are taken", taken.get(name), figures.taken)?;
    }
    Ok(())
}

fn same(name: &str, what: &str, master: Quantity, allocator: Quantity) -> Result<(), String> {
    match master == allocator {
        true => Ok(()),
        false => Err(format!(
            "{master} {name} {what}, but the allocator says {allocator}"
        )),
    }
}
