//! A small cluster with one of everything, for tests.

use std::sync::Arc;

use libprocess::ProcessInfo;
use libprocess::prelude::*;
use mesos::protocols::{MasterProtocol, names};
use mesos::resources::{Format, Resources};
use mesos::v1::{self, TaskState};
use mesos::version::MESOS_COMPATIBLE;

use crate::config::Config;
use crate::state::{
    Agent, AgentSoftware, AgentWords, Cluster, Connection, Counters, Executor, Few, FewSet,
    Framework, Id, Offer, Subscription, Task, Timestamp,
};
use crate::view::View;

const AGENT: &str = "m-S0";
const FRAMEWORK: &str = "m-0000";
const COMPLETED: &str = "m-0001";

/// One agent; a framework with a running task, an executor and an offer; a completed framework
/// with tasks that finished and failed.
pub(crate) fn view() -> View {
    let mut cluster = Cluster::default();
    cluster.agents.insert(AGENT.into(), Arc::new(agent()));
    cluster
        .frameworks
        .insert(FRAMEWORK.into(), Arc::new(framework(FRAMEWORK)));
    cluster.add_task(task(
        FRAMEWORK,
        "running",
        &[TaskState::TaskStarting, TaskState::TaskRunning],
    ));
    cluster.add_executor(&FRAMEWORK.into(), &AGENT.into(), executor());
    cluster.add_offer(offer());
    cluster
        .completed_frameworks
        .push_back(Arc::new(completed()));
    let config = Config::default();
    View {
        cluster,
        counters: Counters::default(),
        master: Arc::new(master()),
        leader: Some(Arc::new(master())),
        flags: Arc::new(config.flags()),
        config: Arc::new(config),
        started: Timestamp::from_secs(1_000),
        elected: Some(Timestamp::from_secs(1_001)),
        published: Timestamp::from_secs(2_000),
        events: Arc::default(),
    }
}

fn master() -> v1::MasterInfo {
    use v1::master_info::{Capability, capability};
    v1::MasterInfo {
        id: "m".into(),
        port: 5050,
        pid: Some("master@127.0.0.1:5050".into()),
        hostname: Some("localhost".into()),
        version: Some(MESOS_COMPATIBLE.into()),
        address: Some(v1::Address {
            hostname: Some("localhost".into()),
            ip: Some("127.0.0.1".into()),
            port: 5050,
        }),
        capabilities: vec![Capability {
            r#type: Some(capability::Type::AgentUpdate as i32),
        }],
        ..Default::default()
    }
}

fn agent() -> Agent {
    use v1::agent_info::{Capability, capability};
    let total = parse("cpus:4;mem:4096;disk:10000;ports:[31000-32000]");
    Agent {
        id: AGENT.into(),
        shared_id: Id::from(&AGENT.into()),
        info: AgentWords::from(&v1::AgentInfo {
            hostname: "localhost".into(),
            id: Some(AGENT.into()),
            port: Some(5051),
            resources: total.to_v1(Format::PostRefinement),
            ..Default::default()
        }),
        pid: Pid::named(names::AGENT, "127.0.0.1:5051".parse().unwrap()),
        software: Arc::new(AgentSoftware {
            capabilities: vec![Capability {
                r#type: Some(capability::Type::MultiRole as i32),
            }],
            version: MESOS_COMPATIBLE.into(),
        }),
        registered: Timestamp::from_secs(1_100),
        reregistered: None,
        connected: true,
        active: true,
        connection: 0,
        total: Arc::new(total),
        resource_version: None,
        operations: FewSet::new(),
        used: Few::new(),
        offered: None,
        executors: Few::new(),
        tasks: FewSet::new(),
        offers: FewSet::new(),
        inverse_offers: Few::new(),
        inverse_answers: Few::new(),
        pending_kills: Few::new(),
    }
}

