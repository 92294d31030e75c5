//! Frameworks, their executors and offers.

use mesos::resources::Flat;
use mesos::v1;
use mesos::v1::framework_info::capability::Type as Capability;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::tasks::{TaskList, labels};
use crate::state::{Executor, Framework, Offer};
use crate::view::View;

/// `/frameworks`.
#[derive(Debug, Serialize)]
pub(super) struct Frameworks<'a> {
    frameworks: Vec<FrameworkObject<'a>>,
    completed_frameworks: Vec<FrameworkObject<'a>>,
    /// Always empty; clients expect it.
    unregistered_frameworks: [(); 0],
}

impl<'a> Frameworks<'a> {
    pub(super) fn of(view: &'a View, wanted: Option<&str>) -> Frameworks<'a> {
        let wanted = |framework: &Framework| wanted.is_none_or(|id| id == framework.id.value);
        let objects = |frameworks: &mut dyn Iterator<Item = &'a std::sync::Arc<Framework>>| {
            let chosen = frameworks.filter(|framework| wanted(framework));
            chosen
                .map(|framework| FrameworkObject::of(framework, view))
                .collect()
        };
        Frameworks {
            frameworks: objects(&mut view.cluster.frameworks.values()),
            completed_frameworks: objects(&mut view.cluster.completed_frameworks.iter()),
            unregistered_frameworks: [],
        }
    }
}

/// All frameworks, completed ones last.
pub(super) fn all(view: &View) -> impl Iterator<Item = &Framework> {
    let completed = view.cluster.completed_frameworks.iter();
    let all = view.cluster.frameworks.values().chain(completed);
    all.map(|framework| &**framework)
}

/// What `/state-summary` shows of a framework, and everything else begins with.
#[derive(Debug, Serialize)]
pub(super) struct SummaryObject<'a> {
    id: &'a str,
    name: &'a str,
    /// Where it is, unless it is connected by HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<String>,
    used_resources: Flat<'a>,
    offered_resources: Flat<'a>,
    capabilities: Vec<&'static str>,
    hostname: &'a str,
    webui_url: &'a str,
    active: bool,
    connected: bool,
    recovered: bool,
}

impl<'a> SummaryObject<'a> {
    pub(super) fn of(framework: &'a Framework, view: &View) -> SummaryObject<'a> {
        let info = &framework.info;
        SummaryObject {
            id: &framework.id.value,
            name: &info.name,
            pid: pid(framework, view),
            used_resources: framework.used_total().into(),
            offered_resources: Flat::from(&framework.offered),
            capabilities: info
                .capabilities
                .iter()
                .map(|c| c.r#type().as_str_name())
                .collect(),
            hostname: info.hostname.as_deref().unwrap_or_default(),
            webui_url: info.webui_url.as_deref().unwrap_or_default(),
            active: framework.active,
            connected: framework.connected(),
            recovered: framework.recovered(),
        }
    }
}

/// The subscriptions of HTTP frameworks are actors of the master's own node.
fn pid(framework: &Framework, view: &View) -> Option<String> {
    let pid = &framework.subscription()?.pid;
    let here = view.master.address.as_ref().is_some_and(|here| {
        here.ip.as_deref() == Some(pid.address().ip().to_string().as_str())
            && here.port == i32::from(pid.address().port())
    });
    (!here).then(|| pid.to_string())
}

/// A framework.
#[derive(Debug, Serialize)]
pub(super) struct FrameworkObject<'a> {
    #[serde(flatten)]
    summary: SummaryObject<'a>,
    user: &'a str,
    failover_timeout: f64,
    checkpoint: bool,
    registered_time: f64,
    unregistered_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    resources: Flat<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reregistered_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    tasks: TaskList<'a>,
    unreachable_tasks: TaskList<'a>,
    completed_tasks: TaskList<'a>,
    offers: OfferList<'a>,
    executors: Vec<ExecutorObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [v1::Label]>,
    offer_constraints: Value,
}

impl<'a> FrameworkObject<'a> {
    pub(super) fn of(framework: &'a Framework, view: &'a View) -> FrameworkObject<'a> {
        let info = &*framework.info;
        let has_many_roles = framework.has_capability(Capability::MultiRole);
        let moved = framework.reregistered != framework.registered;
        FrameworkObject {
            summary: SummaryObject::of(framework, view),
            user: &info.user,
            failover_timeout: info.failover_timeout.unwrap_or(0.0),
            checkpoint: info.checkpoint.unwrap_or(false),
            registered_time: framework.registered.as_secs_f64(),
            unregistered_time: framework
                .unregistered
                .map_or(0.0, |time| time.as_secs_f64()),
            principal: info.principal.as_deref(),
            resources: (framework.used_total() + framework.offered.clone()).into(),
            reregistered_time: moved.then(|| framework.reregistered.as_secs_f64()),
            roles: has_many_roles.then_some(info.roles.as_slice()),
            role: (!has_many_roles).then(|| single_role(info)),
            tasks: TaskList::Living(framework),
            unreachable_tasks: TaskList::Unreachable(framework),
            completed_tasks: TaskList::Completed(framework),
            offers: OfferList(framework, view),
            executors: executors(framework, view),
            labels: labels(info.labels.as_ref()),
            offer_constraints: framework
                .offer_constraints
                .as_ref()
                .map_or_else(|| json!({}), |constraints| json!(&**constraints)),
        }
    }
}

