//! Agents.

use std::collections::BTreeMap;

use mesos::attributes::Attributes;
use mesos::resources::{Flat, FlatByRole, Format, Resources};
use mesos::v1::{self, DrainInfo, DrainState};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::registrar::DrainRecord;
use crate::state::{Agent, AgentWords, Cluster, Timestamp};
use crate::view::View;

/// `/slaves`.
#[derive(Debug, Serialize)]
pub(super) struct Agents<'a> {
    slaves: Vec<FullAgentObject<'a>>,
    recovered_slaves: Vec<InfoObject>,
}

impl<'a> Agents<'a> {
    pub(super) fn of(view: &'a View, wanted: Option<&str>) -> Agents<'a> {
        let agents = view.cluster.agents.values();
        let wanted = |id: &v1::AgentId| wanted.is_none_or(|wanted| wanted == id.value);
        Agents {
            slaves: agents
                .filter(|agent| wanted(&agent.id))
                .map(|agent| FullAgentObject::of(&view.cluster, agent))
                .collect(),
            recovered_slaves: view
                .cluster
                .recovered_agents
                .iter()
                .filter(|(id, _)| wanted(id))
                .map(|(_, agent)| InfoObject::of(&agent.info))
                .collect(),
        }
    }
}

/// All agents of the registry that have not come back yet.
pub(super) fn recovered(view: &View) -> Vec<InfoObject> {
    let agents = view.cluster.recovered_agents.values();
    agents.map(|agent| InfoObject::of(&agent.info)).collect()
}

/// All registered agents; each becomes a document when it is written.
#[derive(Debug)]
pub(super) struct AgentList<'a>(pub(super) &'a Cluster);

impl Serialize for AgentList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let agents = self.0.agents.values();
        serializer.collect_seq(agents.map(|agent| AgentObject::of(self.0, agent)))
    }
}

/// What an agent says of itself.
#[derive(Debug, Serialize)]
pub(super) struct InfoObject {
    id: String,
    hostname: String,
    port: i32,
    attributes: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<v1::DomainInfo>,
}

impl InfoObject {
    fn of(info: &AgentWords) -> InfoObject {
        let traits = info.traits();
        // They were validated when the agent registered.
        let attributes = Attributes::from_v1(&traits.attributes).unwrap_or_default();
        InfoObject {
            port: traits.port(),
            id: traits.id.map_or_else(String::new, |id| id.value),
            hostname: traits.hostname,
            attributes: attributes.to_flat_json(),
            domain: traits.domain,
        }
    }
}

/// Clients take the address of the agent's HTTP server out of it, and Mesos' name of the process as
/// the prefix of its paths.
pub(super) fn pid(agent: &Agent) -> String {
    let (ip, port) = (agent.pid.address().ip(), agent.info.traits().port());
    format!("slave(1)@{ip}:{port}")
}

/// An agent.
#[derive(Debug, Serialize)]
pub(super) struct AgentObject<'a> {
    #[serde(flatten)]
    info: InfoObject,
    pid: String,
    registered_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reregistered_time: Option<f64>,
    resources: Flat<'a>,
    used_resources: Flat<'a>,
    offered_resources: Flat<'a>,
    reserved_resources: FlatByRole<'a>,
    unreserved_resources: Flat<'a>,
    active: bool,
    deactivated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain_info: Option<DrainInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_drain_start_time_seconds: Option<f64>,
    version: &'a str,
    capabilities: Vec<&'static str>,
}

impl<'a> AgentObject<'a> {
    pub(super) fn of(cluster: &'a Cluster, agent: &'a Agent) -> AgentObject<'a> {
        let capabilities = agent.software.capabilities.iter();
        let drain = cluster.drains.get(&agent.id);
        AgentObject {
            info: InfoObject::of(&agent.info),
            pid: pid(agent),
            registered_time: agent.registered.as_secs_f64(),
            reregistered_time: agent.reregistered.map(|time| time.as_secs_f64()),
            resources: Flat::from(&*agent.total),
            used_resources: agent.used_total().into(),
            offered_resources: agent.offered().into(),
            reserved_resources: FlatByRole(&agent.total),
            unreserved_resources: agent.total.unreserved().into(),
            active: agent.active,
            deactivated: drain.is_some() || cluster.deactivated.contains(&agent.id),
            drain_info: drain.map(|drain| drain_info(drain)),
            estimated_drain_start_time_seconds: drain.map(|drain| {
                let since = Timestamp::from_nanos(drain.since.nanoseconds);
                since.as_secs_f64()
            }),
            version: &agent.software.version,
            capabilities: capabilities.map(|c| c.r#type().as_str_name()).collect(),
        }
    }
}

/// How far an agent is with being drained, in the words of the API.
pub(crate) fn drain_info(drain: &DrainRecord) -> DrainInfo {
    let state = match drain.drained {
        true => DrainState::Drained,
        false => DrainState::Draining,
    };
    DrainInfo {
        state: state as i32,
        config: drain.config.0,
    }
}

/// An agent with its resources in full.
#[derive(Debug, Serialize)]
struct FullAgentObject<'a> {
    #[serde(flatten)]
    agent: AgentObject<'a>,
    reserved_resources_full: BTreeMap<String, Vec<v1::Resource>>,
    unreserved_resources_full: Vec<v1::Resource>,
    used_resources_full: Vec<v1::Resource>,
    offered_resources_full: Vec<v1::Resource>,
}

impl<'a> FullAgentObject<'a> {
    fn of(cluster: &'a Cluster, agent: &'a Agent) -> FullAgentObject<'a> {
        let full = |resources: &Resources| resources.to_v1(Format::Endpoint);
        let reservations = agent.total.reservations().into_iter();
        FullAgentObject {
            agent: AgentObject::of(cluster, agent),
            reserved_resources_full: reservations
                .map(|(role, reserved)| (role, full(&reserved)))
                .collect(),
            unreserved_resources_full: full(&agent.total.unreserved()),
            used_resources_full: full(&agent.used_total()),
            offered_resources_full: full(&agent.offered()),
        }
    }
}
