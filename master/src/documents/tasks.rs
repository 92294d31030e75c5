//! Tasks, their statuses, and what tasks and executors are described by.

use mesos::v1;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Query;
use crate::state::{Framework, Task};
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
        let mut tasks: Vec<&Task> = super::frameworks::all(view)
            .filter(|framework| wanted(&framework.id.value, selection.framework))
            .flat_map(tasks_of)
            .filter(|task| wanted(&task.record.task_id.value, selection.task))
            .collect();
        tasks.sort_by(|a, b| first_status(a).total_cmp(&first_status(b)));
        if !selection.ascending {
            tasks.sort_by(|a, b| {
                is_new(b)
                    .cmp(&is_new(a))
                    .then(first_status(b).total_cmp(&first_status(a)))
            });
        }
        let shown = tasks
            .into_iter()
            .skip(selection.offset)
            .take(selection.limit);
        Tasks {
            tasks: shown.map(TaskObject::of).collect(),
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

fn first_status(task: &Task) -> f64 {
    let first = task.record.statuses.first();
    first.and_then(|status| status.timestamp).unwrap_or(0.0)
}

fn is_new(task: &Task) -> bool {
    task.record.statuses.is_empty()
}

/// A task.
#[derive(Debug, Serialize)]
pub(super) struct TaskObject<'a> {
    id: &'a str,
    name: &'a str,
    framework_id: &'a str,
    /// Empty for tasks of the command executor.
    executor_id: &'a str,
    slave_id: &'a str,
    state: &'static str,
    resources: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    limits: Map<String, Value>,
    role: String,
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

impl<'a> TaskObject<'a> {
    pub(super) fn of(task: &'a Task) -> TaskObject<'a> {
        let record = &task.record;
        TaskObject {
            id: &record.task_id.value,
            name: &record.name,
            framework_id: &record.framework_id.value,
            executor_id: record.executor_id.as_ref().map_or("", |id| &id.value),
            slave_id: &record.agent_id.value,
            state: task.state().as_str_name(),
            resources: task.resources.to_flat_json(),
            limits: limits(record),
            role: task
                .resources
                .allocations()
                .into_keys()
                .next()
                .unwrap_or_default(),
            statuses: record.statuses.iter().map(StatusObject::of).collect(),
            user: record.user.as_deref(),
            labels: labels(record.labels.as_ref()),
            discovery: record.discovery.as_ref(),
            container: record.container.as_deref(),
            health_check: record.health_check.as_deref(),
        }
    }
}

fn limits(record: &v1::Task) -> Map<String, Value> {
    let limit = |value: f64| match value.is_finite() {
        true => Value::from(value),
        false => Value::from("Infinity"),
    };
    let limits = record.limits.iter();
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
