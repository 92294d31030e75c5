//! Whole clusters of production code on a network that breaks, in virtual time.
//!
//! The service in them is the scheduler of the `keep_running` example, unchanged. `tests/src/sim/invariants` says what is
//! checked at every step of every scenario, and once its faults are over.

use std::time::Duration;

use libprocess::sim::run;
use mesos::v1::TaskState;
use mesos_tests::sim::{SimCluster, Terms, misfortune};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Longer than anything that is waited for on purpose: ten minutes until agents that do not come back are given up,
/// and as long for whatever follows.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// All copies of the first service run.
fn content(cluster: &SimCluster) -> bool {
    cluster.services[0].is_content()
}

/// States of which the first service was told, in order.
fn told(cluster: &SimCluster) -> Vec<TaskState> {
    let updates = cluster.services[0].heard.updates().into_iter();
    updates.map(|told| told.status.state()).collect()
}

fn count(cluster: &SimCluster, state: TaskState) -> usize {
    told(cluster).into_iter().filter(|s| *s == state).count()
}

#[test]
fn what_ends_is_replaced() {
    run(1, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(3, "sleep 10").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        cluster.pass(60 * SECOND).await;
        assert!(count(&cluster, TaskState::TaskFinished) >= 12);
        cluster.settles(PATIENCE).await;
    });
}

#[test]
fn a_short_partition_costs_nothing() {
    run(2, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        let before = cluster.services[0].running();
        for agent in [0, 1] {
            cluster.cut_off(agent);
            cluster.pass(40 * SECOND).await;
            cluster.heal();
            cluster.settles(2 * MINUTE).await;
        }
        assert_eq!(cluster.services[0].running(), before);
        assert_eq!(count(&cluster, TaskState::TaskUnreachable), 0);
    });
}

#[test]
fn tasks_behind_a_long_partition_are_replaced_and_end_when_it_heals() {
    run(3, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        let (agent, tasks) = cluster.busiest_agent();
        cluster.cut_off(agent);
        let lost = |cluster: &SimCluster| count(cluster, TaskState::TaskUnreachable) >= tasks;
        let silence = cluster.eventually("tasks are lost", 3 * MINUTE, lost).await;
        assert!(silence >= 60 * SECOND, "{silence:?}");
        assert_eq!(cluster.active_agents(), 1);
        let replaced = |cluster: &SimCluster| cluster.services[0].running().len() == 4;
        cluster
            .eventually("the other agent has all", MINUTE, replaced)
            .await;
        cluster.pass(5 * MINUTE).await;
        cluster.heal();
        cluster.settles(5 * MINUTE).await;
        // What came back was one too many, each.
        assert_eq!(count(&cluster, TaskState::TaskKilled), tasks);
    });
}

#[test]
fn ends_behind_a_partition_are_told_when_it_heals() {
    run(4, |net| async move {
        let mut cluster = SimCluster::builder().agents(1).start(&net).await;
        cluster.keep_running(2, "sleep 60").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        cluster.cut_off(0);
        cluster.pass(70 * SECOND).await;
        assert_eq!(count(&cluster, TaskState::TaskFinished), 0);
        cluster.heal();
        let told = |cluster: &SimCluster| count(cluster, TaskState::TaskFinished) == 2;
        cluster
            .eventually("the ends are told", 2 * MINUTE, told)
            .await;
        cluster.settles(PATIENCE).await;
    });
}

#[test]
fn tasks_outlive_their_agent() {
    run(5, |net| async move {
        let mut cluster = SimCluster::builder().agents(1).start(&net).await;
        cluster.keep_running(3, "sleep 100000").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        let before = cluster.services[0].running();
        cluster.crash_agent(0).await;
        cluster.pass(20 * SECOND).await;
        cluster.restart_agent(0).await;
        cluster.settles(2 * MINUTE).await;
        assert_eq!(cluster.services[0].running(), before);
    });
}

#[test]
fn tasks_of_a_machine_that_lost_power_are_replaced_when_it_is_back() {
    run(6, |net| async move {
        let mut cluster = SimCluster::builder().agents(1).start(&net).await;
        cluster.keep_running(3, "sleep 100000").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        let before = cluster.services[0].running();
        cluster.crash_machine(0);
        cluster.pass(20 * SECOND).await;
        cluster.restart_agent(0).await;
        cluster.settles(5 * MINUTE).await;
        assert!(cluster.services[0].running().is_disjoint(&before));
        assert_eq!(cluster.services[0].copies().ended, 3);
    });
}

#[test]
fn tasks_outlive_the_master() {
    run(7, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(6, "sleep 100000").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        let before = cluster.services[0].running();
        let id = cluster
            .view()
            .expect("a master")
            .cluster
            .frameworks
            .keys()
            .next()
            .cloned();
        cluster.crash_master();
        cluster.pass(30 * SECOND).await;
        cluster.restart_master().await;
        cluster.settles(3 * MINUTE).await;
        assert_eq!(cluster.services[0].running(), before);
        let view = cluster.view().expect("a master");
        assert_eq!(view.cluster.frameworks.keys().next().cloned(), id);
    });
}

