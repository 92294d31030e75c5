//! Registering with a master, staying registered, and coming back.

mod cluster;

use std::time::Duration;

use cluster::{Cluster, Heard, in_virtual_time, task};
use mesos::protocols::agent::{
    Ping, Pong, ReconcileTasks, Registered, Reregistered, ShutdownAgent,
};
use mesos::v1::TaskState::{TaskDropped, TaskFinished, TaskRunning};
use mesos::v1::TaskStatus;
use mesos::wire::Pb;
use mesos_agent::Config;
use mesos_agent::containerizer::simulated::Simulation;
use mesos_agent::state::registration::Registration;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_unanswered_agent_registers_again_and_again_with_growing_pauses() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster =
            Cluster::start_unadmitted(&node, cluster::config(dir.path()), Simulation::new()).await;
        let began = tokio::time::Instant::now();
        for _ in 0..20 {
            assert!(matches!(cluster.next().await, Heard::Register(_)));
        }
        let waited = began.elapsed();
        assert!(waited > secs(60) && waited < secs(20 * 60), "{waited:?}");
        cluster.admit();
        let mut view = cluster.agent.view.clone();
        let registered =
            |s: &std::sync::Arc<mesos_agent::state::State>| s.registered_master().is_some();
        view.wait_for(registered).await.unwrap();
        assert!(cluster.is_silent_for(secs(3600)).await);
    });
}

#[test]
fn an_agent_that_is_not_pinged_or_told_that_it_is_not_connected_registers_again() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster =
            Cluster::start_unadmitted(&node, cluster::config(dir.path()), Simulation::new()).await;
        assert!(matches!(cluster.next().await, Heard::Register(_)));
        let registered = Registered {
            agent_id: cluster::agent_id(),
            total_ping_timeout: secs(75),
        };
        node.tell(&cluster.agent.pid, registered);
        for _ in 0..5 {
            tokio::time::sleep(secs(15)).await;
            let pong = node
                .ask(&cluster.agent.pid, Ping { connected: true }, secs(1))
                .await;
            assert_eq!(pong, Ok(Pong));
        }
        let last_ping = tokio::time::Instant::now();
        let again = cluster.reregistration().await;
        assert_eq!(again.info.id, Some(cluster::agent_id()));
        assert!((75..77).contains(&last_ping.elapsed().as_secs()));

        cluster.readmit();
        node.ask(&cluster.agent.pid, Ping { connected: false }, secs(1))
            .await
            .unwrap();
        cluster.reregistration().await;
    });
}

#[test]
fn the_master_is_told_where_the_agent_is() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let config = Config {
            domain: Some(cluster::domain("eu")),
            ..cluster::config(dir.path())
        };
        assert!(config.flags()["domain"].contains("\"eu\""));
        let mut cluster = Cluster::start_unadmitted(&node, config, Simulation::new()).await;
        let Heard::Register(request) = cluster.next().await else {
            panic!("it does not register");
        };
        assert_eq!(request.info.domain, Some(cluster::domain("eu")));
    });
}

#[test]
fn updates_wait_for_a_master_that_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("t", "sleep 30"));
        cluster.update("t", TaskRunning).await;
        cluster.lose_master().await;
        tokio::time::sleep(secs(100)).await;
        let mut cluster = cluster.with_new_master();
        let again = cluster.reregistration().await;
        assert_eq!(again.tasks[0].to_message().state(), TaskFinished);
        assert!(
            cluster.reregisters_only_for(secs(100)).await,
            "nothing is told before the answer"
        );
        cluster.readmit();
        assert_eq!(cluster.ends(1).await, [("t".to_owned(), TaskFinished)]);
    });
}

#[test]
fn the_agent_answers_for_tasks_it_never_got() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("here", "sleep 1000"));
        cluster.update("here", TaskRunning).await;
        let mut view = cluster.agent.view.clone();
        node.ask(&cluster.agent.pid, Ping { connected: false }, secs(1))
            .await
            .unwrap();
        cluster.reregistration().await;
        let status = |id: &str| {
            Pb(TaskStatus {
                task_id: id.into(),
                state: TaskRunning as i32,
                ..Default::default()
            })
        };
        let reconcile = ReconcileTasks {
            framework: Pb(cluster::framework()),
            statuses: vec![status("here"), status("lost on the way")],
        };
        let reregistered = Reregistered {
            agent_id: cluster::agent_id(),
            total_ping_timeout: secs(1_000_000),
            reconcile: vec![reconcile],
        };
        node.tell(&cluster.agent.pid, reregistered);
        cluster.update("lost on the way", TaskDropped).await;
        let state = view.wait_for(|_| true).await.unwrap();
        assert!(matches!(
            state.registration(),
            Registration::Registered { .. }
        ));
        assert!(cluster.is_silent_for(secs(900)).await);
    });
}

#[test]
fn an_agent_that_is_shut_down_kills_its_executors_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("t", "sleep 1000"));
        cluster.update("t", TaskRunning).await;
        let shutdown = ShutdownAgent {
            forget: false,
            message: "the machine is to be replaced".to_owned(),
        };
        node.tell(&cluster.agent.pid, shutdown);
        let why = cluster.agent.ended().await;
        assert_eq!(why, "all executors have ended");
        let executors = node.processes();
        let mut left = executors
            .iter()
            .filter(|p| p.pid.name().starts_with("executor-"));
        assert!(left.next().is_none());
    });
}
