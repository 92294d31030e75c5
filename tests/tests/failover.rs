//! Replicated masters in simulated clusters: whoever leads may go, tasks go on.

use std::collections::BTreeSet;
use std::time::Duration;

use libprocess::sim::{Net, run};
use master::registrar::{Fault, StorageError};
use mesos::v1::{TaskId, TaskState};
use mesos_tests::sim::SimCluster;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A leader is missed after a session of 10 s at the latest, and its successor begins at once.
const FAILOVER: Duration = Duration::from_secs(15);

/// Longer than anything that is waited for on purpose: agents have ten minutes to come back.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Three masters, two agents, and four tasks that never end.
async fn cluster(net: &Net) -> (SimCluster, BTreeSet<TaskId>) {
    let mut cluster = SimCluster::builder().masters(3).agents(2).start(net).await;
    cluster.keep_running(4, "sleep 1000000").await;
    let content = |cluster: &SimCluster| cluster.services[0].is_content();
    cluster.eventually("all run", 30 * SECOND, content).await;
    let running = cluster.services[0].alive();
    (cluster, running)
}

/// Somebody else than `former` leads, with everybody registered, and nothing happened to any task.
async fn is_taken_over(
    cluster: &SimCluster,
    former: std::net::SocketAddr,
    tasks: &BTreeSet<TaskId>,
) {
    let another = |cluster: &SimCluster| {
        assert!(cluster.leaders() <= 1, "two lead");
        cluster.leaders() == 1 && cluster.master_address() != former
    };
    cluster.eventually("another leads", FAILOVER, another).await;
    let back = |cluster: &SimCluster| cluster.active_agents() == cluster.agent_count();
    cluster
        .eventually("the agents are back", MINUTE, back)
        .await;
    cluster.settles(2 * MINUTE).await;
    assert_eq!(cluster.services[0].alive(), *tasks);
    let updates = cluster.services[0].heard.updates();
    let ended = updates
        .iter()
        .filter(|told| told.status.state() != TaskState::TaskRunning);
    let ended = ended.filter(|told| told.status.state() != TaskState::TaskStarting);
    assert_eq!(ended.count(), 0, "a task was disturbed");
}

#[test]
fn a_leader_that_dies_is_replaced_and_nothing_happens_to_tasks() {
    run(1, |net| async move {
        let (mut cluster, tasks) = cluster(&net).await;
        for _ in 0..3 {
            let former = cluster.master_address();
            cluster.crash_master();
            is_taken_over(&cluster, former, &tasks).await;
            cluster.restart_master().await;
        }
    });
}

#[test]
fn a_leader_that_loses_its_group_steps_down_and_stands_by() {
    run(2, |net| async move {
        let (cluster, tasks) = cluster(&net).await;
        let former = cluster.master_address();
        cluster.group().cut_off(&former.to_string());
        is_taken_over(&cluster, former, &tasks).await;
        cluster.group().restore();
        // It contends again, behind the others.
        let second = cluster.master_address();
        cluster.group().expire_first();
        is_taken_over(&cluster, second, &tasks).await;
        let third = cluster.master_address();
        cluster.group().expire_first();
        is_taken_over(&cluster, third, &tasks).await;
        assert_eq!(cluster.group().len(), 3);
    });
}

#[test]
fn a_leader_that_stood_still_changes_nothing_when_it_goes_on() {
    run(3, |net| async move {
        let (mut cluster, tasks) = cluster(&net).await;
        let former = cluster.master_address();
        cluster.group().cut_off(&former.to_string());
        cluster.pause(former);
        is_taken_over(&cluster, former, &tasks).await;
        let registry = cluster.registry();
        cluster.heal();
        cluster.group().restore();
        cluster.pass(5 * MINUTE).await;
        assert_eq!(cluster.leaders(), 1);
        assert_ne!(cluster.master_address(), former);
        assert_eq!(cluster.registry(), registry);
        assert_eq!(cluster.services[0].alive(), tasks);
    });
}

#[test]
fn a_leader_whose_registry_fails_says_so_before_another_leads() {
    run(5, |net| async move {
        let (mut cluster, tasks) = cluster(&net).await;
        for fault in [
            Fault::Fail(StorageError::Timeout(0)),
            Fault::FailAfterwards(StorageError::Timeout(0)),
        ] {
            let former = cluster.master_address();
            cluster.fail_store(fault);
            // A new framework is to be stored.
            cluster.keep_running(0, "sleep 1").await;
            // That one leads at most is looked at whenever anything is published.
            is_taken_over(&cluster, former, &tasks).await;
        }
    });
}

#[test]
fn without_its_group_nobody_leads_and_all_goes_on_when_it_is_back() {
    run(4, |net| async move {
        let (cluster, tasks) = cluster(&net).await;
        cluster.group().outage();
        let nobody = |cluster: &SimCluster| cluster.leaders() == 0;
        cluster.eventually("nobody leads", FAILOVER, nobody).await;
        cluster.pass(5 * MINUTE).await;
        assert_eq!(cluster.leaders(), 0);
        cluster.group().restore();
        let nowhere = ([0, 0, 0, 0], 0).into();
        is_taken_over(&cluster, nowhere, &tasks).await;
    });
}

/// Whatever happens to masters and their group, with a minute at most between two events: one leads at most, and when
/// all is well again the cluster is whole.
#[test]
fn masters_survive_whatever_happens_to_them_and_their_group() {
    for seed in 0..10 {
        run(100 + seed, |net| async move {
            let (mut cluster, _) = cluster(&net).await;
            let mut chance = StdRng::seed_from_u64(seed);
            for _ in 0..12 {
                let master = cluster.master_address();
                match chance.random_range(0..7) {
                    0 => cluster.crash_master(),
                    1 => cluster.group().cut_off(&master.to_string()),
                    2 => cluster.group().outage(),
                    3 => cluster.group().restore(),
                    4 => cluster.restart_master().await,
                    5 => {
                        let agent = cluster.agent_address(chance.random_range(0..2));
                        cluster.net.partition(&[master], &[agent]);
                    }
                    _ => cluster.heal(),
                }
                for _ in 0..chance.random_range(1..600) {
                    cluster.pass(SECOND / 10).await;
                    assert!(cluster.leaders() <= 1, "two lead with seed {seed}");
                }
            }
            cluster.group().restore();
            cluster.repair().await;
            let one = |cluster: &SimCluster| cluster.leaders() == 1;
            cluster.eventually("one leads", 2 * MINUTE, one).await;
            cluster.settles(PATIENCE).await;
        });
    }
}
