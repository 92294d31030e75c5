//! Tasks, their statuses, and what tasks and executors are described by.

use mesos::resources::Flat;
use mesos::v1;
use mesos::v1::TaskState;
use mesos::v1::task_status::Reason;
use mesos::wire::Encoded;
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
    let first = task.encoded_statuses().next();
    let timestamp = first.and_then(|status| status.number(6));
    timestamp.map_or(0.0, f64::from_bits)
}

/// A task. What is only shown of it stays encoded until it is written.
#[derive(Debug)]
pub(super) struct TaskObject<'a>(pub(super) &'a Task);

impl Serialize for TaskObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ReadTask::of(self.0).serialize(serializer)
    }
}

#[derive(Debug, Serialize)]
struct ReadTask<'a> {
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
    statuses: StatusList<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<LabelList<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery: Option<Encoded<'a, v1::DiscoveryInfo>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Encoded<'a, v1::ContainerInfo>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check: Option<Encoded<'a, v1::HealthCheck>>,
}

impl<'a> ReadTask<'a> {
    fn of(task: &'a Task) -> ReadTask<'a> {
        let details = task.encoded_details();
        ReadTask {
            id: task.id(),
            name: details.text(Details::NAME).unwrap_or_default(),
            framework_id: task.framework_id(),
            executor_id: task.executor_id().map_or("", |id| id),
            slave_id: task.agent_id(),
            state: task.state().as_str_name(),
            resources: Flat::from(&*task.resources),
            limits: match details.has(Details::LIMITS) {
                true => limits(&task.details()),
                false => Map::new(),
            },
            role: task.resources.allocation_role().unwrap_or_default(),
            statuses: StatusList(task),
            user: details.text(Details::USER),
            labels: details.message(Details::LABELS).map(LabelList),
            discovery: details.message(Details::DISCOVERY),
            container: details.message(Details::CONTAINER),
            health_check: details.message(Details::HEALTH_CHECK),
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

/// The same of encoded ones.
#[derive(Debug)]
struct LabelList<'a>(Encoded<'a, v1::Labels>);

impl Serialize for LabelList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.messages::<v1::Label>(1))
    }
}

/// The statuses of a task, oldest first.
#[derive(Debug)]
struct StatusList<'a>(&'a Task);

impl Serialize for StatusList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.encoded_statuses().map(StatusObject::of))
    }
}

/// One status of a task. Beyond what Mesos shows: why.
#[derive(Debug, Serialize)]
struct StatusObject<'a> {
    state: &'static str,
    timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<LabelList<'a>>,
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
    /// The numbers are those of the fields of `TaskStatus`.
    fn of(status: Encoded<'a, v1::TaskStatus>) -> StatusObject<'a> {
        let state = status.number(2).unwrap_or_default() as i32;
        let reason = |number: u64| Reason::try_from(number as i32).unwrap_or_default();
        StatusObject {
            state: TaskState::try_from(state).unwrap_or_default().as_str_name(),
            timestamp: status.number(6).map_or(0.0, f64::from_bits),
            labels: status.message(12).map(LabelList),
            container_status: status.message(13).map(ContainerObject::of),
            healthy: status.number(8).map(|healthy| healthy != 0),
            message: status.text(4).filter(|message| !message.is_empty()),
            reason: status.number(10).map(|number| reason(number).as_str_name()),
        }
    }
}

#[derive(Debug, Serialize)]
struct ContainerObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    container_id: Option<Encoded<'a, v1::ContainerId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_infos: Option<NetworkList<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup_info: Option<Encoded<'a, v1::CgroupInfo>>,
}

impl<'a> ContainerObject<'a> {
    /// The numbers are those of the fields of `ContainerStatus`.
    fn of(status: Encoded<'a, v1::ContainerStatus>) -> ContainerObject<'a> {
        ContainerObject {
            container_id: status.message(4),
            network_infos: status.has(1).then_some(NetworkList(status)),
            cgroup_info: status.message(2),
        }
    }
}

#[derive(Debug)]
struct NetworkList<'a>(Encoded<'a, v1::ContainerStatus>);

impl Serialize for NetworkList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.messages(1).map(NetworkObject::of))
    }
}

#[derive(Debug, Serialize)]
struct NetworkObject<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<LabelList<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ip_addresses: Vec<Encoded<'a, v1::network_info::IpAddress>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    port_mappings: Vec<Encoded<'a, v1::network_info::PortMapping>>,
}

impl<'a> NetworkObject<'a> {
    /// The numbers are those of the fields of `NetworkInfo`.
    fn of(info: Encoded<'a, v1::NetworkInfo>) -> NetworkObject<'a> {
        NetworkObject {
            groups: info.texts(3).collect(),
            labels: info.message(4).map(LabelList),
            ip_addresses: info.messages(5).collect(),
            name: info.text(6),
            port_mappings: info.messages(7).collect(),
        }
    }
}
