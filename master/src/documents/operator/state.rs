//! The cluster in v1 messages: what GET_STATE shows, and events carry.

use mesos::resources::{Format, Resources};
use mesos::v1::master::response::get_agents::Agent as AgentMessage;
use mesos::v1::master::response::get_executors::Executor as ExecutorMessage;
use mesos::v1::master::response::get_frameworks::Framework as FrameworkMessage;
use mesos::v1::master::response::{GetAgents, GetExecutors, GetFrameworks, GetState, GetTasks};
use mesos::v1::{Resource, Task as TaskMessage, TimeInfo};

use crate::documents::agents;
use crate::state::{Agent, Cluster, Framework, Task, Timestamp};

pub(crate) fn state(cluster: &Cluster) -> GetState {
    GetState {
        get_tasks: Some(tasks(cluster)),
        get_executors: Some(executors(cluster)),
        get_frameworks: Some(frameworks(cluster)),
        get_agents: Some(agents(cluster)),
    }
}

pub(super) fn tasks(cluster: &Cluster) -> GetTasks {
    fn records<'a>(tasks: impl Iterator<Item = &'a std::sync::Arc<Task>>) -> Vec<TaskMessage> {
        tasks.map(|task| task.to_v1()).collect()
    }
    let completed = || cluster.completed_frameworks.iter();
    let all = || cluster.frameworks.values().chain(completed());
    GetTasks {
        tasks: records(all().flat_map(|framework| framework.tasks.values())),
        unreachable_tasks: records(
            all().flat_map(|framework| framework.unreachable_tasks.values()),
        ),
        completed_tasks: records(all().flat_map(|framework| framework.completed_tasks.iter())),
        ..Default::default()
    }
}

pub(super) fn executors(cluster: &Cluster) -> GetExecutors {
    let agents = cluster.agents.values();
    let executors = agents.flat_map(|agent| {
        agent.executors.values().map(|executor| ExecutorMessage {
            executor_info: executor.info.clone(),
            agent_id: agent.id.clone(),
        })
    });
    GetExecutors {
        executors: executors.collect(),
        ..Default::default()
    }
}

pub(super) fn frameworks(cluster: &Cluster) -> GetFrameworks {
    let living = cluster.frameworks.values();
    let completed = cluster.completed_frameworks.iter();
    GetFrameworks {
        frameworks: living.map(|f| framework(f, cluster)).collect(),
        completed_frameworks: completed.map(|f| framework(f, cluster)).collect(),
        ..Default::default()
    }
}

pub(super) fn agents(cluster: &Cluster) -> GetAgents {
    let recovered = cluster.recovered_agents.values();
    GetAgents {
        agents: cluster.agents.values().map(|a| agent(a, cluster)).collect(),
        recovered_agents: recovered.map(|agent| agent.info.to_v1()).collect(),
    }
}

/// A framework.
pub(crate) fn framework(framework: &Framework, cluster: &Cluster) -> FrameworkMessage {
    let offers = framework.offers.iter();
    let offers = offers.filter_map(|id| cluster.offers.get(id));
    let inverse = framework.inverse_offers.iter();
    let inverse = inverse.filter_map(|id| cluster.inverse_offers.get(id));
    let constraints = framework.offer_constraints.as_deref();
    FrameworkMessage {
        framework_info: (*framework.info).clone(),
        active: framework.active,
        connected: framework.connected(),
        recovered: framework.recovered(),
        registered_time: Some(time(framework.registered)),
        reregistered_time: Some(time(framework.reregistered)),
        unregistered_time: framework.unregistered.map(time),
        offers: offers.map(|offer| offer.record.clone()).collect(),
        inverse_offers: inverse.map(|offer| offer.record.clone()).collect(),
        allocated_resources: full(&framework.used_total()),
        offered_resources: full(&framework.offered),
        // Mesos shows it to be empty where there are none.
        offer_constraints: Some(constraints.cloned().unwrap_or_default()),
    }
}

/// An agent.
pub(crate) fn agent(agent: &Agent, cluster: &Cluster) -> AgentMessage {
    let drain = cluster.drains.get(&agent.id);
    let deactivated = drain.is_some() || cluster.deactivated.contains(&agent.id);
    AgentMessage {
        agent_info: agent.info.to_v1(),
        active: agent.active,
        // By an operator.
        deactivated: Some(deactivated),
        drain_info: drain.map(|drain| agents::drain_info(drain)),
        estimated_drain_start_time: drain.map(|drain| drain.since),
        version: agent.software.version.clone(),
        pid: Some(agents::pid(agent)),
        registered_time: Some(time(agent.registered)),
        reregistered_time: agent.reregistered.map(time),
        total_resources: full(&agent.total),
        allocated_resources: full(&agent.used_total()),
        offered_resources: full(&agent.offered()),
        capabilities: agent.software.capabilities.clone(),
        ..Default::default()
    }
}

fn full(resources: &Resources) -> Vec<Resource> {
    resources.to_v1(Format::Endpoint)
}

fn time(time: Timestamp) -> TimeInfo {
    TimeInfo {
        nanoseconds: time.as_nanos(),
    }
}
