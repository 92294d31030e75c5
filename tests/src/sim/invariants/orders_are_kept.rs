//! What an operator was promised stays so, under every later master, until he orders something else.
//!
//! One operator gives his orders one after the other, so this is linearizability of the registry for whoever uses it: an
//! answered order has taken effect, and an order that was not answered takes it before a later one's answer or never.

use std::collections::BTreeMap;

use master::registrar::{MachineKey, MachineRecord, Registry};
use mesos::v1::{AgentId, MachineId};

use super::Sight;
use crate::sim::operator::{Promise, Subject};

/// In what is stored.
///
/// # Errors
///
/// The promise that is broken.
pub fn check(sight: &Sight<'_>) -> Result<(), String> {
    for (subject, promise) in sight.cluster.orders.promises() {
        if !holds(&sight.registry, &subject, &promise) {
            return Err(format!("{subject:?} is to be {promise:?}, and is not"));
        }
    }
    Ok(())
}

fn holds(registry: &Registry, subject: &Subject, promise: &Promise) -> bool {
    match (subject, promise) {
        (Subject::Agent(id), promise) => of_agent(registry, id, promise),
        (Subject::Machines, promise) => of_machines(&registry.machines, promise),
        (Subject::Quota(role), Promise::Limit(cpus)) => {
            let quota = registry.quotas.get(role);
            let limit = quota.and_then(|quota| quota.0.limits.get("cpus"));
            limit.is_some_and(|limit| limit.value == f64::from(*cpus))
        }
        (Subject::Quota(role), _) => !registry.quotas.contains_key(role),
        (Subject::Weight(role), Promise::Weight(weight)) => {
            registry.weights.get(role) == Some(&f64::from(*weight))
        }
        // A framework that comes back after a failover of the master is another story: masters forget who has ended.
        (Subject::Weight(_) | Subject::Framework(_), _) => true,
    }
}

/// What was asked of an agent ends with the agent.
fn of_agent(registry: &Registry, id: &AgentId, promise: &Promise) -> bool {
    let there = registry.agents.contains_key(id) || registry.unreachable.contains_key(id);
    let drains = registry.drains.contains_key(id);
    let deactivated = registry.deactivated.contains(id);
    match promise {
        Promise::Draining => !there || drains,
        Promise::Deactivated => !there || deactivated,
        Promise::Active => !drains && !deactivated,
        Promise::Gone => registry.gone.contains_key(id),
        _ => true,
    }
}

fn of_machines(machines: &BTreeMap<MachineKey, MachineRecord>, promise: &Promise) -> bool {
    let record = |agent: &usize| {
        machines.get(&MachineKey::of(&MachineId {
            hostname: Some(format!("agent-{agent}")),
            ip: None,
        }))
    };
    match promise {
        Promise::Scheduled(agent) => record(agent).is_some(),
        Promise::Down(agent) => record(agent).is_some_and(|machine| machine.down),
        Promise::Up(agent) => record(agent).is_none(),
        _ => true,
    }
}
