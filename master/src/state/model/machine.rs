//! Machines of the maintenance schedule (Mesos' `docs/maintenance.md`).

use std::net::IpAddr;
use std::sync::Arc;

use imbl::OrdMap;

use super::{Agent, Cluster};
use crate::registrar::{MachineKey, MachineRecord};

/// Machines of the maintenance schedule.
pub type Machines = OrdMap<MachineKey, Arc<MachineRecord>>;

impl Cluster {
    /// What is planned for the machine of an agent, and as what the schedule names it.
    pub(crate) fn machine_of(&self, agent: &Agent) -> Option<(MachineKey, Arc<MachineRecord>)> {
        find_machine(
            &self.machines,
            agent.info.hostname(),
            agent.pid.address().ip(),
        )
    }
}

/// What is planned for the machine of that name and address. A machine that is named in part is
/// every machine that fits: of several plans the one that is in force, or the earliest, counts.
pub(crate) fn find_machine(
    machines: &Machines,
    hostname: &str,
    ip: IpAddr,
) -> Option<(MachineKey, Arc<MachineRecord>)> {
    if machines.is_empty() {
        return None;
    }
    let (hostname, ip) = (hostname.to_lowercase(), ip.to_string());
    let key = |hostname: &str, ip: &str| MachineKey {
        hostname: hostname.to_owned(),
        ip: ip.to_owned(),
    };
    let names = [key(&hostname, &ip), key(&hostname, ""), key("", &ip)];
    let found = names.into_iter().filter_map(|name| {
        let machine = machines.get(&name)?.clone();
        Some((name, machine))
    });
    found.min_by_key(|(_, machine)| (!machine.down, machine.unavailability.start))
}