#[test]
fn an_end_that_comes_while_there_is_no_master_is_told_by_the_next() {
    run(8, |net| async move {
        let mut cluster = SimCluster::builder().agents(1).start(&net).await;
        cluster.keep_running(2, "sleep 20").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        cluster.crash_master();
        cluster.pass(30 * SECOND).await;
        cluster.restart_master().await;
        let told = |cluster: &SimCluster| count(cluster, TaskState::TaskFinished) >= 2;
        cluster
            .eventually("the ends are told", 3 * MINUTE, told)
            .await;
        cluster.settles(PATIENCE).await;
    });
}

#[test]
fn a_service_cut_off_from_the_master_comes_back_with_its_tasks() {
    run(9, |net| async move {
        let mut cluster = SimCluster::builder().agents(1).start(&net).await;
        cluster.keep_running(3, "sleep 45").await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        cluster.cut_off_service(0);
        cluster.pass(3 * MINUTE).await;
        assert_eq!(count(&cluster, TaskState::TaskFinished), 0);
        cluster.heal();
        cluster.settles(PATIENCE).await;
        assert!(count(&cluster, TaskState::TaskFinished) >= 3);
    });
}

/// The leader that ended it is gone, and the next one knows neither the framework nor its tasks; it is asked before the
/// agents are back, and cannot say.
#[test]
fn a_service_that_was_ended_unheard_finds_out_that_its_tasks_are_gone() {
    run(12, |net| async move {
        let mut cluster = SimCluster::builder().agents(1).start(&net).await;
        let terms = Terms::new(3, "sleep 100000").of_role("web", MINUTE);
        cluster.keep_running_as(terms).await;
        cluster.eventually("all run", 10 * SECOND, content).await;
        let before = cluster.services[0].running();
        cluster.cut_off_service(0);
        let ended = |cluster: &SimCluster| {
            let view = cluster.view().expect("a master");
            view.cluster.frameworks.is_empty()
        };
        cluster.eventually("it is ended", 5 * MINUTE, ended).await;
        cluster.pass(10 * SECOND).await;
        cluster.crash_master();
        cluster.heal();
        cluster.restart_master().await;
        cluster.settles(10 * MINUTE).await;
        assert!(cluster.services[0].running().is_disjoint(&before));
    });
}

#[test]
fn two_services_share_what_there_is() {
    run(10, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.settles(MINUTE).await;
        cluster.cut_off(1);
        cluster.pass(30 * SECOND).await;
        cluster.heal();
        cluster.settles(PATIENCE).await;
    });
}

#[test]
fn what_ended_under_one_leader_is_shown_by_the_next() {
    run(12, |net| async move {
        let mut cluster = SimCluster::builder().masters(2).agents(2).start(&net).await;
        cluster.keep_running(3, "sleep 10").await;
        let finished = |cluster: &SimCluster| count(cluster, TaskState::TaskFinished) >= 9;
        cluster.eventually("some ended", MINUTE, finished).await;
        let shown = |cluster: &SimCluster| -> Vec<String> {
            let view = cluster.view().expect("a master");
            let frameworks = view.cluster.frameworks.values();
            let ended = frameworks.flat_map(|framework| framework.completed_tasks.iter());
            ended.map(|task| task.id().to_string()).collect()
        };
        let before = shown(&cluster);
        assert!(before.len() >= 6, "{before:?}");
        let leader = cluster.master_address();
        cluster.crash_master();
        let followed = |cluster: &SimCluster| {
            cluster.leaders() == 1
                && cluster.master_address() != leader
                && cluster.active_agents() == 2
        };
        cluster
            .eventually("another leads", 2 * MINUTE, followed)
            .await;
        // The last acknowledgements may have been lost on their way to the agents.
        let all = |cluster: &SimCluster| before.iter().all(|task| shown(cluster).contains(task));
        cluster.eventually("all are shown", MINUTE, all).await;
        let mut after = shown(&cluster);
        after.sort();
        assert!(after.windows(2).all(|two| two[0] != two[1]), "{after:?}");
        cluster.settles(PATIENCE).await;
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let hash = |seed| {
        run(seed, |net| async move {
            let mut cluster = SimCluster::builder().agents(3).start(&net).await;
            cluster.keep_running(6, "work").await;
            misfortune(&mut cluster, 12).await;
            // A kill that was lost is not sent again by itself.
            cluster.calms_down(PATIENCE).await;
            net.trace_hash()
        })
    };
    for seed in 11..15 {
        assert_eq!(hash(seed), hash(seed), "seed {seed}");
    }
}
