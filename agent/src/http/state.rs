//! `/state` and the small documents: shapes as Mesos 1.11 answers them.

use mesos::attributes::Attributes;
use mesos::resources::{Format, Resources};
use mesos::v1::{FrameworkInfo, Resource, Task, TaskInfo, TaskState, TaskStatus, framework_info};
use mesos::version;
use serde_json::{Map, Value, json};

use crate::state::registration::CAPABILITIES;
use crate::state::{Executor, Framework, State};
use crate::view::View;

pub(super) fn version() -> Value {
    json!({
        "version": version::MESOS_COMPATIBLE,
        "product": version::PRODUCT_NAME,
        "product_version": version::PRODUCT,
        // For those who expect them. Builds are reproducible: neither when nor by whom is in them.
        "build_date": "1970-01-01 00:00:00",
        "build_time": 0.0,
        "build_user": "",
    })
}

pub(super) fn flags(view: &View) -> Value {
    json!({"flags": view.constants().flags})
}

pub(super) fn state(view: &View) -> Value {
    let state = view.state();
    let constants = view.constants();
    let info = state.info();
    let total = state.total() + state.lent();
    let unreserved = total.unreserved();
    let mut document = version();
    let more = json!({
        "start_time": constants.clock.origin(),
        "id": state.agent_id().map_or("", |id| &id.value),
        "pid": format!("slave(1)@{}", constants.address),
        "hostname": info.hostname,
        "capabilities": CAPABILITIES.map(|c| c.as_str_name()),
        "resources": total.to_flat_json(),
        "reserved_resources": total.to_flat_json_by_role(),
        "unreserved_resources": unreserved.to_flat_json(),
        "reserved_resources_full": reserved_in_full(&total),
        "unreserved_resources_full": unreserved.to_v1(Format::Endpoint),
        "reserved_resources_allocated": allocated(&state).reserved().to_flat_json_by_role(),
        "unreserved_resources_allocated": allocated(&state).unreserved().to_flat_json(),
        "resource_providers": [],
        "attributes": Attributes::from_v1(&info.attributes).unwrap_or_default().to_flat_json(),
        "flags": constants.flags,
        "frameworks": state.frameworks().map(framework).collect::<Vec<_>>(),
        "completed_frameworks": state.completed_frameworks().map(framework).collect::<Vec<_>>(),
    });
    merge(&mut document, more);
    if let Some(config) = state.drain_config() {
        merge(&mut document, json!({"drain_config": config}));
    }
    if let Some(master) = state.registered_master() {
        merge(
            &mut document,
            json!({"master_hostname": master.address().ip().to_string()}),
        );
    }
    document
}

/// All that executors and tasks hold here.
pub(crate) fn allocated(state: &State) -> Resources {
    let alive = state.executors().filter(|e| e.is_alive());
    alive.map(Executor::allocated).sum()
}

fn framework(framework: &Framework) -> Value {
    let info = &framework.info;
    let mut document = json!({
        "id": framework.id().value,
        "name": info.name,
        "user": info.user,
        "failover_timeout": info.failover_timeout(),
        "checkpoint": info.checkpoint(),
        "hostname": info.hostname.as_deref().unwrap_or_default(),
        "executors": framework.executors.values().map(executor).collect::<Vec<_>>(),
        "completed_executors":
            framework.completed_executors.iter().map(|e| executor(e)).collect::<Vec<_>>(),
    });
    merge(&mut document, roles(info));
    if let Some(principal) = &info.principal {
        merge(&mut document, json!({"principal": principal}));
    }
    document
}

