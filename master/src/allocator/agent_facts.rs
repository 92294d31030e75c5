//! What is asked about an agent beside its resources.

use mesos::v1::agent_info::Capability as CapabilityMessage;
use mesos::v1::agent_info::capability::Type as Capability;
use mesos::v1::{AgentInfo, Attribute};

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
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AgentFacts {
    pub(super) hostname: String,
    pub(super) region: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) attributes: Vec<Attribute>,
}

impl AgentFacts {
    pub(super) fn new(info: &AgentInfo) -> Self {
        let domain = info.domain.as_ref();
        let domain = domain.and_then(|domain| domain.fault_domain.as_ref());
        Self {
            hostname: info.hostname.clone(),
            region: domain.map(|domain| domain.region.name.clone()),
            zone: domain.map(|domain| domain.zone.name.clone()),
            attributes: info.attributes.clone(),
        }
    }
}
