//! The life of tasks on one agent, in virtual time.

mod cluster;

use std::time::Duration;

use cluster::{Cluster, in_virtual_time, reason, task};
use mesos::v1::TaskState::{TaskDropped, TaskFailed, TaskFinished, TaskKilled, TaskRunning};
use mesos::v1::task_status::Reason;
use mesos_agent::containerizer::simulated::{Behaviour, End, Simulation};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_task_runs_and_ends_and_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("t", "sleep 10"));
        let running = cluster.update("t", TaskRunning).await;
        let status = running.status.container_status.as_ref().unwrap();
        assert!(status.container_id.is_some() && !status.network_infos.is_empty());
        assert_eq!(running.status.agent_id, Some(cluster::agent_id()));

        let began = tokio::time::Instant::now();
        cluster.update("t", TaskFinished).await;
        assert_eq!(began.elapsed().as_secs(), 10);
        cluster.becomes_idle().await;
        let state = cluster.agent.view.state();
        let completed = state.completed_frameworks().next().unwrap();
        assert_eq!(completed.completed_executors[0].completed_tasks.len(), 1);
    });
}

#[test]
fn an_update_is_repeated_until_it_is_acknowledged_and_the_next_waits() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("t", "sleep 1"));
        let first = cluster.unacknowledged("t", TaskRunning).await;
        assert_eq!(first.latest_state, TaskRunning as i32);
        let again = cluster.unacknowledged("t", TaskRunning).await;
        assert_eq!(first.uuid, again.uuid);
        assert_eq!(
            again.latest_state, TaskFinished as i32,
            "the newest state runs ahead"
        );
        cluster.acknowledge(&again);
        cluster.update("t", TaskFinished).await;
        assert!(cluster.is_silent_for(secs(3600)).await);
    });
}

#[test]
fn a_running_task_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("t", "sleep 1000"));
        cluster.update("t", TaskRunning).await;
        cluster.kill("t");
        cluster.update("t", TaskKilled).await;
        cluster.becomes_idle().await;
    });
}

#[test]
fn a_failure_that_a_limit_is_behind_says_so() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let greedy = |_: &_| Behaviour {
            lasts: secs(1),
            end: End::OutOfMemory,
        };
        let simulation = Simulation::new().task("greedy", greedy);
        let mut cluster = Cluster::start(&node, dir.path(), simulation).await;
        cluster.run(task("t", "greedy"));
        cluster.update("t", TaskRunning).await;
        let failed = cluster.update("t", TaskFailed).await;
        assert_eq!(reason(&failed), Some(Reason::ContainerLimitationMemory));
        cluster.run(task("u", "false"));
        cluster.update("u", TaskRunning).await;
        let failed = cluster.update("u", TaskFailed).await;
        assert_eq!(reason(&failed), Some(Reason::CommandExecutorFailed));
    });
}

#[test]
fn a_task_ends_with_its_executor() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let crash = |_: &_| Behaviour {
            lasts: secs(1),
            end: End::Crashed(7),
        };
        let simulation = Simulation::new().task("crash", crash);
        let mut cluster = Cluster::start(&node, dir.path(), simulation).await;
        cluster.run(task("t", "crash"));
        cluster.update("t", TaskRunning).await;
        let failed = cluster.update("t", TaskFailed).await;
        assert_eq!(reason(&failed), Some(Reason::CommandExecutorFailed));
        assert_eq!(
            failed.status.message.as_deref(),
            Some("Executor exited with status 7")
        );
        cluster.becomes_idle().await;
    });
}

#[test]
fn a_task_for_another_agent_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        let mut stray = task("t", "sleep 1");
        stray.agent_id = "m-S7".into();
        cluster.run(stray);
        let dropped = cluster.update("t", TaskDropped).await;
        assert_eq!(reason(&dropped), Some(Reason::AgentUnknown));
        assert!(cluster.is_silent_for(secs(3600)).await);
    });
}

#[test]
fn nothing_is_reported_of_a_framework_that_was_ended() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("t", "sleep 1000"));
        cluster.unacknowledged("t", TaskRunning).await;
        cluster.shutdown_framework();
        cluster.becomes_idle().await;
        assert!(cluster.is_silent_for(secs(3600)).await);
    });
}

#[test]
fn a_restarted_agent_finds_its_tasks_and_their_end_is_reported_once() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        for id in ["a", "b", "c"] {
            cluster.run(task(id, "sleep 60"));
            cluster.update(id, TaskRunning).await;
        }
        let config = cluster::config(dir.path());
        let began = tokio::time::Instant::now();
        let (mut cluster, reregister) = cluster.restart_agent(config, Simulation::new()).await;
        assert!(
            began.elapsed() < secs(3),
            "it does not wait longer than its executors take"
        );
        assert_eq!(reregister.info.id, Some(cluster::agent_id()));
        assert_eq!(reregister.frameworks.len(), 1);
        assert!(
            reregister.executors.is_empty(),
            "built-in executors are not the master's business"
        );
        let running = |t: &mesos::v1::Task| t.state() == TaskRunning;
        assert_eq!(
            reregister
                .tasks
                .iter()
                .map(|t| t.to_message())
                .filter(running)
                .count(),
            3
        );
        let ends = ["a", "b", "c"].map(|id| (id.to_owned(), TaskFinished));
        assert_eq!(cluster.ends(3).await, ends);
        cluster.becomes_idle().await;
        assert!(cluster.is_silent_for(secs(3600)).await);
    });
}

#[test]
fn what_was_not_acknowledged_is_sent_again_by_the_next_life() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.run(task("t", "sleep 1"));
        let first = cluster.unacknowledged("t", TaskRunning).await;
        let mut view = cluster.agent.view.clone();
        let ended = |s: &std::sync::Arc<mesos_agent::state::State>| {
            s.executors()
                .any(|e| !e.terminated_tasks.is_empty() && !e.is_alive())
        };
        view.wait_for(ended).await.unwrap();
        let config = cluster::config(dir.path());
        let (mut cluster, reregister) = cluster.restart_agent(config, Simulation::new()).await;
        assert_eq!(reregister.tasks[0].to_message().state(), TaskFinished);
        let again = cluster.update("t", TaskRunning).await;
        assert_eq!(first.uuid, again.uuid);
        cluster.update("t", TaskFinished).await;
        cluster.becomes_idle().await;
    });
}
