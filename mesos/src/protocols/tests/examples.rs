//! One example of every message between roles, and of its answer.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use libprocess::prelude::*;
use libprocess::wire::{Body, encode};
use serde::Serialize;
use uuid::Uuid;

use super::super::*;
use crate::v1;
use crate::wire::{Packed, Pb};

/// Something that crosses between two nodes: a message or an answer.
pub(super) struct Example {
    pub(super) protocol: &'static str,
    pub(super) version: u16,
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) is_answer: bool,
    pub(super) bytes: Vec<u8>,
    /// Whether bytes that were written with this version of the protocol are understood.
    pub(super) opens: fn(u32, u16, &[u8]) -> bool,
}

/// A message of `P`.
fn message<P: Accepts<M>, M: Message>(message: &M) -> Example {
    let mut body = Body::default();
    P::encode(message, &mut body).expect("it can be written");
    Example {
        bytes: body.to_vec(),
        opens: |number, version, bytes| {
            P::open(number, version, bytes, Default::default(), None).is_ok()
        },
        ..example::<P, M>()
    }
}

/// The answer to a message of `P`.
fn answer<P: Accepts<M>, M: Message>(answer: &M::Result) -> Example
where
    M::Result: Serialize,
{
    Example {
        is_answer: true,
        bytes: encode(answer).expect("it can be written"),
        opens: |_, version, bytes| P::decode_answer(version, bytes).is_ok(),
        ..example::<P, M>()
    }
}

fn example<P: Accepts<M>, M: Message>() -> Example {
    let mut listed = P::MESSAGES.iter();
    let (number, name) = listed
        .find(|(number, _)| *number == P::TAG)
        .expect("listed");
    Example {
        protocol: P::NAME,
        version: P::VERSION,
        number: *number,
        name,
        is_answer: false,
        bytes: Vec::new(),
        opens: |_, _, _| false,
    }
}

/// All of them.
pub(super) fn examples() -> Vec<Example> {
    let mut all = to_masters();
    all.extend(to_agents());
    all.extend(to_agents_about_operations());
    all.extend(to_subscribers());
    all.extend(to_files_and_documents());
    all
}

