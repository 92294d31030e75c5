//! What an agent says of itself, as bytes.

use std::fmt;
use std::sync::Arc;

use mesos::v1::{AgentId, AgentInfo, Attribute, DomainInfo, agent_info};
use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};

/// What an agent says of itself: an `AgentInfo` in protobuf. Clones share it, and it is decoded for each who asks.
#[derive(Clone, PartialEq)]
pub struct AgentWords(Arc<[u8]>);

/// An `AgentInfo` without its resources, which are much of it.
#[derive(Clone, PartialEq, Message)]
pub struct AgentTraits {
    /// The name of its machine.
    #[prost(string, tag = "1")]
    pub hostname: String,
    /// What its operator says of it.
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
    /// Assigned by the master.
    #[prost(message, optional, tag = "6")]
    pub id: Option<AgentId>,
    /// Where its HTTP server listens.
    #[prost(int32, optional, tag = "8", default = "5051")]
    pub port: Option<i32>,
    /// Where the machine stands.
    #[prost(message, optional, tag = "10")]
    pub domain: Option<DomainInfo>,
}

/// What runs on a machine: few kinds in any cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSoftware {
    /// The version of the agent.
    pub version: String,
    /// What that can do.
    pub capabilities: Vec<agent_info::Capability>,
}

impl From<&AgentInfo> for AgentWords {
    fn from(info: &AgentInfo) -> AgentWords {
        AgentWords(info.encode_to_vec().into())
    }
}

impl AgentWords {
    /// All of it.
    pub fn to_v1(&self) -> AgentInfo {
        AgentInfo::decode(&*self.0).expect("a message that was encoded here")
    }

    /// All but the resources.
    pub fn traits(&self) -> AgentTraits {
        AgentTraits::decode(&*self.0).expect("a message that was encoded here")
    }

    /// The name of its machine, read where it stands: it is the first field.
    pub fn hostname(&self) -> &str {
        let mut rest = &*self.0;
        let key = decode_key(&mut rest);
        debug_assert!(matches!(key, Ok((1, WireType::LengthDelimited))));
        let length = decode_varint(&mut rest).unwrap_or_default() as usize;
        let name = rest.get(..length).map(str::from_utf8);
        name.and_then(Result::ok).unwrap_or_default()
    }
}

impl fmt::Debug for AgentWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_v1().fmt(f)
    }
}
