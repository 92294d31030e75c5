//! Whom the master counts among its agents, it has stored: every later master will know them.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use mesos::v1::AgentId;
use tokio::time::Instant;

use super::{Invariant, Sight};
use crate::sim::SimCluster;

/// What is stored is told the leader at once, which changes its mind in its next turn.
const MOMENT: Duration = Duration::from_secs(1);

/// What a master finds when it begins is what was stored; and its latest view never runs ahead of the registry.
#[derive(Default)]
pub struct RegistryRemembers {
    /// Agents of which the leader believes something else than what is stored, and since when it is so.
    ahead: BTreeMap<AgentId, Instant>,
}

impl Invariant for RegistryRemembers {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        check(sight)?;
        let before = std::mem::take(&mut self.ahead);
        let Some(view) = sight.cluster.leader() else {
            return Ok(());
        };
        let (registry, cluster) = (&sight.registry, &view.cluster);
        let there = cluster
            .agents
            .keys()
            .filter(|id| !registry.agents.contains_key(*id));
        let lost = cluster
            .unreachable_agents
            .keys()
            .filter(|id| !registry.unreachable.contains_key(*id));
        for id in there.chain(lost) {
            let since = *before.get(id).unwrap_or(&sight.now);
            if sight.now - since > MOMENT {
                return Err(format!(
                    "the master believes of {id} what is not stored for {MOMENT:?}"
                ));
            }
            self.ahead.insert(id.clone(), since);
        }
        Ok(())
    }
}

fn check(sight: &Sight<'_>) -> Result<(), String> {
    if let Some(lost) = sight.cluster.storage.lost() {
        return Err(lost);
    }
    // One that stands still shows what was so when it led.
    let stands_still = sight.cluster.stands_still(sight.cluster.master_address());
    let Some(view) = sight.view.as_ref().filter(|_| !stands_still) else {
        return Ok(());
    };
    let registry = &sight.registry;
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

/// After faults: what is stored is what the leader believes, so that every later one believes the same.
///
/// # Errors
///
/// The first difference.
pub fn agrees(cluster: &SimCluster) -> Result<(), String> {
    let view = cluster.view().ok_or("there is no master")?;
    let (stored, known) = (cluster.registry(), &view.cluster);
    let agents = known.agents.keys().chain(known.recovered_agents.keys());
    same("agents", stored.agents.keys(), agents)?;
    let unreachable = known.unreachable_agents.keys();
    same("unreachable agents", stored.unreachable.keys(), unreachable)?;
    same("gone agents", stored.gone.keys(), known.gone_agents.keys())?;
    same("drains", stored.drains.keys(), known.drains.keys())?;
    let deactivated = known.deactivated.iter();
    same("deactivated agents", stored.deactivated.iter(), deactivated)?;
    same("machines", stored.machines.keys(), known.machines.keys())?;
    same("quotas", stored.quotas.keys(), known.quotas.keys())?;
    same("weights", stored.weights.keys(), known.weights.keys())?;
    let frameworks = known.frameworks.keys();
    same("frameworks", stored.frameworks.keys(), frameworks)
}

fn same<'a, T: Ord + std::fmt::Debug + 'a>(
    what: &str,
    stored: impl Iterator<Item = &'a T>,
    known: impl Iterator<Item = &'a T>,
) -> Result<(), String> {
    let (stored, known): (BTreeSet<&T>, BTreeSet<&T>) = (stored.collect(), known.collect());
    match stored == known {
        true => Ok(()),
        false => Err(format!(
            "{what}: {stored:?} are stored, the master has {known:?}"
        )),
    }
}
