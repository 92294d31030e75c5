//! What is read back after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::frameworks::failover_duration;
use super::{
    AgentWords, Connection, Effect, Effects, RecoveredAgent, State, Timer, Timestamp,
    UnreachableAgent,
};
use crate::allocator::AllocatorOp;
use crate::registrar::{FrameworkRecord, Registry};

impl State {
    /// The registry has been read: agents and frameworks may come back now.
    ///
    /// A framework that was away when the last master ended keeps its deadline. One that was
    /// connected gets its failover timeout from now, but never less than agents get: with the
    /// usual timeout of zero it would otherwise be torn down before it could notice.
    pub fn recovered(&mut self, now: Timestamp, registry: Registry) -> Effects {
        let mut out = Effects::new();
        self.recovering = false;
        self.recovered_at = Some(now);
        self.recovered_at_start = registry.agents.len();
        for (id, info) in registry.agents {
            let agent = RecoveredAgent {
                info: AgentWords::from(&info.0),
            };
            self.cluster.recovered_agents.insert(id, Arc::new(agent));
        }
        for (id, since) in registry.unreachable {
            let since = Timestamp::from_nanos(since.nanoseconds);
            let agent = UnreachableAgent { info: None, since };
            self.cluster.unreachable_agents.insert(id, Arc::new(agent));
        }
        for (id, since) in registry.gone {
            let since = Timestamp::from_nanos(since.nanoseconds);
            self.cluster.gone_agents.insert(id, since);
        }
        let drains = registry.drains.into_iter();
        self.cluster.drains = drains.map(|(id, drain)| (id, Arc::new(drain))).collect();
        self.cluster.deactivated = registry.deactivated.into_iter().collect();
        let machines = registry.machines.into_iter();
        self.cluster.machines = machines.map(|(key, m)| (key, Arc::new(m))).collect();
        self.recover_weights(registry.weights, &mut out);
        for config in registry.quotas.into_values() {
            self.set_quota_of(config.0, &mut out);
        }
        if !self.cluster.quotas.is_empty() {
            // Guarantees must not be given away because most agents are not back yet.
            let expected_agents = self.recovered_at_start;
            out.push(Effect::Allocator(AllocatorOp::BeginRecovery {
                expected_agents,
            }));
        }
        for record in registry.frameworks.into_values() {
            self.recover_persisted(now, record, &mut out);
        }
        let gc = Effect::Timer(self.config.registry_gc_interval, Timer::RegistryGc);
        out.push(gc);
        if self.recovered_at_start > 0 {
            let timeout = self.config.agent_reregister_timeout;
            out.push(Effect::Timer(timeout, Timer::AgentsRecovery));
        }
        out
    }

    /// Weights of the flag count until an operator has set any.
    fn recover_weights(&mut self, stored: BTreeMap<String, f64>, out: &mut Effects) {
        let flag = &self.config.weights;
        if stored.is_empty() {
            self.cluster.weights = flag.clone().into();
            return;
        }
        self.cluster.weights = stored.clone().into();
        let mut weights = stored;
        for role in flag.keys() {
            weights.entry(role.clone()).or_insert(1.0);
        }
        out.push(Effect::Allocator(AllocatorOp::UpdateWeights { weights }));
    }

    fn recover_persisted(&mut self, now: Timestamp, record: FrameworkRecord, out: &mut Effects) {
        let info = record.info.0;
        let Some(id) = info.id.clone() else { return };
        self.add_framework(now, &info, out);
        self.persisted.insert(id.clone());
        let (patience, grace) = (
            failover_duration(&info),
            self.config.agent_reregister_timeout,
        );
        let wait = match record.failover_deadline {
            // By the clock of the master that stored it. It may have come back to that since, or looked for a leader
            // when there was none: it gets some time in any case, and never more than it asked for.
            Some(deadline) => Timestamp::from_nanos(deadline.nanoseconds)
                .since(now)
                .clamp(patience.min(grace), patience),
            None => patience.max(grace),
        };
        let Some(framework) = self.cluster.framework_mut(&id) else {
            return;
        };
        framework.connection = Connection::Recovered;
        out.push(Effect::Timer(
            wait,
            Timer::FrameworkFailover(id, framework.epoch),
        ));
    }
}
