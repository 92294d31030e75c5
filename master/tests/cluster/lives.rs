//! Tasks, agents and frameworks from their beginning to their end.

use futures_util::future::join4;
use libprocess::prelude::*;
use mesos::protocols::RejectionKind;
use mesos::protocols::master::OperatorCall;
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::{call, event};
use mesos::v1::{FrameworkInfo, TaskState, master as operator};
use mesos::wire::Pb;
use mesos_master::config::Config;
use mesos_master::registrar::{Fault, MemoryStorage, StorageError};

use crate::fakes::AgentLife;
use crate::world::{Framework, agent, framework_info, run, start, start_with, until};

#[test]
fn a_task_runs_is_killed_and_is_remembered() {
    run(|node| async move {
        let master = start(&node, &MemoryStorage::default()).await;
        let (_, life) = agent(&node, &master, AgentLife::default(), true);
        let mut framework = Framework::subscribe(&node, &master, None, "f").await;
        framework.next(event::Type::Subscribed).await;
        framework.next(event::Type::Heartbeat).await;
        framework.launch("t").await;

        let running = framework.update().await;
        assert_eq!(running.state(), TaskState::TaskRunning);
        framework.acknowledge(&running).await;
        framework.kill("t").await;
        let killed = framework.update().await;
        assert_eq!(killed.state(), TaskState::TaskKilled);
        framework.acknowledge(&killed).await;

        // The answer to a call is never ahead of what readers see.
        let view = master.view.borrow().clone();
        let record = &view.cluster.frameworks[&framework.id];
        assert!(record.tasks.is_empty());
        assert_eq!(record.completed_tasks.len(), 1);
        assert_eq!(life.borrow().admissions, 1);
        // All of the agent is offered again.
        until(&master, "everything is offered", |view| {
            view.cluster
                .agents
                .values()
                .all(|agent| agent.offered().cpus().milli() == 4_000)
        })
        .await;
    });
}

#[test]
fn an_agent_that_does_not_answer_is_given_up() {
    run(|node| async move {
        let storage = MemoryStorage::default();
        let master = start(&node, &storage).await;
        let (_, _life) = agent(&node, &master, AgentLife::default(), false);
        let mut framework = Framework::subscribe(&node, &master, None, "f").await;
        framework.launch("t").await;
        let running = framework_running(&mut framework).await;
        framework.acknowledge(&running).await;

        let began = tokio::time::Instant::now();
        framework.next(event::Type::Failure).await;
        // Five pings of 15 seconds each, the first of them sent a little earlier.
        let waited = began.elapsed().as_secs();
        assert!((70..=80).contains(&waited), "after {waited} seconds");
        assert_eq!(storage.registry().unreachable.len(), 1);
        let view = master.view.borrow().clone();
        assert_eq!(
            view.cluster.frameworks[&framework.id]
                .unreachable_tasks
                .len(),
            1
        );
    });
}

async fn framework_running(framework: &mut Framework) -> mesos::v1::TaskStatus {
    let status = framework.update().await;
    assert_eq!(status.state(), TaskState::TaskRunning);
    status
}

#[test]
fn a_scheduler_that_ends_has_its_time_to_come_back() {
    run(|node| async move {
        let master = start(&node, &MemoryStorage::default()).await;
        let (_, mut life) = agent(&node, &master, AgentLife::default(), true);
        let mut framework = Framework::subscribe(&node, &master, None, "f").await;
        framework.launch("t").await;
        framework_running(&mut framework).await;
        node.stop(&framework.pid);
        until(&master, "it is disconnected", |view| {
            view.cluster
                .frameworks
                .values()
                .all(|framework| !framework.connected())
        })
        .await;
        let refused = framework
            .try_call(call::Type::Revive, Call::default())
            .await;
        assert_eq!(
            refused.expect_err("accepted").kind,
            RejectionKind::Disconnected
        );

        let began = tokio::time::Instant::now();
        until(&master, "it is torn down", |view| {
            view.cluster.frameworks.is_empty()
        })
        .await;
        assert!((59..=61).contains(&began.elapsed().as_secs()));
        life.wait_for(|life| life.frameworks_shut_down == 1)
            .await
            .expect("the agent ended");
    });
}

