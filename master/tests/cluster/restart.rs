//! A master that ends, and the one after it.

use mesos::v1::TaskState;
use mesos_master::registrar::MemoryStorage;

use crate::fakes::AgentLife;
use crate::world::{Framework, agent, run, start, until};

#[test]
fn running_tasks_survive_the_master_and_end_once() {
    run(|node| async move {
        let storage = MemoryStorage::default();
        let first = start(&node, &storage).await;
        let (pid, life) = agent(&node, &first, AgentLife::default(), true);
        let mut framework = Framework::subscribe(&node, &first, None, "f1").await;
        framework.launch("t").await;
        let running = framework.update().await;
        framework.acknowledge(&running).await;
        let id = framework.id.clone();
        first.stop();
        first.ended().await;
        node.stop(&pid);
        node.monitor(&pid).await;
        node.monitor(&first.inbox).await;

        let second = start(&node, &storage).await;
        assert_eq!(second.view.borrow().cluster.recovered_agents.len(), 1);
        let past = life.borrow().clone();
        let (_, _life) = agent(&node, &second, past, true);
        let mut framework = Framework::subscribe(&node, &second, Some(id), "f2").await;
        until(&second, "the task is known again", |view| {
            view.cluster.counts.get(TaskState::TaskRunning) == 1
        })
        .await;
        framework.kill("t").await;
        let killed = framework.update().await;
        assert_eq!(killed.state(), TaskState::TaskKilled);
        framework.acknowledge(&killed).await;
        let view = second.view.borrow().clone();
        assert_eq!(view.cluster.counts.get(TaskState::TaskKilled), 1);
        assert_eq!(view.cluster.counts.active(), 0);
    });
}
