//! Machines that are planned to be unavailable, as they are stored (Mesos' `docs/maintenance.md`).

use std::collections::{BTreeMap, BTreeSet};

use mesos::v1::{MachineId, Unavailability};
use serde::{Deserialize, Serialize};

use super::operations::Refused;
use super::registry::{Change, Record, RecordKey, Registry};

/// Names a machine: its host name in lower case, its ip, or both. What is empty was not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineKey {
    /// In lower case: host names do not know case.
    pub hostname: String,
    /// As text, in the form that Rust gives it.
    pub ip: String,
}

/// A machine of the maintenance schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// Whether it is down already; otherwise it is waited for that frameworks leave it.
    pub down: bool,
    /// The place of its window in the schedule, counted from 0. Windows are stored with their
    /// machines, because a schedule may be larger than one record may be.
    pub window: u32,
    /// When it will be unavailable.
    pub unavailability: Unavailability,
}

impl MachineKey {
    /// The machine that `id` names.
    pub fn of(id: &MachineId) -> MachineKey {
        MachineKey {
            hostname: id.hostname().to_lowercase(),
            ip: id.ip().to_owned(),
        }
    }

    /// As the API names it.
    pub fn id(&self) -> MachineId {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        MachineId {
            hostname: given(&self.hostname),
            ip: given(&self.ip),
        }
    }
}

impl std::fmt::Display for MachineKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.hostname.as_str(), self.ip.as_str()) {
            ("", ip) => write!(f, "{ip}"),
            (hostname, "") => write!(f, "{hostname}"),
            (hostname, ip) => write!(f, "{hostname} ({ip})"),
        }
    }
}

/// Replaces the schedule. Machines that are down stay so, and must stay in it.
pub(super) fn reschedule(
    registry: &Registry,
    machines: BTreeMap<MachineKey, (u32, Unavailability)>,
) -> Result<Vec<Change>, Refused> {
    let mut changes = Vec::new();
    for (key, known) in &registry.machines {
        match machines.contains_key(key) {
            true => {}
            false if known.down => return Err(Refused::MachineDown(key.clone())),
            false => changes.push(Change::Delete(RecordKey::Machine(key.clone()))),
        }
    }
    for (key, (window, unavailability)) in machines {
        let known = registry.machines.get(&key);
        let machine = MachineRecord {
            down: known.is_some_and(|known| known.down),
            window,
            unavailability,
        };
        if known != Some(&machine) {
            changes.push(Change::Put(Record::Machine { key, machine }));
        }
    }
    Ok(changes)
}

/// Takes scheduled machines down.
pub(super) fn take_down(
    registry: &Registry,
    machines: BTreeSet<MachineKey>,
) -> Result<Vec<Change>, Refused> {
    let down = |key: MachineKey| match registry.machines.get(&key) {
        Some(known) if !known.down => {
            let machine = MachineRecord {
                down: true,
                ..known.clone()
            };
            Ok(Change::Put(Record::Machine { key, machine }))
        }
        _ => Err(Refused::MachineNotDraining(key)),
    };
    machines.into_iter().map(down).collect()
}

/// Brings machines up again, which takes them out of the schedule.
pub(super) fn bring_up(
    registry: &Registry,
    machines: BTreeSet<MachineKey>,
) -> Result<Vec<Change>, Refused> {
    let up = |key: MachineKey| match registry.machines.get(&key) {
        Some(known) if known.down => Ok(Change::Delete(RecordKey::Machine(key))),
        _ => Err(Refused::MachineNotDown(key)),
    };
    machines.into_iter().map(up).collect()
}