#[test]
fn an_operator_tears_a_framework_down() {
    run(|node| async move {
        let storage = MemoryStorage::default();
        let master = start(&node, &storage).await;
        let framework = Framework::subscribe(&node, &master, None, "f").await;
        let patience = std::time::Duration::from_secs(5);
        let mut call = operator::Call {
            teardown: Some(operator::call::Teardown {
                framework_id: framework.id.clone(),
            }),
            ..Default::default()
        };
        call.set_type(operator::call::Type::Teardown);
        let down = OperatorCall {
            call: Pb(call),
            principal: None,
        };
        let first = node.ask(&master.pid, down.clone(), patience).await;
        assert_eq!(first.expect("an answer"), Ok(()));
        assert!(storage.registry().frameworks.is_empty());
        let second = node.ask(&master.pid, down, patience).await;
        let refused = second.expect("an answer").expect_err("accepted");
        assert_eq!(refused.kind, RejectionKind::UnknownFramework);
        // Its subscription is over.
        node.monitor(&framework.pid).await;
    });
}

#[test]
fn calls_of_frameworks_wait_for_their_turn() {
    run(|node| async move {
        let limits = r#"{"aggregate_default_qps": 0.5, "aggregate_default_capacity": 3}"#;
        let config = Config {
            rate_limits: serde_json::from_str(limits).expect("limits"),
            ..Config::default()
        };
        let master = start_with(config, &node, &MemoryStorage::default()).await;
        let began = tokio::time::Instant::now();
        let framework = Framework::subscribe(&node, &master, None, "f").await;
        assert_eq!(began.elapsed().as_secs(), 0, "the first waits for nobody");
        let revive = || framework.try_call(call::Type::Revive, Call::default());
        let (first, second, third, fourth) = join4(revive(), revive(), revive(), revive()).await;
        assert_eq!((first, second, third), (Ok(()), Ok(()), Ok(())));
        assert_eq!(fourth.expect_err("too many").kind, RejectionKind::Conflict);
        assert_eq!(began.elapsed().as_secs(), 6, "two seconds for each");
    });
}

#[test]
fn without_credentials_calls_count_for_the_principal_that_a_framework_names() {
    run(|node| async move {
        let limits = r#"{"limits": [{"principal": "p", "qps": 0.01, "capacity": 0}]}"#;
        let config = Config {
            rate_limits: serde_json::from_str(limits).expect("limits"),
            ..Config::default()
        };
        let master = start_with(config, &node, &MemoryStorage::default()).await;
        let framework_info = FrameworkInfo {
            principal: Some("p".into()),
            ..framework_info()
        };
        let subscribe = call::Subscribe {
            framework_info,
            ..Default::default()
        };
        let named = Framework::try_subscribe_with(&node, &master, subscribe, "named").await;
        let named = named.expect("refused");
        let other = Framework::subscribe(&node, &master, None, "other").await;
        for _ in 0..3 {
            let refused = named.try_call(call::Type::Revive, Call::default()).await;
            let refused = refused.expect_err("too fast");
            assert_eq!(refused.kind, RejectionKind::Conflict);
            let call = other.try_call(call::Type::Revive, Call::default()).await;
            assert_eq!(call, Ok(()));
        }
    });
}

#[test]
fn a_master_whose_registry_fails_ends_as_a_whole() {
    run(|node| async move {
        let storage = MemoryStorage::default();
        let master = start(&node, &storage).await;
        storage.inject(Fault::Fail(StorageError::Fenced));
        let (pid, _life) = agent(&node, &master, AgentLife::default(), true);
        let exited: Exited = master.ended().await;
        assert_eq!(exited.reason, ExitReason::Normal);
        node.monitor(&master.inbox).await;
        node.stop(&pid);
        node.monitor(&pid).await;
        assert!(storage.registry().agents.is_empty());
    });
}
