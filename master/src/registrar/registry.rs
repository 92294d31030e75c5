//! What a master must not forget (Mesos' `src/master/registry.proto`): admitted, unreachable and gone agents, those
//! that are drained or deactivated, machines in maintenance, weights and quotas, and, other than in
//! Mesos, frameworks with their failover deadlines.
//!
//! The value changes only by [`Change`]s, the same that are stored, so that what a later master
//! reads is what this one believed. What an operator asked of an agent is a record of its own, not
//! a field of the agent's: a version that does not know of it refuses to start rather than to
//! forget it, and starts again once the record is gone (Mesos' minimum capabilities, AD15).

use std::collections::{BTreeMap, BTreeSet};

use mesos::v1::quota::QuotaConfig;
use mesos::v1::{AgentId, AgentInfo, DrainConfig, FrameworkId, FrameworkInfo, TimeInfo};
use mesos::wire::Pb;
use serde::{Deserialize, Serialize};

use super::machines::{MachineKey, MachineRecord};

/// The registry as a value: it changes by [`Change`]s, which are what is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// Agents that may run tasks.
    pub agents: BTreeMap<AgentId, Pb<AgentInfo>>,
    /// Agents that stopped answering, and since when (wall clock).
    pub unreachable: BTreeMap<AgentId, TimeInfo>,
    /// Agents that an operator has given up for ever, and since when (wall clock).
    pub gone: BTreeMap<AgentId, TimeInfo>,
    /// Admitted and unreachable agents that are being drained, or have been.
    pub drains: BTreeMap<AgentId, DrainRecord>,
    /// Admitted and unreachable agents whose resources an operator does not want to be offered.
    pub deactivated: BTreeSet<AgentId>,
    /// Machines of the maintenance schedule.
    pub machines: BTreeMap<MachineKey, MachineRecord>,
    /// Frameworks that were neither torn down nor failed over in vain.
    pub frameworks: BTreeMap<FrameworkId, FrameworkRecord>,
    /// Weights of roles that were given one.
    pub weights: BTreeMap<String, f64>,
    /// Quotas of roles that have one.
    pub quotas: BTreeMap<String, Pb<QuotaConfig>>,
}

/// A framework as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameworkRecord {
    /// What it subscribed with.
    #[serde(with = "super::exact")]
    pub info: Pb<FrameworkInfo>,
    /// When it will be removed if it is not back by then (wall clock); none while connected.
    pub failover_deadline: Option<TimeInfo>,
    /// Whether a master that had read the registry has set that moment or put it off: the next one does neither again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extended: bool,
}

/// That an agent is being drained, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrainRecord {
    /// How.
    #[serde(with = "super::exact")]
    pub config: Pb<DrainConfig>,
    /// When an operator asked for it (wall clock).
    pub since: TimeInfo,
    /// Whether nothing is left on it.
    pub drained: bool,
}

/// One stored entry of the registry.
#[expect(missing_docs, reason = "the fields say what their types say")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An admitted agent.
    Agent {
        id: AgentId,
        #[serde(with = "super::exact")]
        info: Pb<AgentInfo>,
    },
    /// An unreachable agent.
    Unreachable { id: AgentId, since: TimeInfo },
    /// An agent that is gone for ever.
    Gone { id: AgentId, since: TimeInfo },
    /// An agent that is being drained, or has been.
    Drain { id: AgentId, drain: DrainRecord },
    /// An agent whose resources are not offered.
    Deactivated { id: AgentId },
    /// A machine of the maintenance schedule.
    Machine {
        key: MachineKey,
        machine: MachineRecord,
    },
    /// A framework.
    Framework {
        id: FrameworkId,
        framework: FrameworkRecord,
    },
    /// The weight of a role.
    Weight { role: String, weight: f64 },
    /// The quota of a role, which is named in it.
    Quota {
        #[serde(with = "super::exact")]
        config: Pb<QuotaConfig>,
    },
}

/// Which entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKey {
    /// An admitted agent.
    Agent(AgentId),
    /// An unreachable agent.
    Unreachable(AgentId),
    /// An agent that is gone.
    Gone(AgentId),
    /// An agent that is being drained.
    Drain(AgentId),
    /// An agent that is deactivated.
    Deactivated(AgentId),
    /// A machine of the maintenance schedule.
    Machine(MachineKey),
    /// A framework.
    Framework(FrameworkId),
    /// The weight of a role.
    Weight(String),
    /// The quota of a role.
    Quota(String),
}

