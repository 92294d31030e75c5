//! What a master may do to the registry (mesos.md §1.1 AD9).
//!
//! An operation is judged against the current value and yields the changes that it takes; none
//! means that it changes nothing and needs no write.

use std::collections::{BTreeMap, BTreeSet};

use mesos::v1::quota::QuotaConfig;
use mesos::v1::{AgentId, AgentInfo, FrameworkId, TimeInfo};
use mesos::wire::Pb;

use super::registry::{Change, FrameworkRecord, Record, RecordKey, Registry};

/// One thing to do.
#[expect(missing_docs, reason = "the fields say what their types say")]
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Lets a new agent in.
    AdmitAgent { id: AgentId, info: Pb<AgentInfo> },
    /// An admitted agent came back with other properties.
    UpdateAgent { id: AgentId, info: Pb<AgentInfo> },
    /// An admitted agent does not answer any more.
    MarkAgentUnreachable { id: AgentId, since: TimeInfo },
    /// An agent is back. One that the registry does not know (any more) is let in like a new one
    /// (AD11: the registry is not strict).
    MarkAgentReachable { id: AgentId, info: Pb<AgentInfo> },
    /// An admitted agent left for good.
    RemoveAgent { id: AgentId },
    /// Forgets unreachable agents; those that are not unreachable are left alone.
    PruneUnreachable { agents: BTreeSet<AgentId> },
    /// A framework subscribed for the first time.
    AddFramework {
        id: FrameworkId,
        framework: FrameworkRecord,
    },
    /// A framework changed, disconnected (with a deadline) or came back (without one).
    UpdateFramework {
        id: FrameworkId,
        framework: FrameworkRecord,
    },
    /// A framework was torn down or did not come back in time. One that is not there is fine.
    RemoveFramework { id: FrameworkId },
    /// Gives roles weights.
    UpdateWeights { weights: BTreeMap<String, f64> },
    /// Gives roles quotas; one without guarantees and limits takes the role's away.
    UpdateQuota { configs: Vec<Pb<QuotaConfig>> },
}

/// Why an operation cannot be done on the registry as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Only agents with an id of their own can be admitted.
    #[error("agent {} is already admitted", .0.value)]
    AgentAlreadyAdmitted(AgentId),
    /// The operation is for admitted agents only.
    #[error("agent {} is not admitted", .0.value)]
    AgentNotAdmitted(AgentId),
    /// Only frameworks with an id of their own can be added.
    #[error("framework {} is already in the registry", .0.value)]
    FrameworkAlreadyAdded(FrameworkId),
    /// There is nothing to update.
    #[error("framework {} is not in the registry", .0.value)]
    FrameworkUnknown(FrameworkId),
}

impl Operation {
    /// The changes that this operation makes to `registry`.
    pub fn changes(self, registry: &Registry) -> Result<Vec<Change>, Refused> {
        match self {
            Operation::AdmitAgent { id, info } => {
                let known =
                    registry.agents.contains_key(&id) || registry.unreachable.contains_key(&id);
                if known {
                    Err(Refused::AgentAlreadyAdmitted(id))
                } else {
                    Ok(vec![put_agent(id, info)])
                }
            }
            Operation::UpdateAgent { id, info } => match registry.agents.get(&id) {
                None => Err(Refused::AgentNotAdmitted(id)),
                Some(current) if *current == info => Ok(vec![]),
                Some(_) => Ok(vec![put_agent(id, info)]),
            },
            Operation::MarkAgentUnreachable { id, since } => {
                admitted(registry, &id)?;
                let gone = Change::Delete(RecordKey::Agent(id.clone()));
                Ok(vec![gone, Change::Put(Record::Unreachable { id, since })])
            }
            Operation::MarkAgentReachable { id, info } => {
                let mut changes = vec![];
                if registry.unreachable.contains_key(&id) {
                    changes.push(Change::Delete(RecordKey::Unreachable(id.clone())));
                }
                if registry.agents.get(&id) != Some(&info) {
                    changes.push(put_agent(id, info));
                }
                Ok(changes)
            }
            Operation::RemoveAgent { id } => {
                admitted(registry, &id)?;
                Ok(vec![Change::Delete(RecordKey::Agent(id))])
            }
            Operation::PruneUnreachable { agents } => {
                let known = agents
                    .into_iter()
                    .filter(|id| registry.unreachable.contains_key(id));
                Ok(known
                    .map(|id| Change::Delete(RecordKey::Unreachable(id)))
                    .collect())
            }
            Operation::AddFramework { id, framework } => {
                if registry.frameworks.contains_key(&id) {
                    return Err(Refused::FrameworkAlreadyAdded(id));
                }
                Ok(vec![put_framework(id, framework)])
            }
            Operation::UpdateFramework { id, framework } => match registry.frameworks.get(&id) {
                None => Err(Refused::FrameworkUnknown(id)),
                Some(current) if *current == framework => Ok(vec![]),
                Some(_) => Ok(vec![put_framework(id, framework)]),
            },
            Operation::RemoveFramework { id } => match registry.frameworks.contains_key(&id) {
                true => Ok(vec![Change::Delete(RecordKey::Framework(id))]),
                false => Ok(vec![]),
            },
            Operation::UpdateWeights { weights } => {
                let new = weights.into_iter();
                let new = new.filter(|(role, weight)| registry.weights.get(role) != Some(weight));
                let put = |(role, weight)| Change::Put(Record::Weight { role, weight });
                Ok(new.map(put).collect())
            }
            Operation::UpdateQuota { configs } => {
                let new = configs.into_iter();
                let new = new.filter(|config| registry.quotas.get(&config.role) != Some(config));
                Ok(new
                    .filter_map(|config| put_quota(config, registry))
                    .collect())
            }
        }
    }
}

fn put_quota(config: Pb<QuotaConfig>, registry: &Registry) -> Option<Change> {
    if !config.guarantees.is_empty() || !config.limits.is_empty() {
        return Some(Change::Put(Record::Quota { config }));
    }
    let is_there = registry.quotas.contains_key(&config.role);
    is_there.then(|| Change::Delete(RecordKey::Quota(config.role.clone())))
}

fn admitted(registry: &Registry, id: &AgentId) -> Result<(), Refused> {
    match registry.agents.contains_key(id) {
        true => Ok(()),
        false => Err(Refused::AgentNotAdmitted(id.clone())),
    }
}

fn put_agent(id: AgentId, info: Pb<AgentInfo>) -> Change {
    Change::Put(Record::Agent { id, info })
}

fn put_framework(id: FrameworkId, framework: FrameworkRecord) -> Change {
    Change::Put(Record::Framework { id, framework })
}
