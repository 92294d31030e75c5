//! Tasks, their statuses, and what tasks and executors are described by.

use mesos::resources::Flat;
use mesos::v1;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::Query;
use crate::state::{Details, Framework, Task};
use crate::view::View;

/// Tasks shown unless the query says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// `/tasks`.
#[derive(Debug, Serialize)]
pub(super) struct Tasks<'a> {
    tasks: Vec<TaskObject<'a>>,
}

/// Which tasks are to be shown.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    limit: usize,
    offset: usize,
    ascending: bool,
    framework: Option<&'a str>,
    task: Option<&'a str>,
}

impl<'a> Selection<'a> {
    /// What cannot be read is as if it were not there, as in Mesos. A negative limit is none.
    pub(super) fn of(query: &'a Query) -> Selection<'a> {
        let number = |name| query.get(name).and_then(|value| value.parse::<i64>().ok());
        let unsigned = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        Selection {
            limit: number("limit").map_or(DEFAULT_LIMIT, unsigned),
            offset: number("offset").map_or(0, unsigned),
            ascending: query.get("order") == Some("asc"),
            framework: query.get("framework_id"),
            task: query.get("task_id"),
        }
    }
}

impl<'a> Tasks<'a> {
    /// Ordered by the time of their first status; those that have none are the newest when
    /// descending and the oldest when ascending.
    pub(super) fn of(view: &'a View, selection: &Selection<'_>) -> Tasks<'a> {
        let wanted = |id: &str, filter: Option<&str>| filter.is_none_or(|filter| filter == id);
        let mut tasks: Vec<(f64, &Task)> = super::frameworks::all(view)
            .filter(|framework| wanted(&framework.id.value, selection.framework))
            .flat_map(tasks_of)
            .filter(|task| wanted(task.id(), selection.task))
            .map(|task| (first_status(task), task))
            .collect();
        tasks.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if !selection.ascending {
            let is_new = |task: &Task| task.has_no_status();
            tasks.sort_by(|(a, one), (b, other)| {
                let by_age = is_new(other).cmp(&is_new(one));
                by_age.then(b.total_cmp(a))
            });
        }
        let shown = tasks
            .into_iter()
            .skip(selection.offset)
            .take(selection.limit);
        Tasks {
            tasks: shown.map(|(_, task)| TaskObject(task)).collect(),
        }
    }
}

/// All tasks of a framework, living first.
pub(super) fn tasks_of(framework: &Framework) -> impl Iterator<Item = &Task> {
    let unreachable = framework.unreachable_tasks.values();
    let completed = framework.completed_tasks.iter();
    let all = framework.tasks.values().chain(unreachable).chain(completed);
    all.map(|task| &**task)
}

/// Those tasks of a framework that are in one of its lists; each becomes a document when it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum TaskList<'a> {
    Living(&'a Framework),
    Unreachable(&'a Framework),
    Completed(&'a Framework),
}

impl Serialize for TaskList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            TaskList::Living(framework) => {
                let tasks = framework.tasks.values();
                serializer.collect_seq(tasks.map(|task| TaskObject(task)))
            }
            TaskList::Unreachable(framework) => {
                let tasks = framework.unreachable_tasks.values();
                serializer.collect_seq(tasks.map(|task| TaskObject(task)))
            }
            TaskList::Completed(framework) => {
                let tasks = framework.completed_tasks.iter();
                serializer.collect_seq(tasks.map(|task| TaskObject(task)))
            }
        }
    }
}

fn first_status(task: &Task) -> f64 {
    let first = task.statuses().next();
    first.and_then(|status| status.timestamp).unwrap_or(0.0)
}

/// A task, decoded when it is written: of many never more than one is.
#[derive(Debug)]
pub(super) struct TaskObject<'a>(pub(super) &'a Task);

impl Serialize for TaskObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let statuses: Vec<v1::TaskStatus> = self.0.statuses().collect();
        DecodedTask::of(self.0, &self.0.details(), &statuses).serialize(serializer)
    }
}