fn to_masters() -> Vec<Example> {
    let agent = Pid::named(names::AGENT, address());
    let info = Pb(v1::AgentInfo {
        hostname: "h".into(),
        ..Default::default()
    });
    let mut call = v1::scheduler::Call {
        framework_id: Some("f".into()),
        ..Default::default()
    };
    call.set_type(v1::scheduler::call::Type::Kill);
    let mut operator = v1::master::Call::default();
    operator.set_type(v1::master::call::Type::GetRoles);
    let accepted = CallAccepted {
        subscription: Some(Subscription {
            framework_id: "f".into(),
            stream_id: "s".into(),
        }),
    };
    vec![
        message::<MasterProtocol, _>(&master::RegisterAgent {
            agent: agent.clone(),
            info: info.clone(),
            capabilities: vec![Pb(v1::agent_info::Capability { r#type: Some(1) })],
            checkpointed_resources: vec![resource()],
            version: "1.11.0".into(),
            resource_version: Some(Uuid::from_u128(1)),
        }),
        message::<MasterProtocol, _>(&master::ReregisterAgent {
            agent,
            info,
            capabilities: Vec::new(),
            checkpointed_resources: Vec::new(),
            frameworks: vec![framework()],
            executors: vec![Pb(v1::ExecutorInfo {
                executor_id: "e".into(),
                ..Default::default()
            })],
            tasks: vec![Packed::new(&v1::Task {
                name: "t".into(),
                task_id: "t".into(),
                framework_id: "f".into(),
                agent_id: "S0".into(),
                state: v1::TaskState::TaskRunning as i32,
                ..Default::default()
            })],
            version: "1.11.0".into(),
            resource_version: None,
            operations: vec![Pb(v1::Operation {
                info: reserve(),
                uuid: v1::Uuid { value: vec![9; 16] },
                ..Default::default()
            })],
            completed_frameworks: vec![framework()],
            completed_tasks: vec![Packed::new(&v1::Task {
                name: "u".into(),
                task_id: "u".into(),
                framework_id: "f".into(),
                agent_id: "S0".into(),
                state: v1::TaskState::TaskFinished as i32,
                ..Default::default()
            })],
        }),
        message::<MasterProtocol, _>(&master::UnregisterAgent {
            agent_id: "S0".into(),
        }),
        message::<MasterProtocol, _>(&update()),
        message::<MasterProtocol, _>(&master::ExecutorMessage {
            agent_id: "S0".into(),
            framework_id: "f".into(),
            executor_id: "e".into(),
            data: vec![0, 255],
        }),
        message::<MasterProtocol, _>(&master::ExecutorExited {
            agent_id: "S0".into(),
            framework_id: "f".into(),
            executor_id: "e".into(),
            status: 256,
        }),
        message::<MasterProtocol, _>(&master::OperationUpdate {
            agent_id: "S0".into(),
            framework_id: Some("f".into()),
            operation: Uuid::from_u128(1),
            status: Pb(v1::OperationStatus {
                state: v1::OperationState::OperationFinished as i32,
                ..Default::default()
            }),
        }),
        message::<MasterProtocol, _>(&master::AgentResources {
            agent_id: "S0".into(),
            checkpointed_resources: vec![resource()],
            resource_version: Some(Uuid::from_u128(1)),
        }),
        message::<MasterProtocol, _>(&master::UpdateOversubscribed {
            agent_id: "S0".into(),
            resources: vec![resource()],
        }),
        message::<MasterProtocol, _>(&master::SchedulerCall {
            call: Pb(call),
            from: Some(Pid::named("scheduler", address())),
            stream_id: Some("s".into()),
            principal: None,
        }),
        answer::<MasterProtocol, master::SchedulerCall>(&Ok(accepted)),
        answer::<MasterProtocol, master::SchedulerCall>(&Err(rejected())),
        message::<MasterProtocol, _>(&master::OperatorCall {
            call: Pb(operator),
            principal: Some("p".into()),
        }),
        message::<MasterProtocol, _>(&master::AgentUnresponsive {
            agent_id: "S0".into(),
        }),
    ]
}

fn to_agents() -> Vec<Example> {
    let mut call = v1::executor::Call::default();
    call.set_type(v1::executor::call::Type::Update);
    vec![
        message::<AgentProtocol, _>(&agent::Registered {
            agent_id: "S0".into(),
            total_ping_timeout: Duration::from_secs(75),
        }),
        message::<AgentProtocol, _>(&agent::Reregistered {
            agent_id: "S0".into(),
            total_ping_timeout: Duration::from_secs(75),
            reconcile: vec![agent::ReconcileTasks {
                framework: framework(),
                statuses: vec![update().status],
            }],
        }),
        message::<AgentProtocol, _>(&agent::ShutdownAgent {
            message: "gone".into(),
            forget: true,
        }),
        message::<AgentProtocol, _>(&agent::Ping { connected: true }),
        answer::<AgentProtocol, agent::Ping>(&agent::Pong),
        message::<AgentProtocol, _>(&agent::RunTask {
            framework: framework(),
            task: task(),
            launch_executor: true,
            resource_version: None,
        }),
        message::<AgentProtocol, _>(&agent::RunTaskGroup {
            framework: framework(),
            executor: Pb(v1::ExecutorInfo {
                executor_id: "e".into(),
                ..Default::default()
            }),
            group: Pb(v1::TaskGroupInfo {
                tasks: vec![task().into_inner()],
            }),
            launch_executor: true,
            resource_version: Some(Uuid::from_u128(7)),
        }),
        message::<AgentProtocol, _>(&agent::KillTask {
            framework_id: "f".into(),
            task_id: "t".into(),
            kill_policy: Some(Pb(v1::KillPolicy {
                grace_period: Some(v1::DurationInfo { nanoseconds: 5 }),
            })),
        }),
        message::<AgentProtocol, _>(&agent::Acknowledge {
            framework_id: "f".into(),
            task_id: "t".into(),
            uuid: Uuid::from_u128(7),
        }),
        message::<AgentProtocol, _>(&agent::FrameworkMessage {
            framework_id: "f".into(),
            executor_id: "e".into(),
            data: vec![0, 255],
        }),
        message::<AgentProtocol, _>(&agent::ShutdownExecutor {
            framework_id: "f".into(),
            executor_id: "e".into(),
        }),
        message::<AgentProtocol, _>(&agent::ShutdownFramework {
            framework_id: "f".into(),
        }),
        message::<AgentProtocol, _>(&agent::UpdateFramework {
            framework: framework(),
        }),
        message::<AgentProtocol, _>(&agent::ExecutorCall {
            call: Pb(call),
            from: Some(Pid::named("executor", address())),
        }),
        answer::<AgentProtocol, agent::ExecutorCall>(&Ok(())),
        answer::<AgentProtocol, agent::ExecutorCall>(&Err(rejected())),
    ]
}

fn to_agents_about_operations() -> Vec<Example> {
    vec![
        message::<AgentProtocol, _>(&apply()),
        message::<AgentProtocol, _>(&agent::AcknowledgeOperation {
            operation: Uuid::from_u128(1),
            status: Uuid::from_u128(2),
        }),
        message::<AgentProtocol, _>(&agent::ReconcileOperations {
            operations: vec![apply()],
        }),
        message::<AgentProtocol, _>(&agent::DrainAgent {
            config: Pb(v1::DrainConfig {
                max_grace_period: Some(v1::DurationInfo { nanoseconds: 5 }),
                mark_gone: Some(true),
            }),
        }),
    ]
}

fn to_subscribers() -> Vec<Example> {
    let heartbeat = v1::scheduler::Event {
        r#type: Some(8),
        ..Default::default()
    };
    let executor_heartbeat = v1::executor::Event {
        r#type: Some(9),
        ..Default::default()
    };
    vec![
        message::<SchedulerProtocol, _>(&scheduler::Event(Pb(heartbeat))),
        message::<SchedulerProtocol, _>(&scheduler::Unsubscribed),
        message::<ExecutorProtocol, _>(&executor::Event(Pb(executor_heartbeat))),
        message::<ExecutorProtocol, _>(&executor::Unsubscribed),
        message::<ObserverProtocol, _>(&observer::SetConnected(true)),
    ]
}

fn to_files_and_documents() -> Vec<Example> {
    let path = || "/a".to_owned();
    let file = v1::FileInfo {
        path: path(),
        size: Some(5),
        ..Default::default()
    };
    vec![
        message::<FilesProtocol, _>(&files::Browse { path: path() }),
        answer::<FilesProtocol, files::Browse>(&Ok(vec![Pb(file)])),
        answer::<FilesProtocol, files::Browse>(&Err(files::FilesError::NotFound(path()))),
        message::<FilesProtocol, _>(&files::Read {
            path: path(),
            offset: None,
            length: Some(5),
        }),
        answer::<FilesProtocol, files::Read>(&Ok(files::Chunk {
            offset: 300,
            data: vec![0, 255],
        })),
        message::<ReaderProtocol, _>(&reader::Read {
            path: path(),
            query: "limit=1".into(),
        }),
        answer::<ReaderProtocol, reader::Read>(&Ok(reader::Document {
            content_type: "application/json".into(),
            body: Bytes::from_static(b"{}"),
        })),
        answer::<ReaderProtocol, reader::Read>(&Err(reader::ReadError::Recovering)),
    ]
}

fn address() -> SocketAddr {
    "10.0.0.1:5051".parse().unwrap()
}

fn framework() -> Pb<v1::FrameworkInfo> {
    Pb(v1::FrameworkInfo {
        user: "root".into(),
        name: "π".into(),
        id: Some("f".into()),
        roles: vec!["eng".into()],
        ..Default::default()
    })
}

fn task() -> Pb<v1::TaskInfo> {
    Pb(v1::TaskInfo {
        name: "t".into(),
        task_id: "t".into(),
        agent_id: "S0".into(),
        resources: crate::resources::Resources::parse("cpus:1;ports:[1-2]", "*")
            .unwrap()
            .into(),
        ..Default::default()
    })
}

fn update() -> UpdateRecord {
    let status = v1::TaskStatus {
        task_id: "t".into(),
        state: v1::TaskState::TaskRunning as i32,
        data: Some(vec![0, 255]),
        ..Default::default()
    };
    UpdateRecord {
        framework_id: "f".into(),
        agent_id: "S0".into(),
        executor_id: None,
        status: Pb(status),
        latest_state: v1::TaskState::TaskFinished as i32,
        uuid: Some(Uuid::from_u128(7)),
        timestamp: 1.5,
    }
}

fn reserve() -> v1::offer::Operation {
    let mut operation = v1::offer::Operation {
        id: Some("o".into()),
        reserve: Some(v1::offer::operation::Reserve {
            resources: task().0.resources,
            source: Vec::new(),
        }),
        ..Default::default()
    };
    operation.set_type(v1::offer::operation::Type::Reserve);
    operation
}

fn apply() -> agent::ApplyOperation {
    agent::ApplyOperation {
        framework_id: Some("f".into()),
        operation: Pb(reserve()),
        uuid: Uuid::from_u128(1),
        resource_version: Some(Uuid::from_u128(2)),
    }
}

fn rejected() -> CallRejected {
    CallRejected::new(RejectionKind::Invalid, "no type")
}

fn resource() -> Pb<v1::Resource> {
    Pb(v1::Resource {
        name: "cpus".into(),
        revocable: Some(Default::default()),
        ..Default::default()
    })
}