impl Record {
    /// Which entry it is.
    pub fn key(&self) -> RecordKey {
        match self {
            Record::Agent { id, .. } => RecordKey::Agent(id.clone()),
            Record::Unreachable { id, .. } => RecordKey::Unreachable(id.clone()),
            Record::Gone { id, .. } => RecordKey::Gone(id.clone()),
            Record::Drain { id, .. } => RecordKey::Drain(id.clone()),
            Record::Deactivated { id } => RecordKey::Deactivated(id.clone()),
            Record::Machine { key, .. } => RecordKey::Machine(key.clone()),
            Record::Framework { id, .. } => RecordKey::Framework(id.clone()),
            Record::Weight { role, .. } => RecordKey::Weight(role.clone()),
            Record::Quota { config } => RecordKey::Quota(config.role.clone()),
        }
    }
}

/// A step from one value of the registry to the next.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all changes are of the large one"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Adds the record or replaces the one with the same key.
    Put(Record),
    /// Forgets the record; none of that key is fine.
    Delete(RecordKey),
}

impl Registry {
    /// Takes the step.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Put(record) => self.put(record),
            Change::Delete(RecordKey::Agent(id)) => {
                self.agents.remove(&id);
            }
            Change::Delete(RecordKey::Unreachable(id)) => {
                self.unreachable.remove(&id);
            }
            Change::Delete(RecordKey::Gone(id)) => {
                self.gone.remove(&id);
            }
            Change::Delete(RecordKey::Drain(id)) => {
                self.drains.remove(&id);
            }
            Change::Delete(RecordKey::Deactivated(id)) => {
                self.deactivated.remove(&id);
            }
            Change::Delete(RecordKey::Machine(key)) => {
                self.machines.remove(&key);
            }
            Change::Delete(RecordKey::Framework(id)) => {
                self.frameworks.remove(&id);
            }
            Change::Delete(RecordKey::Weight(role)) => {
                self.weights.remove(&role);
            }
            Change::Delete(RecordKey::Quota(role)) => {
                self.quotas.remove(&role);
            }
        }
    }

    fn put(&mut self, record: Record) {
        match record {
            Record::Agent { id, info } => {
                self.agents.insert(id, info);
            }
            Record::Unreachable { id, since } => {
                self.unreachable.insert(id, since);
            }
            Record::Gone { id, since } => {
                self.gone.insert(id, since);
            }
            Record::Drain { id, drain } => {
                self.drains.insert(id, drain);
            }
            Record::Deactivated { id } => {
                self.deactivated.insert(id);
            }
            Record::Machine { key, machine } => {
                self.machines.insert(key, machine);
            }
            Record::Framework { id, framework } => {
                self.frameworks.insert(id, framework);
            }
            Record::Weight { role, weight } => {
                self.weights.insert(role, weight);
            }
            Record::Quota { config } => {
                self.quotas.insert(config.role.clone(), config);
            }
        }
    }

    /// All of it, as it is stored.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let frameworks = (self.frameworks.iter()).map(|(id, framework)| Record::Framework {
            id: id.clone(),
            framework: framework.clone(),
        });
        let weights = self.weights.iter().map(|(role, weight)| Record::Weight {
            role: role.clone(),
            weight: *weight,
        });
        let quotas = self.quotas.values().map(|config| Record::Quota {
            config: config.clone(),
        });
        let machines = (self.machines.iter()).map(|(key, machine)| Record::Machine {
            key: key.clone(),
            machine: machine.clone(),
        });
        let others = frameworks.chain(weights).chain(quotas).chain(machines);
        self.records_of_agents().chain(others)
    }

    fn records_of_agents(&self) -> impl Iterator<Item = Record> + '_ {
        let agents = (self.agents.iter()).map(|(id, info)| Record::Agent {
            id: id.clone(),
            info: info.clone(),
        });
        let unreachable = (self.unreachable.iter()).map(|(id, since)| Record::Unreachable {
            id: id.clone(),
            since: *since,
        });
        let gone = self.gone.iter().map(|(id, since)| Record::Gone {
            id: id.clone(),
            since: *since,
        });
        let drains = self.drains.iter().map(|(id, drain)| Record::Drain {
            id: id.clone(),
            drain: drain.clone(),
        });
        let deactivated = self.deactivated.iter();
        let deactivated = deactivated.map(|id| Record::Deactivated { id: id.clone() });
        agents
            .chain(unreachable)
            .chain(gone)
            .chain(drains)
            .chain(deactivated)
    }
}

impl FromIterator<Record> for Registry {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut registry = Self::default();
        records.into_iter().for_each(|record| registry.put(record));
        registry
    }
}
