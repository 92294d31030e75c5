//! What clusters are made of: ids, agents, frameworks and tasks of the sizes that Mesos' own benchmarks use.

use libprocess::prelude::*;
use mesos::protocols::AgentProtocol;
use mesos::protocols::master::ReregisterAgent;
use mesos::resources::{Format, Resources};
use mesos::v1;
use mesos::v1::{AgentId, FrameworkId};
use mesos::wire::{Packed, Pb};

/// What every agent has.
pub(crate) const TOTAL: &str = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]";

/// Machines in one rack.
const PER_RACK: u32 = 40;

/// What every task uses.
pub(crate) const TASK: &str = "cpus:0.1;mem:32;disk:16";

pub(crate) fn role(number: u32) -> String {
    format!("role-{number}")
}

pub(crate) fn framework(number: u32) -> FrameworkId {
    FrameworkId {
        value: format!("5f3c9d0a-7f0e-4a57-9a7c-2f6b8e1d4c33-{number:04}"),
    }
}

pub(crate) fn agent(number: u32) -> AgentId {
    AgentId {
        value: format!("5f3c9d0a-7f0e-4a57-9a7c-2f6b8e1d4c33-S{number}"),
    }
}

/// An agent with tasks that comes back after its master failed: every other task is the first owner's, the rest the
/// second's.
pub(crate) fn returning(
    pid: Pid<AgentProtocol>,
    number: u32,
    tasks: u32,
    owners: [u32; 2],
) -> ReregisterAgent {
    use v1::agent_info::Capability;
    use v1::agent_info::capability::Type;
    let capabilities = [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
        Type::ResizeVolume,
        Type::AgentOperationFeedback,
    ];
    let tasks = (0..tasks).map(|task| record(number, task, owners[task as usize % 2]));
    let tasks: Vec<Packed<v1::Task>> = tasks.map(|task| Packed::new(&task)).collect();
    let frameworks = owners.into_iter().filter(|_| !tasks.is_empty());
    ReregisterAgent {
        agent: pid,
        info: Pb(agent_info(number)),
        capabilities: capabilities
            .map(|kind| {
                Pb(Capability {
                    r#type: Some(kind as i32),
                })
            })
            .into(),
        checkpointed_resources: vec![],
        frameworks: frameworks.map(|owner| Pb(framework_info(owner))).collect(),
        executors: vec![],
        tasks,
        version: "1.11.0".to_owned(),
        resource_version: Some(
            serde_json::from_str("\"7a9ee7a7-30cf-4c42-9d6c-0e6a9d7b5a55\"").expect("a uuid"),
        ),
        operations: vec![],
        completed_frameworks: vec![],
        completed_tasks: vec![],
    }
}

/// So many tasks of an agent that have ended, every other one the first owner's.
#[cfg(feature = "master")]
pub(crate) fn ended(agent_number: u32, tasks: u32, owners: [u32; 2]) -> Vec<Packed<v1::Task>> {
    /// Agents tell of the same span of time, in seconds.
    const SPAN: u32 = 1_000_000;
    let task = |number: u32| {
        let mut task = record(agent_number, number, owners[number as usize % 2]);
        task.task_id.value.insert_str(0, "ended-");
        task.state = v1::TaskState::TaskFinished as i32;
        task.status_update_state = Some(task.state);
        let after = number * (SPAN / tasks) + agent_number % (SPAN / tasks);
        let mut last = task.statuses[0].clone();
        last.state = task.state;
        last.timestamp = Some(1.7e9 + f64::from(after));
        task.statuses.push(last);
        for status in &mut task.statuses {
            status.task_id = task.task_id.clone();
        }
        Packed::new(&task)
    };
    (0..tasks).map(task).collect()
}

/// What an agent says of itself.
pub(crate) fn agent_info(number: u32) -> v1::AgentInfo {
    let resources = Resources::parse(TOTAL, "*").expect("resources");
    v1::AgentInfo {
        id: Some(agent(number)),
        hostname: format!("host-{number}.example.com"),
        port: Some(5051),
        resources: resources.to_v1(Format::PreRefinement),
        attributes: vec![
            attribute("rack", &format!("r{}", number / PER_RACK)),
            attribute("os", "linux"),
        ],
        ..Default::default()
    }
}

fn attribute(name: &str, value: &str) -> v1::Attribute {
    v1::Attribute {
        name: name.to_owned(),
        r#type: v1::value::Type::Text as i32,
        text: Some(v1::value::Text {
            value: value.to_owned(),
        }),
        ..Default::default()
    }
}

/// A framework with a role of its own.
pub(crate) fn framework_info(number: u32) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id: Some(framework(number)),
        user: "root".to_owned(),
        name: format!("framework-{number}"),
        roles: vec![role(number)],
        checkpoint: Some(true),
        capabilities: vec![v1::framework_info::Capability {
            r#type: Some(v1::framework_info::capability::Type::MultiRole as i32),
        }],
        ..Default::default()
    }
}

/// A command that runs, as agents tell of it. What it executes and fetches is not part of what they tell: only they
/// keep that.
fn record(agent_number: u32, number: u32, owner: u32) -> v1::Task {
    let resources = Resources::parse(TASK, "*").expect("resources");
    let task_id = v1::TaskId {
        value: format!("task-{agent_number}-{number}.5f3c9d0a-7f0e-4a57"),
    };
    let status = v1::TaskStatus {
        task_id: task_id.clone(),
        state: v1::TaskState::TaskRunning as i32,
        source: Some(v1::task_status::Source::Executor as i32),
        agent_id: Some(agent(agent_number)),
        timestamp: Some(1.7e9),
        uuid: Some(vec![7; 16]),
        container_status: Some(v1::ContainerStatus {
            container_id: Some(v1::ContainerId {
                value: "7a9ee7a7-30cf-4c42-9d6c-0e6a9d7b5a55".to_owned(),
                parent: None,
            }),
            network_infos: vec![v1::NetworkInfo {
                ip_addresses: vec![v1::network_info::IpAddress {
                    protocol: Some(v1::network_info::Protocol::IPv4 as i32),
                    ip_address: Some("10.12.34.56".to_owned()),
                }],
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    };
    let label = v1::Label {
        key: "team".to_owned(),
        value: Some("payments".to_owned()),
    };
    v1::Task {
        name: format!("task-{agent_number}-{number}"),
        task_id,
        framework_id: framework(owner),
        agent_id: agent(agent_number),
        state: v1::TaskState::TaskRunning as i32,
        resources: resources
            .allocate(&role(owner))
            .to_v1(Format::PreRefinement),
        status_update_state: Some(v1::TaskState::TaskRunning as i32),
        status_update_uuid: Some(vec![7; 16]),
        statuses: vec![status],
        user: Some("root".to_owned()),
        labels: Some(v1::Labels {
            labels: vec![label],
        }),
        ..Default::default()
    }
}
