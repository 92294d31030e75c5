//! What a master may do to the registry (Mesos' `src/master/registry_operations.hpp`).
//!
//! An operation is judged against the current value and yields the changes that it takes; none
//! means that it changes nothing and needs no write.

use std::collections::{BTreeMap, BTreeSet};

use mesos::v1::quota::QuotaConfig;
use mesos::v1::{AgentId, AgentInfo, DrainConfig, FrameworkId, TimeInfo, Unavailability};
use mesos::wire::Pb;

use super::agents;
use super::machines::{self, MachineKey};
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
    /// (like Mesos', the registry is not strict).
    MarkAgentReachable { id: AgentId, info: Pb<AgentInfo> },
    /// An admitted agent left for good.
    RemoveAgent { id: AgentId },
    /// An operator has given an agent up. It is never let in again.
    MarkAgentGone { id: AgentId, since: TimeInfo },
    /// Forgets unreachable and gone agents; those that are not any more are left alone.
    Prune {
        unreachable: BTreeSet<AgentId>,
        gone: BTreeSet<AgentId>,
    },
    /// An agent is to be drained.
    DrainAgent {
        id: AgentId,
        config: Pb<DrainConfig>,
        since: TimeInfo,
    },
    /// Nothing is left on an agent that is being drained.
    MarkAgentDrained { id: AgentId },
    /// An agent's resources are not to be offered.
    DeactivateAgent { id: AgentId },
    /// They are again; draining ends.
    ReactivateAgent { id: AgentId },
    /// Replaces the maintenance schedule: machines with the place of their window and what it says.
    UpdateSchedule {
        machines: BTreeMap<MachineKey, (u32, Unavailability)>,
    },
    /// Scheduled machines go down.
    StartMaintenance { machines: BTreeSet<MachineKey> },
    /// Machines that are down come up, and leave the schedule.
    StopMaintenance { machines: BTreeSet<MachineKey> },
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
    /// The operation is for admitted and unreachable agents only.
    #[error("agent {} is neither admitted nor unreachable", .0.value)]
    AgentUnknown(AgentId),
    /// It never comes back.
    #[error("agent {} was marked gone", .0.value)]
    AgentGone(AgentId),
    /// Only draining agents can be drained.
    #[error("agent {} is not being drained", .0.value)]
    AgentNotDraining(AgentId),
    /// It has to be brought up first.
    #[error("machine {0} is down and cannot leave the schedule")]
    MachineDown(MachineKey),
    /// Only scheduled machines that are not down yet can be taken down.
    #[error("machine {0} is not in the schedule, or down already")]
    MachineNotDraining(MachineKey),
    /// Only machines that are down can be brought up.
    #[error("machine {0} is not down")]
    MachineNotDown(MachineKey),
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
            Operation::AdmitAgent { id, info } => agents::admit(registry, id, info),
            Operation::UpdateAgent { id, info } => agents::update(registry, id, info),
            Operation::MarkAgentUnreachable { id, since } => {
                agents::mark_unreachable(registry, id, since)
            }
            Operation::MarkAgentReachable { id, info } => {
                agents::mark_reachable(registry, id, info)
            }
            Operation::RemoveAgent { id } => agents::remove(registry, &id),
            Operation::MarkAgentGone { id, since } => agents::mark_gone(registry, id, since),
            Operation::Prune { unreachable, gone } => {
                Ok(agents::prune(registry, unreachable, gone))
            }
            Operation::DrainAgent { id, config, since } => {
                agents::drain(registry, id, config, since)
            }
            Operation::MarkAgentDrained { id } => agents::mark_drained(registry, id),
            Operation::DeactivateAgent { id } => agents::deactivate(registry, id),
            Operation::ReactivateAgent { id } => agents::reactivate(registry, &id),
            Operation::UpdateSchedule { machines } => machines::reschedule(registry, machines),
            Operation::StartMaintenance { machines } => machines::take_down(registry, machines),
            Operation::StopMaintenance { machines } => machines::bring_up(registry, machines),
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

fn put_framework(id: FrameworkId, framework: FrameworkRecord) -> Change {
    Change::Put(Record::Framework { id, framework })
}
