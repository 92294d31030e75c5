//! Undoing what was ordered.

use std::time::Duration;

use master::registrar::MachineKey;
use mesos::v1::TaskId;
use mesos::v1::master::Call;
use tokio::time::Instant;

use super::calls;
use crate::sim::Service;
use crate::sim::cluster::SimCluster;
use crate::sim::invariants::kills_are_answered;

/// How long it is between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl SimCluster {
    /// Takes all orders back, once all faults are over, and starts again what was ended by one.
    ///
    /// # Panics
    ///
    /// It cannot be done within that time.
    pub async fn tidy_up(&mut self, within: Duration) {
        self.orders.forget();
        let began = Instant::now();
        loop {
            self.restart_all().await;
            let calls = self.untidy();
            let strays = kills_are_answered::unanswered(self);
            let unserved = self.unserved();
            let told = strays.is_empty() && unserved.is_empty();
            if calls.as_ref().is_some_and(Vec::is_empty) && told {
                return;
            }
            let what = match (&calls, strays.is_empty()) {
                (None, _) => "somebody_leads",
                (Some(_), false) => "kills_are_answered",
                (Some(_), true) => "views_agree",
            };
            let left = format!("{calls:?}, {strays:?}, services {unserved:?}");
            self.kill_again(strays);
            assert!(
                began.elapsed() < within,
                "{what}: not taken back within {within:?}: {left}"
            );
            for call in calls.unwrap_or_default() {
                if let Some(asked) = self.ask_leader(call) {
                    // Refused or lost: it is tried again.
                    let _ = asked.await;
                }
            }
            self.pass(LOOK_EVERY).await;
        }
    }

    /// Services that the leader does not know to be there: some find only now that they were ended.
    fn unserved(&self) -> Vec<usize> {
        let view = self.view();
        let served = |service: &Service| {
            let frameworks = view.as_ref().map(|view| &view.cluster.frameworks);
            let id = service.framework();
            let known = frameworks.and_then(|frameworks| frameworks.get(&id?));
            known.is_some_and(|framework| framework.connected()) && !service.is_over()
        };
        let services = self.services.iter().enumerate();
        let unserved = services.filter(|(_, service)| !service.has_left() && !served(service));
        unserved.map(|(number, _)| number).collect()
    }

    /// Kills what never was, once more, where somebody can say so.
    fn kill_again(&self, strays: Vec<(usize, TaskId)>) {
        let there = self.agent_id(0);
        for (service, task) in strays {
            self.services[service].driver.kill(task, there.clone());
        }
    }

    /// What takes back what is left of orders; none while nobody knows.
    fn untidy(&self) -> Option<Vec<Call>> {
        let view = self.view()?;
        if !view.leads() || view.is_recovering() {
            return None;
        }
        let cluster = &view.cluster;
        let mut calls = Vec::new();
        let down = cluster.machines.iter().filter(|(_, machine)| machine.down);
        let down: Vec<_> = down.map(|(key, _)| MachineKey::id(key)).collect();
        if !down.is_empty() {
            calls.push(calls::up(down));
        } else if !cluster.machines.is_empty() {
            calls.push(calls::schedule(Vec::new()));
        }
        let drained = cluster.drains.keys().chain(cluster.deactivated.iter());
        calls.extend(drained.cloned().map(calls::reactivate));
        calls.extend(cluster.quotas.keys().map(|role| calls::quota(role, None)));
        for agent in cluster.agents.values() {
            for service in &self.services {
                let (id, role) = (&agent.id, &service.terms.role);
                let volumes = calls::destroy(id.clone(), &agent.total, role);
                let reserved = || calls::unreserve(id.clone(), &agent.total, role);
                calls.extend(volumes.or_else(reserved));
            }
        }
        Some(calls)
    }
}