#[allow(deprecated)]
fn single_role(info: &v1::FrameworkInfo) -> &str {
    info.role.as_deref().unwrap_or("*")
}

/// The outstanding offers of a framework; each becomes a document when it is written.
#[derive(Debug)]
struct OfferList<'a>(&'a Framework, &'a View);

impl Serialize for OfferList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OfferList(framework, view) = self;
        let offers = framework.offers.iter();
        let offers = offers.filter_map(|id| Some(OfferObject::of(view.cluster.offers.get(id)?)));
        serializer.collect_seq(offers)
    }
}

fn executors<'a>(framework: &'a Framework, view: &'a View) -> Vec<ExecutorObject<'a>> {
    let keys = framework.executors.iter();
    keys.filter_map(|(agent_id, executor_id)| {
        let agent = view.cluster.agents.get(agent_id)?;
        let key = (framework.id.clone(), executor_id.clone());
        Some(ExecutorObject::of(
            agent.executors.get(&key)?,
            &agent_id.value,
        ))
    })
    .collect()
}

/// An outstanding offer.
#[derive(Debug, Serialize)]
struct OfferObject<'a> {
    id: &'a str,
    framework_id: &'a str,
    allocation_info: Value,
    slave_id: &'a str,
    resources: Flat<'a>,
}

impl<'a> OfferObject<'a> {
    fn of(offer: &'a Offer) -> OfferObject<'a> {
        OfferObject {
            id: &offer.record.id.value,
            framework_id: &offer.record.framework_id.value,
            allocation_info: json!({ "role": offer.role }),
            slave_id: &offer.record.agent_id.value,
            resources: Flat::from(&offer.resources),
        }
    }
}

/// A live executor.
#[derive(Debug, Serialize)]
struct ExecutorObject<'a> {
    executor_id: &'a str,
    name: &'a str,
    framework_id: &'a str,
    command: Value,
    resources: Flat<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [v1::Label]>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    slave_id: &'a str,
}

impl<'a> ExecutorObject<'a> {
    fn of(executor: &'a Executor, agent: &'a str) -> ExecutorObject<'a> {
        let info = &executor.info;
        ExecutorObject {
            executor_id: &info.executor_id.value,
            name: info.name.as_deref().unwrap_or_default(),
            framework_id: info.framework_id.as_ref().map_or("", |id| &id.value),
            command: command(info.command.as_ref()),
            resources: Flat::from(&executor.resources),
            role: executor.resources.allocation_role(),
            labels: labels(info.labels.as_ref()),
            kind: info.r#type.map(|_| info.r#type().as_str_name()),
            slave_id: agent,
        }
    }
}

fn command(command: Option<&v1::CommandInfo>) -> Value {
    let Some(command) = command else {
        return json!({ "argv": [], "uris": [] });
    };
    let uris = command.uris.iter();
    let uris: Vec<Value> = uris
        .map(|uri| json!({ "value": uri.value, "executable": uri.executable.unwrap_or(false) }))
        .collect();
    let mut object = json!({ "argv": command.arguments, "uris": uris });
    if let Some(shell) = command.shell {
        object["shell"] = json!(shell);
    }
    if let Some(value) = &command.value {
        object["value"] = json!(value);
    }
    if let Some(environment) = &command.environment {
        object["environment"] = json!(environment);
    }
    object
}