#[allow(deprecated)] // `role` is what frameworks without MULTI_ROLE have.
fn roles(info: &FrameworkInfo) -> Value {
    let multi_role = framework_info::capability::Type::MultiRole as i32;
    match info
        .capabilities
        .iter()
        .any(|c| c.r#type == Some(multi_role))
    {
        true => json!({"roles": info.roles}),
        false => json!({"role": info.role()}),
    }
}

#[allow(deprecated)] // `source` is what tools group by, still.
fn executor(executor: &Executor) -> Value {
    let info = &executor.info;
    let queued = executor.queued.iter().map(|t| queued_task(t, executor));
    let tasks = executor.launched_tasks.values().map(|t| task(t));
    // Mesos shows ends that wait for an acknowledgement among the completed.
    let ended = executor
        .terminated_tasks
        .values()
        .chain(executor.completed_tasks.iter());
    let mut document = json!({
        "id": info.executor_id.value,
        "name": info.name.as_deref().unwrap_or_default(),
        "source": info.source.as_deref().unwrap_or_default(),
        "container": executor.container_id.value,
        "directory": executor.directory,
        "resources": executor.allocated().to_flat_json(),
        "tasks": tasks.collect::<Vec<_>>(),
        "queued_tasks": queued.collect::<Vec<_>>(),
        "completed_tasks": ended.map(|t| task(t)).collect::<Vec<_>>(),
    });
    merge(&mut document, allocation_role(&info.resources));
    if let Some(labels) = &info.labels {
        merge(&mut document, json!({"labels": labels.labels}));
    }
    document
}

fn task(task: &Task) -> Value {
    let mut document = json!({
        "id": task.task_id.value,
        "name": task.name,
        "framework_id": task.framework_id.value,
        "executor_id": task.executor_id.as_ref().map_or("", |id| &id.value),
        "slave_id": task.agent_id.value,
        "state": state_name(task.state),
        "resources": resources(&task.resources).to_flat_json(),
        "statuses": task.statuses.iter().map(status).collect::<Vec<_>>(),
    });
    merge(&mut document, allocation_role(&task.resources));
    let mut more = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            more.insert(name.to_owned(), value);
        }
    };
    set("user", task.user.as_ref().map(|u| json!(u)));
    set("labels", task.labels.as_ref().map(|l| json!(l.labels)));
    set("discovery", task.discovery.as_ref().map(|d| json!(d)));
    set("container", task.container.as_ref().map(|c| json!(c)));
    set("health_check", task.health_check.as_ref().map(|h| json!(h)));
    merge(&mut document, Value::Object(more));
    document
}

fn queued_task(info: &TaskInfo, executor: &Executor) -> Value {
    task(&executor.new_task(info))
}

fn status(status: &TaskStatus) -> Value {
    let mut document = json!({
        "state": state_name(status.state),
        "timestamp": status.timestamp.unwrap_or_default(),
    });
    let mut more = Map::new();
    if let Some(container) = &status.container_status {
        let mut container = container.clone();
        container.executor_pid = None;
        more.insert("container_status".to_owned(), json!(container));
    }
    if let Some(healthy) = status.healthy {
        more.insert("healthy".to_owned(), json!(healthy));
    }
    if let Some(labels) = &status.labels {
        more.insert("labels".to_owned(), json!(labels.labels));
    }
    merge(&mut document, Value::Object(more));
    document
}

fn allocation_role(resources: &[Resource]) -> Value {
    let allocation = resources.iter().find_map(|r| r.allocation_info.as_ref());
    match allocation.and_then(|a| a.role.as_ref()) {
        Some(role) => json!({"role": role}),
        None => json!({}),
    }
}

fn reserved_in_full(total: &Resources) -> Value {
    let by_role = total.reservations().into_iter();
    let entry = |(role, part): (String, Resources)| (role, json!(part.to_v1(Format::Endpoint)));
    Value::Object(by_role.map(entry).collect())
}

fn resources(messages: &[Resource]) -> Resources {
    Resources::from_v1(messages).unwrap_or_default()
}

fn state_name(state: i32) -> &'static str {
    TaskState::try_from(state).map_or("TASK_UNKNOWN", |s| s.as_str_name())
}

fn merge(document: &mut Value, more: Value) {
    if let (Value::Object(document), Value::Object(more)) = (document, more) {
        document.extend(more);
    }
}
