//! What is asked about an agent beside its resources.

use std::sync::Arc;

use mesos::v1::agent_info::Capability as CapabilityMessage;
use mesos::v1::agent_info::capability::Type as Capability;
use mesos::v1::{AgentInfo, Attribute, value};

/// Those capabilities of an agent that decide who may be offered it. All agents since Mesos 1.4
/// have them, so they are what is taken for granted by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentCapabilities {
    /// Knows frameworks with several roles. Without it, only others are offered the agent.
    pub multi_role: bool,
    /// Knows roles such as `a/b`. Without it, the agent is not offered to them.
    pub hierarchical_role: bool,
}

impl Default for AgentCapabilities {
    fn default() -> Self {
        Self {
            multi_role: true,
            hierarchical_role: true,
        }
    }
}

impl AgentCapabilities {
    /// Those that an agent declares.
    pub fn new(declared: &[CapabilityMessage]) -> Self {
        let has = |wanted: Capability| declared.iter().any(|has| has.r#type() == wanted);
        Self {
            multi_role: has(Capability::MultiRole),
            hierarchical_role: has(Capability::HierarchicalRole),
        }
    }
}

/// What offer constraints, the whitelist and regions look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AgentFacts {
    pub(super) hostname: Box<str>,
    /// Shared by all agents of its kind, which has this number.
    pub(super) traits: Arc<Traits>,
    pub(super) kind: u32,
}

/// What many agents have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Traits {
    pub(super) region: Option<Box<str>>,
    pub(super) zone: Option<Box<str>>,
    pub(super) attributes: Box<[AttributeFact]>,
}

/// An attribute, with its text if that is what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AttributeFact {
    pub(super) name: Box<str>,
    pub(super) text: Option<Box<str>>,
}

impl AgentFacts {
    /// Of an agent that is in no books, and so has no kind there.
    pub(crate) fn of(info: &AgentInfo) -> Self {
        Self {
            hostname: info.hostname.as_str().into(),
            traits: Arc::new(Traits::new(info)),
            kind: u32::MAX,
        }
    }
}

impl Traits {
    pub(super) fn new(info: &AgentInfo) -> Self {
        let domain = info.domain.as_ref();
        let domain = domain.and_then(|domain| domain.fault_domain.as_ref());
        Self {
            region: domain.map(|domain| domain.region.name.as_str().into()),
            zone: domain.map(|domain| domain.zone.name.as_str().into()),
            attributes: info.attributes.iter().map(AttributeFact::new).collect(),
        }
    }
}

impl AttributeFact {
    fn new(attribute: &Attribute) -> Self {
        let text = attribute.text.as_ref();
        let text = text.filter(|_| attribute.r#type() == value::Type::Text);
        Self {
            name: attribute.name.as_str().into(),
            text: text.map(|text| text.value.as_str().into()),
        }
    }
}
