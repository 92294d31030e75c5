//! Lending what is not used, and taking it back, on one agent in virtual time.

mod cluster;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::{Cluster, Heard, config, in_virtual_time, reason, task};
use mesos::resources::Resources;
use mesos::v1::TaskInfo;
use mesos::v1::TaskState::{TaskGone, TaskKilled, TaskRunning};
use mesos::v1::task_status::Reason;
use mesos_agent::Config;
use mesos_agent::containerizer::simulated::Simulation;
use mesos_agent::oversubscription::Load;

/// Longer than `--oversubscribed_resources_interval`.
const A_WHILE: Duration = Duration::from_secs(100);

fn lending(work_dir: &Path, estimator: &str, controller: &str) -> Config {
    Config {
        resource_estimator: estimator.parse().expect("an estimator"),
        qos_controller: controller.parse().expect("a controller"),
        ..config(work_dir)
    }
}

impl Cluster {
    /// What the agent says next that it lends, in thousandths of cpus.
    async fn lends(&mut self) -> i64 {
        let Heard::Oversubscribed(update) = self.next().await else {
            panic!("the agent says something else");
        };
        assert_eq!(update.agent_id, cluster::agent_id());
        let lent = Resources::from_v1(update.resources.iter().map(|r| &r.0)).expect("resources");
        assert_eq!(lent, lent.revocable());
        lent.cpus().milli()
    }
}

/// A task that runs on borrowed cpus.
fn borrower(id: &str) -> TaskInfo {
    let mut task = task(id, "sleep 1000");
    task.resources = cluster::resources("cpus:1");
    task.resources[0].revocable = Some(Default::default());
    task.resources.extend(cluster::resources("mem:32"));
    task
}

/// A load that is high while the switch is on.
fn load(switch: &Arc<AtomicBool>) -> impl Fn() -> Load + use<> {
    let switch = switch.clone();
    move || {
        let high = switch.load(Ordering::Relaxed);
        Load::steady(if high { 9.0 } else { 1.0 })
    }
}

#[test]
fn a_fixed_estimate_is_told_after_each_registration_and_not_again() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let config = lending(dir.path(), "fixed:cpus:2", "noop");
        let mut cluster = Cluster::start_with(&node, config.clone(), Simulation::new()).await;
        assert_eq!(cluster.lends().await, 2000);
        assert!(cluster.is_silent_for(A_WHILE).await);

        let (mut cluster, _) = cluster.restart_agent(config, Simulation::new()).await;
        assert_eq!(cluster.lends().await, 2000);
    });
}

#[test]
fn nothing_is_lent_unless_said() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        assert!(cluster.is_silent_for(A_WHILE).await);
    });
}

#[test]
fn what_is_measured_not_to_be_used_is_lent_until_its_task_ends() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let config = lending(dir.path(), "measured:margin=20%,half_life=1secs", "noop");
        let idle = Simulation::new().usage(0.1);
        let mut cluster = Cluster::start_with(&node, config, idle).await;
        cluster.run(task("t", "sleep 1000"));
        cluster.update("t", TaskRunning).await;
        // Of one cpu a tenth is used and a fifth is kept.
        assert_eq!(cluster.lends().await, 700);
        assert!(cluster.is_silent_for(A_WHILE).await);
        cluster.kill("t");
        cluster.update("t", TaskKilled).await;
        assert_eq!(cluster.lends().await, 0);
    });
}

#[test]
fn a_high_load_preempts_who_borrowed_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let high = Arc::new(AtomicBool::new(false));
        let config = lending(dir.path(), "fixed:cpus:2", "load:load_threshold_5min=4");
        let simulation = Simulation::new().load(load(&high));
        let mut cluster = Cluster::start_with(&node, config, simulation).await;
        assert_eq!(cluster.lends().await, 2000);
        cluster.run(task("regular", "sleep 1000"));
        cluster.update("regular", TaskRunning).await;
        cluster.run(borrower("borrower"));
        cluster.update("borrower", TaskRunning).await;
        assert!(cluster.is_silent_for(A_WHILE).await);

        high.store(true, Ordering::Relaxed);
        assert_eq!(cluster.lends().await, 0, "the first to be told");
        let gone = cluster.update("borrower", TaskGone).await;
        assert_eq!(reason(&gone), Some(Reason::ContainerPreempted));
        let why = gone.status.message.as_deref().unwrap_or_default();
        assert!(why.contains("load over 5 minutes, 9, is above 4"), "{why}");
        assert!(cluster.is_silent_for(A_WHILE).await);
        assert_eq!(cluster.agent.view.state().executors().count(), 1);

        high.store(false, Ordering::Relaxed);
        assert_eq!(cluster.lends().await, 2000);
        cluster.kill("regular");
        cluster.update("regular", TaskKilled).await;
    });
}

#[test]
fn corrections_keep_their_distance() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let high = Arc::new(AtomicBool::new(true));
        let config = Config {
            qos_correction_interval_min: Duration::from_secs(300),
            ..lending(dir.path(), "noop", "load:load_threshold_15min=4")
        };
        let simulation = Simulation::new().load(load(&high));
        let mut cluster = Cluster::start_with(&node, config, simulation).await;
        let began = tokio::time::Instant::now();
        cluster.run(borrower("borrower"));
        cluster.update("borrower", TaskRunning).await;
        cluster.update("borrower", TaskGone).await;
        assert!((290..=300).contains(&began.elapsed().as_secs()));
    });
}