fn framework(id: &str) -> Framework {
    use v1::framework_info::{Capability, capability};
    let info = v1::FrameworkInfo {
        user: "root".into(),
        name: "sample".into(),
        id: Some(id.into()),
        capabilities: vec![Capability {
            r#type: Some(capability::Type::GpuResources as i32),
        }],
        ..Default::default()
    };
    let subscription = Subscription {
        pid: Pid::named("scheduler-stream(0)", "127.0.0.1:5050".parse().unwrap()),
        stream_id: "the-stream".into(),
    };
    Framework {
        connection: Connection::Connected(subscription),
        active: true,
        ..Framework::new(Timestamp::from_secs(1_200), info)
    }
}

fn completed() -> Framework {
    let ends = [
        ("done", TaskState::TaskFinished),
        ("broken", TaskState::TaskFailed),
    ];
    let tasks = ends.map(|(id, end)| Arc::new(task(COMPLETED, id, &[TaskState::TaskRunning, end])));
    let framework = framework(COMPLETED);
    let info = v1::FrameworkInfo {
        capabilities: Vec::new(),
        hostname: Some("localhost".into()),
        ..(*framework.info).clone()
    };
    Framework {
        info: Arc::new(info),
        connection: Connection::Disconnected,
        active: false,
        unregistered: Some(Timestamp::from_secs(1_300)),
        completed_tasks: tasks.into_iter().collect(),
        ..framework
    }
}

fn task(framework: &str, id: &str, states: &[TaskState]) -> Task {
    let resources = parse("cpus:0.2;mem:64").allocate("*");
    let statuses = states
        .iter()
        .enumerate()
        .map(|(i, state)| status(id, *state, i));
    let record = v1::Task {
        name: id.into(),
        task_id: id.into(),
        framework_id: framework.into(),
        agent_id: AGENT.into(),
        state: states[states.len() - 1] as i32,
        resources: resources.to_v1(Format::PostRefinement),
        statuses: statuses.collect(),
        ..Default::default()
    };
    Task::new(&record, resources)
}

fn status(task: &str, state: TaskState, number: usize) -> v1::TaskStatus {
    let address = v1::network_info::IpAddress {
        protocol: Some(v1::network_info::Protocol::IPv4 as i32),
        ip_address: Some("127.0.0.1".into()),
    };
    let failed = state == TaskState::TaskFailed;
    v1::TaskStatus {
        task_id: task.into(),
        state: state as i32,
        timestamp: Some(1_250.0 + number as f64),
        message: failed.then(|| "Command exited with status 1".to_owned()),
        reason: failed.then_some(v1::task_status::Reason::CommandExecutorFailed as i32),
        container_status: Some(v1::ContainerStatus {
            container_id: Some(v1::ContainerId {
                value: "c".into(),
                parent: None,
            }),
            network_infos: vec![v1::NetworkInfo {
                ip_addresses: vec![address],
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn executor() -> Executor {
    let resources = parse("cpus:0.1;mem:32").allocate("*");
    Executor {
        info: v1::ExecutorInfo {
            executor_id: "e".into(),
            framework_id: Some(FRAMEWORK.into()),
            command: Some(v1::CommandInfo {
                value: Some("sleep 1".into()),
                shell: Some(true),
                ..Default::default()
            }),
            ..Default::default()
        },
        resources,
    }
}

fn offer() -> Offer {
    let resources = parse("cpus:1;mem:128").allocate("*");
    Offer {
        record: v1::Offer {
            id: "m-O0".into(),
            framework_id: FRAMEWORK.into(),
            agent_id: AGENT.into(),
            hostname: "localhost".into(),
            resources: resources.to_v1(Format::PostRefinement),
            ..Default::default()
        },
        resources,
        role: "*".into(),
        made: Timestamp::from_secs(1_260),
    }
}

/// What a master's node tells of its actors.
pub(crate) fn processes() -> Vec<ProcessInfo> {
    let master = Pid::<MasterProtocol>::named(names::MASTER, "127.0.0.1:5050".parse().unwrap());
    vec![ProcessInfo {
        pid: master.any(),
        protocol: "mesos.master",
        depth: 3,
        capacity: 10,
        handled: 5,
        dropped: 0,
        busy: std::time::Duration::ZERO,
        parent: None,
        restarts: 0,
    }]
}

fn parse(text: &str) -> Resources {
    Resources::parse(text, "*").unwrap()
}
