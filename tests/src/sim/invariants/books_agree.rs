//! The allocator has given away what is used or offered, and nothing else.

use std::time::Duration;

use mesos::resources::{Quantities, Quantity};
use tokio::time::Instant;

use super::{Invariant, Sight};
use crate::sim::SimCluster;

/// The allocator is told at once, and says how it stands whenever it has decided, which it does every second.
const MOMENT: Duration = Duration::from_secs(5);

/// In that time.
const LOOKS: u32 = 4;

/// Since when the two differ, under the same leader.
#[derive(Default)]
pub struct BooksAgree {
    leader: String,
    since: Option<Instant>,
}

impl Invariant for BooksAgree {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let view = sight.cluster.leader();
        let resumed = sight.cluster.resumed.get();
        let leader = view.as_ref().map_or("", |view| &view.master.id);
        if leader.is_empty() || leader != self.leader {
            self.since = None;
            leader.clone_into(&mut self.leader);
            return Ok(());
        }
        let Err(why) = check(sight.cluster) else {
            self.since = None;
            return Ok(());
        };
        let since = *self.since.get_or_insert(sight.now);
        let since = resumed.map_or(since, |resumed| since.max(resumed));
        if sight.now - since > MOMENT {
            return Err(format!("for {MOMENT:?} {why}"));
        }
        // Whatever happens then may be on its way to the allocator again: so it is looked at several times.
        sight.cluster.look_again_at(sight.now + MOMENT / LOOKS);
        Ok(())
    }
}

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
