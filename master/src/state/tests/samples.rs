//! What clusters are made of: pids, infos, tasks.

use libprocess::prelude::Pid;
use mesos::protocols::{AgentProtocol, SchedulerProtocol};
use mesos::resources::{Format, Resources};
use mesos::v1::framework_info::capability::Type as Capability;
use mesos::v1::{self, AgentId, TaskId};
use mesos::wire::Pb;
use uuid::Uuid;

/// The resources of every agent.
pub(super) const AGENT: &str = "cpus:4;mem:1024;disk:1000";

/// What an agent that comes back runs.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) frameworks: Vec<v1::FrameworkInfo>,
    pub(super) tasks: Vec<v1::Task>,
    pub(super) checkpointed: Vec<v1::Resource>,
    pub(super) operations: Vec<v1::Operation>,
    pub(super) completed_frameworks: Vec<v1::FrameworkInfo>,
    pub(super) completed_tasks: Vec<v1::Task>,
    pub(super) version: Option<Uuid>,
}

pub(super) fn agent_pid(n: u8, incarnation: u64) -> Pid<AgentProtocol> {
    pid("agent", &format!("10.0.0.{n}:5051"), incarnation)
}

pub(super) fn scheduler_pid(name: &str, incarnation: u64) -> Pid<SchedulerProtocol> {
    pid(name, "10.0.1.1:9000", incarnation)
}

fn pid<P: serde::de::DeserializeOwned>(name: &str, address: &str, incarnation: u64) -> P {
    let pid = serde_json::json!({
        "name": name, "address": address, "incarnation": incarnation,
    });
    serde_json::from_value(pid).expect("a pid")
}

pub(super) fn agent_info(pid: &Pid<AgentProtocol>) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: pid.address().ip().to_string(),
        resources: resources(AGENT),
        ..Default::default()
    }
}

pub(super) fn resources(text: &str) -> Vec<v1::Resource> {
    Resources::parse(text, "*")
        .expect("resources")
        .to_v1(Format::PreRefinement)
}

/// What agents of this version can do.
pub(super) fn capabilities() -> Vec<Pb<v1::agent_info::Capability>> {
    use v1::agent_info::capability::Type;
    let all = [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
        Type::ResizeVolume,
        Type::AgentOperationFeedback,
        Type::AgentDraining,
    ];
    let capability = |kind| {
        Pb(v1::agent_info::Capability {
            r#type: Some(kind as i32),
        })
    };
    all.map(capability).into()
}

pub(super) fn plain(text: &str) -> Resources {
    Resources::parse(text, "*").expect("resources")
}

/// As an agent lends them.
pub(super) fn lent(text: &str) -> Resources {
    let mut lent = resources(text);
    for resource in &mut lent {
        resource.revocable = Some(Default::default());
    }
    Resources::from_v1(&lent).expect("resources")
}

pub(super) fn task_id(name: &str) -> TaskId {
    TaskId { value: name.into() }
}

pub(super) fn info(name: &str) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "user".into(),
        name: name.into(),
        checkpoint: Some(true),
        failover_timeout: Some(60.0),
        ..Default::default()
    }
}

pub(super) fn partition_aware(name: &str) -> v1::FrameworkInfo {
    let capability = v1::framework_info::Capability {
        r#type: Some(Capability::PartitionAware as i32),
    };
    v1::FrameworkInfo {
        capabilities: vec![capability],
        ..info(name)
    }
}

/// A command task.
pub(super) fn task(name: &str, agent: &AgentId, needs: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: name.into(),
        task_id: task_id(name),
        agent_id: agent.clone(),
        resources: resources(needs),
        command: Some(v1::CommandInfo {
            value: Some("true".into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
