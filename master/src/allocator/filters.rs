//! What a framework does not want to be offered again for a while (mesos.md AL7).

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::{AgentId, Filters};

/// Of offers that were declined, or accepted in part, without saying for how long.
pub const DEFAULT_REFUSE: Duration = Duration::from_secs(5);

/// No refusal lasts longer: 365 days.
pub const MAX_REFUSE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Refusals kept per framework, role and agent. Each needs an offer that none of the others
/// covers, so a well-behaved framework has one or two; beyond this the one that would end first
/// is dropped, which costs the framework an offer too many.
const MAX_REFUSALS: usize = 16;

/// For how long a call's filters refuse: 5 s unless they say otherwise or say nonsense; zero
/// means that nothing is refused.
pub fn refuse_duration(filters: Option<&Filters>) -> Duration {
    let seconds = filters.map_or(DEFAULT_REFUSE.as_secs_f64(), Filters::refuse_seconds);
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => duration.min(MAX_REFUSE),
        Err(_) if seconds > 0.0 => MAX_REFUSE,
        Err(_) => DEFAULT_REFUSE,
    }
}

/// The refusals of one framework.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_agent: BTreeMap<AgentId, BTreeMap<String, Vec<Refusal>>>,
}

#[derive(Debug)]
struct Refusal {
    /// Without allocation role.
    resources: Resources,
    until: Duration,
}

impl Refusals {
    /// Refuses all subsets of `resources` (without allocation role) in `role` on `agent`.
    pub(super) fn add(
        &mut self,
        agent: &AgentId,
        role: &str,
        resources: Resources,
        until: Duration,
    ) {
        let by_role = self.by_agent.entry(agent.clone()).or_default();
        let refusals = by_role.entry(role.to_owned()).or_default();
        refusals.retain(|old| old.until > until || !resources.contains(&old.resources));
        refusals.push(Refusal { resources, until });
        if refusals.len() > MAX_REFUSALS {
            let first = (0..refusals.len()).min_by_key(|index| refusals[*index].until);
            first.map(|index| refusals.swap_remove(index));
        }
    }

    /// Whether an offer of `resources` (without allocation role) is refused at `now`.
    pub(super) fn refuse(
        &self,
        agent: &AgentId,
        role: &str,
        resources: &Resources,
        now: Duration,
    ) -> bool {
        let refusals = self
            .by_agent
            .get(agent)
            .and_then(|by_role| by_role.get(role));
        refusals.is_some_and(|refusals| {
            refusals
                .iter()
                .any(|old| old.until > now && old.resources.contains(resources))
        })
    }

    /// Forgets those that ended.
    pub(super) fn purge(&mut self, now: Duration) {
        self.retain(|_, refusal| refusal.until > now);
    }

    pub(super) fn forget_role(&mut self, role: &str) {
        self.retain(|of, _| of != role);
    }

    pub(super) fn forget_agent(&mut self, agent: &AgentId) {
        self.by_agent.remove(agent);
    }

    pub(super) fn forget_all(&mut self) {
        self.by_agent.clear();
    }

    fn retain(&mut self, keep: impl Fn(&str, &Refusal) -> bool) {
        self.by_agent.retain(|_, by_role| {
            by_role.retain(|role, refusals| {
                refusals.retain(|refusal| keep(role, refusal));
                !refusals.is_empty()
            });
            !by_role.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "eng";

    fn agent() -> AgentId {
        AgentId {
            value: "agent".to_owned(),
        }
    }

    fn resources(text: &str) -> Resources {
        Resources::parse(text, "*").expect("resources")
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn refuse_seconds_are_read_as_mesos_does() {
        let day = 24.0 * 60.0 * 60.0;
        let table = [
            (Some(10.5), Duration::from_millis(10_500)),
            (None, secs(5)),
            (Some(0.0), Duration::ZERO),
            (Some(-1.0), secs(5)),
            (Some(f64::NAN), secs(5)),
            (Some(f64::NEG_INFINITY), secs(5)),
            (Some(f64::INFINITY), MAX_REFUSE),
            (Some(1e300), MAX_REFUSE),
            (Some(366.0 * day), MAX_REFUSE),
        ];
        for (refuse_seconds, expected) in table {
            let filters = Filters { refuse_seconds };
            assert_eq!(
                refuse_duration(Some(&filters)),
                expected,
                "{refuse_seconds:?}"
            );
        }
        assert_eq!(refuse_duration(None), secs(5));
    }

    #[test]
    fn subsets_are_refused_until_the_end() {
        let mut refusals = Refusals::default();
        refusals.add(&agent(), ROLE, resources("cpus:2;mem:100"), secs(5));
        let table = [
            ("cpus:2;mem:100", 0, true),
            ("cpus:1", 4, true),
            ("cpus:3;mem:100", 0, false),
            ("cpus:1;disk:1", 0, false),
            ("cpus:1", 5, false),
        ];
        for (offer, now, refused) in table {
            assert_eq!(
                refusals.refuse(&agent(), ROLE, &resources(offer), secs(now)),
                refused,
                "{offer} at {now}"
            );
        }
        assert!(!refusals.refuse(&agent(), "ops", &resources("cpus:1"), secs(0)));
    }

    #[test]
    fn a_longer_refusal_of_more_replaces_others_and_their_number_is_bounded() {
        let mut refusals = Refusals::default();
        refusals.add(&agent(), ROLE, resources("cpus:1"), secs(1));
        refusals.add(&agent(), ROLE, resources("cpus:2"), secs(2));
        assert_eq!(refusals.by_agent[&agent()][ROLE].len(), 1);
        for ends in 0..100 {
            refusals.add(&agent(), ROLE, resources(&format!("r{ends}:1")), secs(ends));
        }
        assert_eq!(refusals.by_agent[&agent()][ROLE].len(), MAX_REFUSALS);
        assert!(refusals.refuse(&agent(), ROLE, &resources("r99:1"), secs(0)));
        refusals.purge(secs(99));
        assert!(refusals.by_agent.is_empty());
    }
}
