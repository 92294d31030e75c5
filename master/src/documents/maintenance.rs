//! What is planned for machines, and what frameworks say to it.

use std::collections::BTreeMap;

use mesos::v1::allocator::InverseOfferStatus;
use mesos::v1::maintenance::cluster_status::DrainingMachine;
use mesos::v1::maintenance::{ClusterStatus, Schedule, Window};

use crate::registrar::MachineKey;
use crate::view::View;

/// The schedule, with its windows in the order in which they were given.
pub(crate) fn schedule(view: &View) -> Schedule {
    let mut windows: BTreeMap<u32, Window> = BTreeMap::new();
    for (key, machine) in &view.cluster.machines {
        let window = windows.entry(machine.window).or_insert_with(|| Window {
            machine_ids: Vec::new(),
            unavailability: machine.unavailability,
        });
        window.machine_ids.push(key.id());
    }
    let windows = windows.into_values().collect();
    Schedule { windows }
}

/// Machines that are waited for, with the last answers of frameworks that are to leave them, and
/// machines that are down.
pub(crate) fn status(view: &View) -> ClusterStatus {
    let mut statuses = statuses(view);
    let mut status = ClusterStatus::default();
    for (key, machine) in &view.cluster.machines {
        if machine.down {
            status.down_machines.push(key.id());
        } else {
            status.draining_machines.push(DrainingMachine {
                id: key.id(),
                statuses: statuses.remove(key).unwrap_or_default(),
            });
        }
    }
    status
}

fn statuses(view: &View) -> BTreeMap<MachineKey, Vec<InverseOfferStatus>> {
    let cluster = &view.cluster;
    let mut statuses: BTreeMap<MachineKey, Vec<InverseOfferStatus>> = BTreeMap::new();
    if cluster.machines.is_empty() {
        return statuses;
    }
    for agent in cluster.agents.values() {
        if let Some((key, _)) = cluster.machine_of(agent) {
            let machine = statuses.entry(key).or_default();
            machine.extend(agent.inverse_offer_statuses(cluster));
        }
    }
    statuses
}
