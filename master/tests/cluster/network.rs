//! A master, an agent and a scheduler on nodes of their own, with a network that breaks.

use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use mesos::protocols::{RejectionKind, roles};
use mesos::v1::TaskState;
use mesos::v1::scheduler::event;
use mesos_master::registrar::MemoryStorage;

use crate::fakes::AgentLife;
use crate::world::{Framework, agent, start, until};

const SECOND: Duration = Duration::from_secs(1);

/// The nodes of a master, an agent and a framework.
async fn nodes(net: &Net) -> (Node, Node, Node) {
    (
        net.node_as(roles::MASTER, "m", "10.0.0.1:5050").await,
        net.node_as(roles::AGENT, "a", "10.0.0.2:5051").await,
        net.node_as(roles::FRAMEWORK, "alice", "10.0.0.3:9000")
            .await,
    )
}

#[test]
fn a_partition_that_heals_in_time_costs_no_task() {
    sim::run(1, |net| async move {
        let (here, there, scheduler) = nodes(&net).await;
        let master = start(&here, &MemoryStorage::default()).await;
        let (_, mut life) = agent(&there, &master, AgentLife::default(), true);
        let mut framework = Framework::subscribe(&scheduler, &master, None, "f").await;
        framework.launch("t").await;
        let running = framework.update().await;
        framework.acknowledge(&running).await;

        net.partition(&[&here], &[&there]);
        until(&master, "the agent is disconnected", |view| {
            view.cluster.agents.values().all(|agent| !agent.connected)
        })
        .await;
        tokio::time::sleep(20 * SECOND).await;
        net.heal();
        // The agent believes to be connected until a ping tells it otherwise.
        until(&master, "the agent is back", |view| {
            view.cluster.agents.values().all(|agent| agent.connected)
        })
        .await;
        life.wait_for(|life| life.admissions == 2)
            .await
            .expect("the agent ended");
        let view = master.view.borrow().clone();
        assert_eq!(view.cluster.counts.get(TaskState::TaskRunning), 1);
        framework.kill("t").await;
        assert_eq!(framework.update().await.state(), TaskState::TaskKilled);
    });
}

#[test]
fn a_partition_that_lasts_loses_the_tasks_and_finds_them_again() {
    sim::run(2, |net| async move {
        let (here, there, scheduler) = nodes(&net).await;
        let master = start(&here, &MemoryStorage::default()).await;
        let (_, _life) = agent(&there, &master, AgentLife::default(), true);
        let mut framework = Framework::subscribe(&scheduler, &master, None, "f").await;
        framework.launch("t").await;
        let running = framework.update().await;
        framework.acknowledge(&running).await;

        net.partition(&[&here], &[&there]);
        assert_eq!(framework.update().await.state(), TaskState::TaskLost);
        framework.next(event::Type::Failure).await;
        net.heal();
        let back = framework.update().await;
        assert_eq!(back.state(), TaskState::TaskRunning);
        assert!(back.uuid.is_none());
    });
}

#[test]
fn certificates_say_who_may_do_what() {
    sim::run(3, |net| async move {
        let (here, there, scheduler) = nodes(&net).await;
        let master = start(&here, &MemoryStorage::default()).await;
        // A framework's node is no agent, and an agent's node no framework.
        let (_, impostor) = agent(&scheduler, &master, AgentLife::default(), true);
        let refused = Framework::try_subscribe(&there, &master, None, "f").await;
        assert_eq!(
            refused.err().expect("accepted").kind,
            RejectionKind::Unauthorized
        );

        let framework = Framework::subscribe(&scheduler, &master, None, "f").await;
        tokio::time::sleep(10 * SECOND).await;
        let view = master.view.borrow().clone();
        assert!(view.cluster.agents.is_empty());
        assert_eq!(impostor.borrow().admissions, 0);
        // The principal is who the certificate says.
        let info = &view.cluster.frameworks[&framework.id].info;
        assert_eq!(info.principal.as_deref(), Some("alice"));
    });
}
