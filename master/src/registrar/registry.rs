//! What a master must not forget (mesos.md §1.1 AD8): admitted and unreachable agents, weights and
//! quotas, and, other than in Mesos, frameworks with their failover deadlines.
//!
//! The value changes only by [`Change`]s, the same that are stored, so that what a later master
//! reads is what this one believed.

use std::collections::BTreeMap;

use mesos::v1::quota::QuotaConfig;
use mesos::v1::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, TimeInfo};
use mesos::wire::Pb;
use serde::{Deserialize, Serialize};

/// The registry as a value: it changes by [`Change`]s, which are what is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// Agents that may run tasks.
    pub agents: BTreeMap<AgentId, Pb<AgentInfo>>,
    /// Agents that stopped answering, and since when (wall clock).
    pub unreachable: BTreeMap<AgentId, TimeInfo>,
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
    /// A framework.
    Framework(FrameworkId),
    /// The weight of a role.
    Weight(String),
    /// The quota of a role.
    Quota(String),
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
        let agents = (self.agents.iter()).map(|(id, info)| Record::Agent {
            id: id.clone(),
            info: info.clone(),
        });
        let unreachable = (self.unreachable.iter()).map(|(id, since)| Record::Unreachable {
            id: id.clone(),
            since: *since,
        });
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
        agents
            .chain(unreachable)
            .chain(frameworks)
            .chain(weights)
            .chain(quotas)
    }
}

impl FromIterator<Record> for Registry {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut registry = Self::default();
        records.into_iter().for_each(|record| registry.put(record));
        registry
    }
}
