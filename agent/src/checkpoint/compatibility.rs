//! What an agent may change between two lives (`--reconfiguration_policy`) without becoming another.

use mesos::attributes::{AttributeValue, Attributes};
use mesos::resources::Resources;
use mesos::v1::AgentInfo;

/// How much may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReconfigurationPolicy {
    /// Nothing.
    #[default]
    Equal,
    /// There may be more: resources and attributes, and a domain where there was none.
    Additive,
}

impl ReconfigurationPolicy {
    /// The name of the flag's value.
    pub fn name(self) -> &'static str {
        match self {
            ReconfigurationPolicy::Equal => "equal",
            ReconfigurationPolicy::Additive => "additive",
        }
    }

    /// What makes `now` another agent than `then`: the property, what it was, what it is.
    pub(super) fn difference(
        self,
        then: &AgentInfo,
        now: &AgentInfo,
    ) -> Option<(&'static str, String, String)> {
        let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
        let resources = |info: &AgentInfo| Resources::from_v1(&info.resources).unwrap_or_default();
        if then.hostname != now.hostname {
            Some(("hostname", then.hostname.clone(), now.hostname.clone()))
        } else if then.port != now.port {
            Some(("port", text(&then.port()), text(&now.port())))
        } else if !self.allows_resources(&resources(then), &resources(now)) {
            let (then, now) = (resources(then), resources(now));
            Some(("resources", then.to_string(), now.to_string()))
        } else if !self.allows_attributes(then, now) {
            Some(("attributes", text(&then.attributes), text(&now.attributes)))
        } else if !self.allows_domain(then, now) {
            Some(("domain", text(&then.domain), text(&now.domain)))
        } else {
            None
        }
    }

    fn allows_resources(self, then: &Resources, now: &Resources) -> bool {
        match self {
            ReconfigurationPolicy::Equal => then == now,
            ReconfigurationPolicy::Additive => now.contains(then),
        }
    }

    fn allows_attributes(self, then: &AgentInfo, now: &AgentInfo) -> bool {
        if self == ReconfigurationPolicy::Equal {
            return then.attributes == now.attributes;
        }
        let read = |info: &AgentInfo| Attributes::from_v1(&info.attributes).unwrap_or_default();
        let (then, now) = (read(then), read(now));
        then.iter().all(|old| {
            let mut same_name = now.iter().filter(|new| new.name == old.name);
            same_name.any(|new| covers(&new.value, &old.value))
        })
    }

    fn allows_domain(self, then: &AgentInfo, now: &AgentInfo) -> bool {
        let may_appear = self == ReconfigurationPolicy::Additive && then.domain.is_none();
        may_appear || then.domain == now.domain
    }
}

/// Whether everything that was true of the old value is true of the new one.
fn covers(new: &AttributeValue, old: &AttributeValue) -> bool {
    match (new, old) {
        (AttributeValue::Ranges(new), AttributeValue::Ranges(old)) => new.contains(old),
        _ => new == old,
    }
}

#[cfg(test)]
mod tests {
    use mesos::resources::Format;
    use mesos::v1::{self, DomainInfo};

    use super::*;

    fn agent(resources: &str, attributes: &str) -> AgentInfo {
        let resources = Resources::parse(resources, "*").expect("resources");
        let attributes = Attributes::parse(attributes).expect("attributes");
        AgentInfo {
            hostname: "h".to_owned(),
            resources: resources.to_v1(Format::PreRefinement),
            attributes: attributes.to_v1(),
            ..v1::AgentInfo::default()
        }
    }

    #[test]
    fn what_may_change_is_up_to_the_policy() {
        let before = agent("cpus:2;ports:[1-5]", "rack:a;zones:[1-3]");
        let moved = AgentInfo {
            hostname: "other".to_owned(),
            ..before.clone()
        };
        let placed = AgentInfo {
            domain: Some(DomainInfo::default()),
            ..before.clone()
        };
        let (more, less) = ("cpus:3;ports:[1-9];gpus:1", "cpus:1;ports:[1-5]");
        let (attributes, changed) = ("rack:a;zones:[1-4];os:linux", "rack:b;zones:[1-3]");
        let all = "cpus:2;ports:[1-5]";
        for (now, equal, additive) in [
            (before.clone(), None, None),
            (agent(more, "rack:a;zones:[1-3]"), Some("resources"), None),
            (
                agent(less, "rack:a;zones:[1-3]"),
                Some("resources"),
                Some("resources"),
            ),
            (agent(all, attributes), Some("attributes"), None),
            (agent(all, changed), Some("attributes"), Some("attributes")),
            (agent(all, "rack:a"), Some("attributes"), Some("attributes")),
            (placed, Some("domain"), None),
            (moved, Some("hostname"), Some("hostname")),
        ] {
            let found = |policy: ReconfigurationPolicy| {
                let difference = policy.difference(&before, &now);
                difference.map(|(what, _, _)| what)
            };
            assert_eq!(found(ReconfigurationPolicy::Equal), equal, "{now:?}");
            assert_eq!(found(ReconfigurationPolicy::Additive), additive, "{now:?}");
        }
    }
}
