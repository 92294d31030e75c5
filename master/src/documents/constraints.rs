//! `/offer_constraints_debug`: which agents the offer constraints of frameworks exclude, as Mesos' allocator tells it.
//!
//! ```text
//! {"frameworks": {ID: {"suppressed_roles": [ROLE, ..],
//!                      "excluded_by_attribute_constraints": {ROLE: [AGENT, ..], ..}}, ..}}
//! ```
//!
//! The constraints themselves are in `/frameworks`.

use mesos::v1::{AgentId, AgentInfo};
use serde::{Serialize, Serializer};

use crate::allocator::{AgentFacts, RoleConstraints, compile};
use crate::state::{Agent, Framework};
use crate::view::View;

/// The document.
#[derive(Debug, Serialize)]
pub(super) struct Excluded<'a> {
    frameworks: FrameworkMap<'a>,
}

/// All that are registered; each becomes a document when it is written.
#[derive(Debug)]
struct FrameworkMap<'a> {
    view: &'a View,
    agents: Vec<(&'a AgentId, AgentFacts)>,
}

impl<'a> Excluded<'a> {
    pub(super) fn of(view: &'a View) -> Excluded<'a> {
        let cluster = &view.cluster;
        let mut frameworks = cluster.frameworks.values();
        let constrained = frameworks.any(|framework| framework.offer_constraints.is_some());
        // Most clusters have no constraints: then nobody looks at the agents.
        let agents = cluster.agents.values().filter(|_| constrained);
        let agents = agents.map(|agent| (&agent.id, facts(agent))).collect();
        Excluded {
            frameworks: FrameworkMap { view, agents },
        }
    }
}

fn facts(agent: &Agent) -> AgentFacts {
    let traits = agent.info.traits();
    AgentFacts::of(&AgentInfo {
        hostname: traits.hostname,
        attributes: traits.attributes,
        domain: traits.domain,
        ..Default::default()
    })
}

impl Serialize for FrameworkMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let frameworks = self.view.cluster.frameworks.iter();
        serializer.collect_map(frameworks.map(|(id, framework)| {
            let of_it = FrameworkObject {
                suppressed_roles: framework.suppressed_roles.iter().collect(),
                excluded_by_attribute_constraints: RoleMap {
                    framework,
                    all: self,
                },
            };
            (&id.value, of_it)
        }))
    }
}

#[derive(Serialize)]
struct FrameworkObject<'a> {
    suppressed_roles: Vec<&'a String>,
    excluded_by_attribute_constraints: RoleMap<'a>,
}

/// The roles of a framework.
struct RoleMap<'a> {
    framework: &'a Framework,
    all: &'a FrameworkMap<'a>,
}

impl Serialize for RoleMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limits = self.all.view.config.regex_limits();
        let given = self.framework.offer_constraints.as_deref();
        // They were compiled when the call was checked.
        let compiled = given.and_then(|given| compile(given, limits).ok());
        let compiled = compiled.unwrap_or_default();
        let roles = self.framework.roles.iter();
        serializer.collect_map(roles.map(|role| {
            let constraints = compiled.get(role).map(|constraints| &**constraints);
            (role, self.excluded(constraints))
        }))
    }
}

impl RoleMap<'_> {
    fn excluded(&self, constraints: Option<&RoleConstraints>) -> Vec<&String> {
        let Some(constraints) = constraints else {
            return vec![];
        };
        let agents = self.all.agents.iter();
        let excluded = agents.filter(|(_, agent)| !constraints.allow(agent));
        excluded.map(|(id, _)| &id.value).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mesos::v1::scheduler::offer_constraints::RoleConstraints;
    use mesos::v1::scheduler::offer_constraints::role_constraints::Group;
    use mesos::v1::scheduler::{
        AttributeConstraint, OfferConstraints, attribute_constraint as constraint,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::documents::{Surroundings, read, samples};

    fn document(view: &View, path: &str) -> Value {
        let read = read(view, &Surroundings::default(), path, "").expect("a document");
        serde_json::from_slice(&read.body).expect("JSON")
    }

    /// Only this host.
    fn host(name: &str) -> RoleConstraints {
        use constraint::{Predicate, Selector, predicate, selector};
        let hostname = selector::PseudoattributeType::Hostname as i32;
        let text_equals = predicate::TextEquals {
            value: name.to_owned(),
        };
        let constraint = AttributeConstraint {
            selector: Selector {
                selector: Some(selector::Selector::PseudoattributeType(hostname)),
            },
            predicate: Predicate {
                predicate: Some(predicate::Predicate::TextEquals(text_equals)),
            },
        };
        RoleConstraints {
            groups: vec![Group {
                attribute_constraints: vec![constraint],
            }],
        }
    }

    #[test]
    fn the_agents_that_a_framework_does_not_want_to_see_are_listed_by_role() {
        let mut view = samples::view();
        let (id, sample) = view.cluster.frameworks.get_min().expect("a framework");
        let (id, mut framework) = (id.clone(), (**sample).clone());
        let roles = ["free", "here", "there"].map(str::to_owned);
        framework.roles = Arc::new(roles.into());
        framework.suppressed_roles = Arc::new(["free".to_owned()].into());
        let constraints = [("here", host("localhost")), ("there", host("elsewhere"))];
        let constraints = constraints.map(|(role, of_it)| (role.to_owned(), of_it));
        framework.offer_constraints = Some(Arc::new(OfferConstraints {
            role_constraints: constraints.into(),
        }));
        view.cluster.frameworks.insert(id, Arc::new(framework));
        let expected = json!({"frameworks": {"m-0000": {
            "suppressed_roles": ["free"],
            "excluded_by_attribute_constraints": {"free": [], "here": [], "there": ["m-S0"]},
        }}});
        for path in [
            "/offer_constraints_debug",
            "/master/offer_constraints_debug",
            "/hierarchical-allocator(1)/offer_constraints_debug",
        ] {
            assert_eq!(document(&view, path), expected, "{path}");
        }
    }

    #[test]
    fn without_constraints_nothing_is_excluded() {
        let found = document(&samples::view(), "/offer_constraints_debug");
        let expected =
            json!({"suppressed_roles": [], "excluded_by_attribute_constraints": {"*": []}});
        assert_eq!(found["frameworks"]["m-0000"], expected);
    }
}
