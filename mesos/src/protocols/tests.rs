//! Every kind of field survives the wire.

use std::net::SocketAddr;
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::wire::Body;
use uuid::Uuid;

use super::*;
use crate::v1;
use crate::wire::Pb;

/// What the receiving node does with a message: fails if its bytes are not that message.
#[track_caller]
fn crosses<P: Protocol + Accepts<M>, M: Message>(message: M) {
    let mut bytes = Body::default();
    P::encode(&message, &mut bytes).unwrap();
    assert!(
        P::open(P::TAG, P::VERSION, &bytes, Default::default(), None).is_ok(),
        "{} {}",
        P::NAME,
        P::TAG
    );
    if !bytes.is_empty() {
        let cut = &bytes[..bytes.len() - 1];
        assert!(
            P::open(P::TAG, P::VERSION, cut, Default::default(), None).is_err(),
            "{} {} cut short",
            P::NAME,
            P::TAG
        );
    }
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

#[test]
fn agents_reach_the_master() {
    let agent = Pid::named(names::AGENT, address());
    let info = Pb(v1::AgentInfo {
        hostname: "h".into(),
        ..Default::default()
    });
    crosses::<MasterProtocol, _>(master::RegisterAgent {
        agent: agent.clone(),
        info: info.clone(),
        capabilities: vec![Pb(v1::agent_info::Capability { r#type: Some(1) })],
        checkpointed_resources: Vec::new(),
        version: "1.11.0".into(),
        resource_version: Some(Uuid::from_u128(1)),
    });
    crosses::<MasterProtocol, _>(master::ReregisterAgent {
        agent,
        info,
        capabilities: Vec::new(),
        checkpointed_resources: Vec::new(),
        frameworks: vec![framework()],
        executors: Vec::new(),
        tasks: Vec::new(),
        version: "1.11.0".into(),
        resource_version: None,
        operations: vec![Pb(v1::Operation {
            info: reserve(),
            uuid: v1::Uuid { value: vec![9; 16] },
            ..Default::default()
        })],
    });
    crosses::<MasterProtocol, _>(update());
    crosses::<MasterProtocol, _>(master::OperationUpdate {
        agent_id: "S0".into(),
        framework_id: None,
        operation: Uuid::from_u128(1),
        status: Pb(v1::OperationStatus {
            state: v1::OperationState::OperationFinished as i32,
            ..Default::default()
        }),
    });
    crosses::<MasterProtocol, _>(master::AgentResources {
        agent_id: "S0".into(),
        checkpointed_resources: task().0.resources.into_iter().map(Pb).collect(),
        resource_version: Some(Uuid::from_u128(1)),
    });
    crosses::<MasterProtocol, _>(master::UpdateOversubscribed {
        agent_id: "S0".into(),
        resources: vec![Pb(v1::Resource {
            name: "cpus".into(),
            revocable: Some(Default::default()),
            ..Default::default()
        })],
    });
}

#[test]
fn calls_reach_the_master_and_their_answers_come_back() {
    let mut call = v1::scheduler::Call {
        framework_id: Some("f".into()),
        ..Default::default()
    };
    call.set_type(v1::scheduler::call::Type::Kill);
    crosses::<MasterProtocol, _>(master::SchedulerCall {
        call: Pb(call),
        from: Some(Pid::named("scheduler", address())),
        stream_id: Some("s".into()),
        principal: None,
    });
}

#[test]
fn operators_reach_the_master() {
    let mut call = v1::master::Call::default();
    call.set_type(v1::master::call::Type::GetRoles);
    crosses::<MasterProtocol, _>(master::OperatorCall {
        call: Pb(call),
        principal: Some("p".into()),
    });
}

#[test]
fn the_master_reaches_agents() {
    crosses::<AgentProtocol, _>(agent::Reregistered {
        agent_id: "S0".into(),
        total_ping_timeout: Duration::from_secs(75),
        reconcile: vec![agent::ReconcileTasks {
            framework: framework(),
            statuses: vec![update().status],
        }],
    });
    crosses::<AgentProtocol, _>(agent::Ping { connected: true });
    crosses::<AgentProtocol, _>(agent::RunTask {
        framework: framework(),
        task: task(),
        launch_executor: true,
        resource_version: None,
    });
    crosses::<AgentProtocol, _>(apply());
    crosses::<AgentProtocol, _>(agent::AcknowledgeOperation {
        operation: Uuid::from_u128(1),
        status: Uuid::from_u128(2),
    });
    crosses::<AgentProtocol, _>(agent::ReconcileOperations {
        operations: vec![apply()],
    });
    crosses::<AgentProtocol, _>(agent::DrainAgent {
        config: Pb(v1::DrainConfig {
            max_grace_period: Some(v1::DurationInfo { nanoseconds: 5 }),
            mark_gone: Some(true),
        }),
    });
    crosses::<AgentProtocol, _>(agent::ShutdownAgent {
        message: "gone".into(),
        forget: true,
    });
    crosses::<AgentProtocol, _>(agent::Acknowledge {
        framework_id: "f".into(),
        task_id: "t".into(),
        uuid: Uuid::from_u128(7),
    });
}

#[test]
fn events_reach_subscriptions() {
    let event = v1::scheduler::Event {
        r#type: Some(8),
        ..Default::default()
    };
    crosses::<SchedulerProtocol, _>(scheduler::Event(Pb(event)));
    let event = v1::executor::Event {
        r#type: Some(9),
        ..Default::default()
    };
    crosses::<ExecutorProtocol, _>(executor::Event(Pb(event)));
}

#[test]
fn tools_reach_files_and_documents() {
    let path = "/slaves/S0".to_string();
    crosses::<FilesProtocol, _>(files::Read {
        path,
        offset: None,
        length: Some(5),
    });
    let path = "/state".to_string();
    crosses::<ReaderProtocol, _>(reader::Read {
        path,
        query: String::new(),
    });
}

/// The wire contract: numbers are added, never changed or reused.
#[test]
fn numbers_stay() {
    let listed = [
        listing::<MasterProtocol>(),
        listing::<AgentProtocol>(),
        listing::<SchedulerProtocol>(),
        listing::<ExecutorProtocol>(),
        listing::<ObserverProtocol>(),
        listing::<FilesProtocol>(),
        listing::<ReaderProtocol>(),
    ];
    let expected = [
        "mesos.master 1 RegisterAgent 2 ReregisterAgent 3 UnregisterAgent 4 UpdateRecord \
         5 ExecutorMessage 6 ExecutorExited 7 OperationUpdate 8 AgentResources \
         9 UpdateOversubscribed 10 SchedulerCall 11 OperatorCall 20 AgentUnresponsive",
        "mesos.agent 1 Registered 2 Reregistered 3 ShutdownAgent 4 Ping 5 RunTask 6 KillTask \
         7 Acknowledge 8 FrameworkMessage 9 ShutdownExecutor 10 ShutdownFramework \
         11 UpdateFramework 12 ApplyOperation 13 AcknowledgeOperation 14 ReconcileOperations \
         15 DrainAgent 20 ExecutorCall",
        "mesos.scheduler 1 Event 2 Unsubscribed",
        "mesos.executor 1 Event 2 Unsubscribed",
        "mesos.observer 1 SetConnected",
        "mesos.files 1 Browse 2 Read",
        "mesos.reader 1 Read",
    ];
    assert_eq!(listed, expected);
}

/// What the messages about operations look like on the wire: other versions of this program read it.
#[test]
fn bytes_of_operations_stay() {
    let acknowledge = agent::AcknowledgeOperation {
        operation: Uuid::from_u128(1),
        status: Uuid::from_u128(2),
    };
    let update = master::OperationUpdate {
        agent_id: "S0".into(),
        framework_id: Some("f".into()),
        operation: Uuid::from_u128(1),
        status: Pb(v1::OperationStatus {
            state: v1::OperationState::OperationFinished as i32,
            ..Default::default()
        }),
    };
    let found = [
        bytes::<AgentProtocol, _>(&acknowledge),
        bytes::<AgentProtocol, _>(&apply()),
        bytes::<MasterProtocol, _>(&update),
    ];
    let expected = [
        "10000000000000000000000000000000011000000000000000000000000000000002",
        "01030a01663108021a280a130a046370757310001a0909000000000000f03f0a110a05706f727473100122060a040801100262030a016f1000000000000000000000000000000001011000000000000000000000000000000002",
        "040a02533001030a01661000000000000000000000000000000001021002",
    ];
    assert_eq!(found, expected);
}

fn bytes<P: Protocol + Accepts<M>, M: Message>(message: &M) -> String {
    let mut bytes = Body::default();
    P::encode(message, &mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn listing<P: Protocol>() -> String {
    let messages = P::MESSAGES
        .iter()
        .map(|(number, name)| format!(" {number} {name}"));
    messages.fold(P::NAME.to_string(), |list, message| list + &message)
}
