//! What operations on agents make of the registry.

use std::collections::BTreeSet;

use mesos::v1::{AgentId, AgentInfo, DrainConfig, TimeInfo};
use mesos::wire::Pb;

use super::operations::Refused;
use super::registry::{Change, DrainRecord, Record, RecordKey, Registry};

type Changes = Result<Vec<Change>, Refused>;

pub(super) fn admit(registry: &Registry, id: AgentId, info: Pb<AgentInfo>) -> Changes {
    not_gone(registry, &id)?;
    match known(registry, &id) {
        Ok(()) => Err(Refused::AgentAlreadyAdmitted(id)),
        Err(_) => Ok(vec![put(id, info)]),
    }
}

pub(super) fn update(registry: &Registry, id: AgentId, info: Pb<AgentInfo>) -> Changes {
    match registry.agents.get(&id) {
        None => Err(Refused::AgentNotAdmitted(id)),
        Some(current) if *current == info => Ok(vec![]),
        Some(_) => Ok(vec![put(id, info)]),
    }
}

pub(super) fn mark_unreachable(registry: &Registry, id: AgentId, since: TimeInfo) -> Changes {
    admitted(registry, &id)?;
    let gone = Change::Delete(RecordKey::Agent(id.clone()));
    Ok(vec![gone, Change::Put(Record::Unreachable { id, since })])
}

pub(super) fn mark_reachable(registry: &Registry, id: AgentId, info: Pb<AgentInfo>) -> Changes {
    not_gone(registry, &id)?;
    let mut changes = vec![];
    if registry.unreachable.contains_key(&id) {
        changes.push(Change::Delete(RecordKey::Unreachable(id.clone())));
    }
    if registry.agents.get(&id) != Some(&info) {
        changes.push(put(id, info));
    }
    Ok(changes)
}

pub(super) fn remove(registry: &Registry, id: &AgentId) -> Changes {
    admitted(registry, id)?;
    Ok(forget(registry, id))
}

/// An agent that is gone already stays so from when it was.
pub(super) fn mark_gone(registry: &Registry, id: AgentId, since: TimeInfo) -> Changes {
    if registry.gone.contains_key(&id) {
        return Ok(vec![]);
    }
    known(registry, &id)?;
    let mut changes = forget(registry, &id);
    changes.push(Change::Put(Record::Gone { id, since }));
    Ok(changes)
}

pub(super) fn prune(
    registry: &Registry,
    unreachable: BTreeSet<AgentId>,
    gone: BTreeSet<AgentId>,
) -> Vec<Change> {
    let unreachable = unreachable.iter();
    let unreachable = unreachable.filter(|id| registry.unreachable.contains_key(id));
    let unreachable = unreachable.flat_map(|id| forget(registry, id));
    let gone = gone.into_iter();
    let gone = gone.filter(|id| registry.gone.contains_key(id));
    let gone = gone.map(|id| Change::Delete(RecordKey::Gone(id)));
    unreachable.chain(gone).collect()
}

/// Draining anew replaces what was asked before.
pub(super) fn drain(
    registry: &Registry,
    id: AgentId,
    config: Pb<DrainConfig>,
    since: TimeInfo,
) -> Changes {
    known(registry, &id)?;
    let drain = DrainRecord {
        config,
        since,
        drained: false,
    };
    if registry.drains.get(&id) == Some(&drain) {
        return Ok(vec![]);
    }
    Ok(vec![Change::Put(Record::Drain { id, drain })])
}

pub(super) fn mark_drained(registry: &Registry, id: AgentId) -> Changes {
    match registry.drains.get(&id) {
        None => Err(Refused::AgentNotDraining(id)),
        Some(known) if known.drained => Ok(vec![]),
        Some(known) => {
            let drain = DrainRecord {
                drained: true,
                ..known.clone()
            };
            Ok(vec![Change::Put(Record::Drain { id, drain })])
        }
    }
}

pub(super) fn deactivate(registry: &Registry, id: AgentId) -> Changes {
    known(registry, &id)?;
    match registry.deactivated.contains(&id) {
        true => Ok(vec![]),
        false => Ok(vec![Change::Put(Record::Deactivated { id })]),
    }
}

/// Ends what draining and deactivation began.
pub(super) fn reactivate(registry: &Registry, id: &AgentId) -> Changes {
    known(registry, id)?;
    Ok(forget_wishes(registry, id))
}

/// Everything about an agent that is in one of the lists of those that may come back.
fn forget(registry: &Registry, id: &AgentId) -> Vec<Change> {
    let mut changes = forget_wishes(registry, id);
    if registry.agents.contains_key(id) {
        changes.push(Change::Delete(RecordKey::Agent(id.clone())));
    }
    if registry.unreachable.contains_key(id) {
        changes.push(Change::Delete(RecordKey::Unreachable(id.clone())));
    }
    changes
}

/// What operators asked of an agent.
fn forget_wishes(registry: &Registry, id: &AgentId) -> Vec<Change> {
    let mut changes = vec![];
    if registry.drains.contains_key(id) {
        changes.push(Change::Delete(RecordKey::Drain(id.clone())));
    }
    if registry.deactivated.contains(id) {
        changes.push(Change::Delete(RecordKey::Deactivated(id.clone())));
    }
    changes
}

fn admitted(registry: &Registry, id: &AgentId) -> Result<(), Refused> {
    match registry.agents.contains_key(id) {
        true => Ok(()),
        false => Err(Refused::AgentNotAdmitted(id.clone())),
    }
}

/// Admitted, or unreachable.
fn known(registry: &Registry, id: &AgentId) -> Result<(), Refused> {
    let known = registry.agents.contains_key(id) || registry.unreachable.contains_key(id);
    match known {
        true => Ok(()),
        false => Err(Refused::AgentUnknown(id.clone())),
    }
}

fn not_gone(registry: &Registry, id: &AgentId) -> Result<(), Refused> {
    match registry.gone.contains_key(id) {
        true => Err(Refused::AgentGone(id.clone())),
        false => Ok(()),
    }
}

fn put(id: AgentId, info: Pb<AgentInfo>) -> Change {
    Change::Put(Record::Agent { id, info })
}
