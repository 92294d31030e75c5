//! What is read back after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos::v1::FrameworkInfo;

use super::frameworks::{failover_duration, record_of};
use super::{
    AgentWords, Connection, Continuation, Effect, Effects, RecoveredAgent, State, Timer, Timestamp,
    UnreachableAgent,
};
use crate::allocator::AllocatorOp;
use crate::registrar::{FrameworkRecord, Operation, Registry};

impl State {
    /// The registry has been read: agents and frameworks may come back now.
    ///
    /// A framework that was away when the last master ended keeps its deadline, with some time to
    /// find this one. One that was connected gets its failover timeout from now, but never less
    /// than agents get: with the usual timeout of zero it would otherwise be torn down before it
    /// could notice. Either is stored and given once: a master that follows soon adds nothing, so
    /// that a framework that does not come back ends however often masters change.
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
        let stored = record
            .failover_deadline
            .map(|at| Timestamp::from_nanos(at.nanoseconds));
        let wait = self.time_to_return(now, &info, stored, record.extended);
        let Some(framework) = self.cluster.framework_mut(&id) else {
            return;
        };
        framework.connection = Connection::Recovered;
        let deadline = now + wait;
        if stored != Some(deadline) {
            let framework = FrameworkRecord {
                extended: true,
                ..record_of(framework, Some(deadline))
            };
            let id = id.clone();
            let operation = Operation::UpdateFramework { id, framework };
            out.push(Effect::Registry(operation, Continuation::Nothing));
        }
        let epoch = self.cluster.framework(&id).map_or(0, |it| it.epoch);
        out.push(Effect::Timer(wait, Timer::FrameworkFailover(id, epoch)));
    }

    /// How long a framework of the registry is waited for, by what was stored of its deadline.
    fn time_to_return(
        &self,
        now: Timestamp,
        info: &FrameworkInfo,
        deadline: Option<Timestamp>,
        extended: bool,
    ) -> Duration {
        let (patience, grace) = (
            failover_duration(info),
            self.config.agent_reregister_timeout,
        );
        match deadline {
            None => patience.max(grace),
            // If it had run out before, nobody led then, and the framework may have looked for a leader all the time.
            Some(deadline) if extended && deadline > now => {
                deadline.since(now).min(patience.max(grace))
            }
            // By the clock of the master that stored it. It may have come back to that since, or looked for a leader
            // when there was none: it gets some time in any case, and never more than it asked for.
            Some(deadline) => deadline.since(now).clamp(patience.min(grace), patience),
        }
    }
}
