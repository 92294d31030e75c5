//! Forgetting unreachable and gone agents, which otherwise pile up for ever (Mesos'
//! `docs/high-availability.md`, `--registry_max_agent_age`).

use std::collections::BTreeSet;

use mesos::v1::AgentId;

use super::{Continuation, Effect, Effects, State, Timer, Timestamp};
use crate::registrar::Operation;

impl State {
    /// Once per `registry_gc_interval`: agents that have been unreachable or gone for too
    /// long, and the oldest of too many, leave the registry. Tasks on them are unknown from then on.
    pub(super) fn collect_garbage(&mut self, now: Timestamp) -> Effects {
        let mut out = vec![Effect::Timer(
            self.config.registry_gc_interval,
            Timer::RegistryGc,
        )];
        let cluster = &self.cluster;
        let unreachable = cluster.unreachable_agents.iter();
        let unreachable = unreachable.map(|(id, agent)| (agent.since, id));
        let unreachable = self.forgettable(now, unreachable.collect());
        let gone = cluster.gone_agents.iter();
        let gone = self.forgettable(now, gone.map(|(id, since)| (*since, id)).collect());
        if !unreachable.is_empty() || !gone.is_empty() {
            let agents = unreachable.union(&gone).cloned().collect();
            out.push(Effect::Registry(
                Operation::Prune { unreachable, gone },
                Continuation::Prune(agents),
            ));
        }
        out
    }

    fn forgettable(
        &self,
        now: Timestamp,
        mut agents: Vec<(Timestamp, &AgentId)>,
    ) -> BTreeSet<AgentId> {
        agents.sort();
        let limit = self.config.registry_max_agent_count;
        let too_many = agents.len().saturating_sub(limit);
        let too_old = |since: Timestamp| now.since(since) > self.config.registry_max_agent_age;
        let oldest_first = agents.into_iter().enumerate();
        oldest_first
            .filter(|(index, (since, _))| *index < too_many || too_old(*since))
            .map(|(_, (_, id))| id.clone())
            .collect()
    }

    /// The registry has forgotten them. One that came back meanwhile is in neither list.
    pub(super) fn pruned(&mut self, agents: &BTreeSet<AgentId>) -> Effects {
        for id in agents {
            let was_unreachable = self.cluster.unreachable_agents.remove(id).is_some();
            self.cluster.gone_agents.remove(id);
            if was_unreachable {
                self.cluster.drains.remove(id);
                self.cluster.deactivated.remove(id);
            }
        }
        Effects::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use mesos::v1;

    use super::*;
    use crate::config::Config;
    use crate::state::UnreachableAgent;

    fn state_with(unreachable: &[(&str, i64)], limit: usize) -> State {
        let config = Config {
            registry_max_agent_count: limit,
            registry_max_agent_age: Duration::from_secs(100),
            ..Config::default()
        };
        let mut state = State::new(Arc::new(config), v1::MasterInfo::default());
        for (name, since) in unreachable {
            let agent = UnreachableAgent {
                info: None,
                since: Timestamp::from_secs(*since),
            };
            let id = AgentId {
                value: (*name).to_owned(),
            };
            state.cluster.unreachable_agents.insert(id, Arc::new(agent));
        }
        state
    }

    fn pruned(effects: &Effects) -> Vec<&str> {
        let names = effects.iter().filter_map(|effect| match effect {
            Effect::Registry(Operation::Prune { unreachable, .. }, _) => Some(unreachable),
            _ => None,
        });
        names.flatten().map(|id| id.value.as_str()).collect()
    }

    #[test]
    fn the_old_and_the_oldest_of_too_many_are_forgotten() {
        let agents = [("a", 10), ("b", 30), ("c", 20), ("d", 40)];
        for (limit, now, expected) in [
            (4, 110, vec![]),
            (4, 111, vec!["a"]),
            (4, 121, vec!["a", "c"]),
            (3, 50, vec!["a"]),
            (1, 50, vec!["a", "b", "c"]),
            (3, 121, vec!["a", "c"]),
        ] {
            let mut state = state_with(&agents, limit);
            let effects = state.fired(Timestamp::from_secs(now), Timer::RegistryGc);
            assert_eq!(pruned(&effects), expected, "at most {limit} at {now}");
            assert!(
                effects
                    .iter()
                    .any(|effect| matches!(effect, Effect::Timer(_, Timer::RegistryGc))),
                "it looks again later"
            );
            for effect in effects {
                if let Effect::Registry(_, then) = effect {
                    state.stored(Timestamp::from_secs(now), then);
                }
            }
            assert_eq!(state.cluster.unreachable_agents.len(), 4 - expected.len());
        }
    }

    #[test]
    fn gone_agents_are_forgotten_by_themselves() {
        let mut state = state_with(&[("a", 10)], 1);
        let ids = ["b", "c"].map(|name| AgentId {
            value: name.to_owned(),
        });
        for (id, since) in ids.iter().zip([20, 30]) {
            let since = Timestamp::from_secs(since);
            state.cluster.gone_agents.insert(id.clone(), since);
        }
        let now = Timestamp::from_secs(40);
        for effect in state.fired(now, Timer::RegistryGc) {
            if let Effect::Registry(operation, then) = effect {
                let expected = Operation::Prune {
                    unreachable: BTreeSet::new(),
                    gone: [ids[0].clone()].into(),
                };
                assert_eq!(operation, expected, "one too many, of its own kind");
                state.stored(now, then);
            }
        }
        assert!(state.cluster.gone_agents.keys().eq([&ids[1]]));
        assert_eq!(state.cluster.unreachable_agents.len(), 1);
    }
}