#[derive(Debug, Serialize)]
struct DecodedTask<'a> {
    id: &'a str,
    name: &'a str,
    framework_id: &'a str,
    /// Empty for tasks of the command executor.
    executor_id: &'a str,
    slave_id: &'a str,
    state: &'static str,
    resources: Flat<'a>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    limits: Map<String, Value>,
    role: &'a str,
    statuses: Vec<StatusObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [v1::Label]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery: Option<&'a v1::DiscoveryInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a v1::ContainerInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check: Option<&'a v1::HealthCheck>,
}

impl<'a> DecodedTask<'a> {
    fn of(task: &'a Task, details: &'a Details, statuses: &'a [v1::TaskStatus]) -> DecodedTask<'a> {
        DecodedTask {
            id: task.id(),
            name: &details.name,
            framework_id: task.framework_id(),
            executor_id: task.executor_id().map_or("", |id| id),
            slave_id: task.agent_id(),
            state: task.state().as_str_name(),
            resources: Flat::from(&*task.resources),
            limits: limits(details),
            role: task.resources.allocation_role().unwrap_or_default(),
            statuses: statuses.iter().map(StatusObject::of).collect(),
            user: details.user.as_deref(),
            labels: labels(details.labels.as_ref()),
            discovery: details.discovery.as_ref(),
            container: details.container.as_deref(),
            health_check: details.health_check.as_deref(),
        }
    }
}

fn limits(details: &Details) -> Map<String, Value> {
    let limit = |value: f64| match value.is_finite() {
        true => Value::from(value),
        false => Value::from("Infinity"),
    };
    let limits = details.limits.iter();
    limits
        .map(|(name, scalar)| (name.clone(), limit(scalar.value)))
        .collect()
}

/// Labels as a list.
pub(super) fn labels(labels: Option<&v1::Labels>) -> Option<&[v1::Label]> {
    labels.map(|labels| labels.labels.as_slice())
}

/// One status of a task. Beyond what Mesos shows: why.
#[derive(Debug, Serialize)]
struct StatusObject<'a> {
    state: &'static str,
    timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [v1::Label]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container_status: Option<ContainerObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl<'a> StatusObject<'a> {
    fn of(status: &'a v1::TaskStatus) -> StatusObject<'a> {
        let message = status.message.as_deref();
        StatusObject {
            state: status.state().as_str_name(),
            timestamp: status.timestamp.unwrap_or(0.0),
            labels: labels(status.labels.as_ref()),
            container_status: status.container_status.as_ref().map(ContainerObject::of),
            healthy: status.healthy,
            message: message.filter(|message| !message.is_empty()),
            reason: status.reason.map(|_| status.reason().as_str_name()),
        }
    }
}

#[derive(Debug, Serialize)]
struct ContainerObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    container_id: Option<&'a v1::ContainerId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    network_infos: Vec<NetworkObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup_info: Option<&'a v1::CgroupInfo>,
}

impl<'a> ContainerObject<'a> {
    fn of(status: &'a v1::ContainerStatus) -> ContainerObject<'a> {
        ContainerObject {
            container_id: status.container_id.as_ref(),
            network_infos: status.network_infos.iter().map(NetworkObject::of).collect(),
            cgroup_info: status.cgroup_info.as_ref(),
        }
    }
}

#[derive(Debug, Serialize)]
struct NetworkObject<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [v1::Label]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ip_addresses: &'a [v1::network_info::IpAddress],
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    port_mappings: &'a [v1::network_info::PortMapping],
}

impl<'a> NetworkObject<'a> {
    fn of(info: &'a v1::NetworkInfo) -> NetworkObject<'a> {
        NetworkObject {
            groups: &info.groups,
            labels: labels(info.labels.as_ref()),
            ip_addresses: &info.ip_addresses,
            name: info.name.as_deref(),
            port_mappings: &info.port_mappings,
        }
    }
}
