//! What a next life of the agent makes of the files of the last one.

mod cluster;

use std::fs;
use std::path::{Path, PathBuf};

use cluster::{Cluster, in_virtual_time, task};
use mesos::v1::TaskState::{TaskFailed, TaskFinished, TaskRunning};
use mesos_agent::checkpoint::envelope;
use mesos_agent::config::Disk;
use mesos_agent::containerizer::simulated::{Behaviour, End, Simulation};
use mesos_agent::{Config, Executors, StartError};

/// Runs a task of 60 s in a first life, which then ends without a word, leaving the files.
fn after_a_first_life<F: Future<Output = ()>>(work_dir: &Path, then: impl FnOnce(Cluster) -> F) {
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, work_dir, Simulation::new()).await;
        cluster.run(task("t", "sleep 60"));
        cluster.update("t", TaskRunning).await;
        then(cluster).await;
    });
}

/// Every file below the folder that is called so.
fn find(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(find(&entry.path(), name));
        } else if entry.file_name() == name {
            found.push(entry.path());
        }
    }
    found
}

fn only(folder: &Path, name: &str) -> PathBuf {
    let found = find(folder, name);
    assert_eq!(found.len(), 1, "{name} in {}", folder.display());
    found.into_iter().next().unwrap()
}

async fn refusal(cluster: Cluster, config: Config) -> StartError {
    cluster.agent.shutdown(Executors::Leave).await;
    let started = cluster::start_agent(&cluster.node, config, Simulation::new()).await;
    started.err().expect("the agent does not start")
}

#[test]
fn the_torn_end_of_an_update_log_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let work_dir = dir.path();
    after_a_first_life(work_dir, |cluster| async move {
        let log = only(work_dir, "task.updates");
        let mut bytes = fs::read(&log).unwrap();
        bytes.extend_from_slice(&[200, 0, 0, 0, 1, 2, 3]);
        fs::write(&log, &bytes).unwrap();
        let config = cluster::config(work_dir);
        let (mut cluster, again) = cluster.restart_agent(config, Simulation::new()).await;
        assert_eq!(again.tasks[0].to_message().state(), TaskRunning);
        assert_eq!(cluster.ends(1).await, [("t".to_owned(), TaskFinished)]);
    });
}

#[test]
fn a_damaged_checkpoint_is_named_with_the_remedy() {
    for name in [
        "slave.info",
        "framework.info",
        "executor.info",
        "task.info",
        "forked.pid",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let work_dir = dir.path();
        after_a_first_life(work_dir, |cluster| async move {
            let file = only(&work_dir.join("meta"), name);
            let mut bytes = fs::read(&file).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&file, bytes).unwrap();
            let error = refusal(cluster, cluster::config(work_dir))
                .await
                .to_string();
            assert!(error.contains(name), "{error}");
            assert!(error.contains("meta/slaves/latest"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        });
    }
}

#[test]
fn folders_whose_info_was_not_written_yet_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let work_dir = dir.path();
    after_a_first_life(work_dir, |cluster| async move {
        let frameworks = work_dir.join("meta/slaves/m-S0/frameworks");
        fs::create_dir_all(frameworks.join("new/executors/e/runs/c/tasks/t")).unwrap();
        let executors = frameworks.join("m-0000/executors");
        fs::create_dir_all(executors.join("new/runs/c/tasks/t")).unwrap();
        fs::write(frameworks.join("m-0000/.framework.info.tmp"), "half").unwrap();
        let config = cluster::config(work_dir);
        let (mut cluster, _) = cluster.restart_agent(config, Simulation::new()).await;
        assert_eq!(cluster.ends(1).await, [("t".to_owned(), TaskFinished)]);
    });
}

#[test]
fn an_agent_that_is_configured_as_another_is_refused() {
    type Change = fn(&mut Config);
    let changes: [(&str, Change); 4] = [
        ("resources", |c| {
            c.resources = Some("cpus:2;mem:1024".into())
        }),
        ("hostname", |c| c.hostname = Some("elsewhere".into())),
        ("attributes", |c| c.attributes = Some("rack:b".into())),
        ("domain", |c| c.domain = Some(cluster::domain("us"))),
    ];
    for (what, change) in changes {
        let dir = tempfile::tempdir().unwrap();
        let work_dir = dir.path();
        after_a_first_life(work_dir, |cluster| async move {
            let mut config = cluster::config(work_dir);
            change(&mut config);
            let error = refusal(cluster, config).await.to_string();
            assert!(
                error.contains(&format!("the {what} of this agent changed")),
                "{error}"
            );
            assert!(error.contains("slave.info"), "{error}");
            assert!(error.contains("meta/slaves/latest"), "{error}");
        });
    }
}

#[test]
fn removing_the_link_to_the_latest_agent_starts_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let work_dir = dir.path();
    after_a_first_life(work_dir, |cluster| async move {
        cluster.agent.shutdown(Executors::Leave).await;
        fs::remove_file(work_dir.join("meta/slaves/latest")).unwrap();
        let config = cluster::config(work_dir);
        let agent = cluster::start_agent(&cluster.node, config, Simulation::new())
            .await
            .unwrap();
        assert_eq!(agent.view.state().agent_id(), None);
        agent.shutdown(Executors::Kill).await;
    });
}

#[test]
fn what_is_no_longer_remembered_is_no_longer_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let work_dir = dir.path();
    in_virtual_time(|node| async move {
        let config = Config {
            max_completed_executors_per_framework: 2,
            ..cluster::config(work_dir)
        };
        let mut cluster = Cluster::start_with(&node, config, Simulation::new()).await;
        for id in ["a", "b", "c"] {
            cluster.run(task(id, "true"));
            cluster.ends(1).await;
            cluster.becomes_idle().await;
        }
        let left = find(&work_dir.join("meta"), "task.info");
        let of = |id: &str| {
            let part = format!("/executors/{id}/");
            left.iter()
                .any(|path| path.to_str().unwrap().contains(&part))
        };
        assert_eq!((of("a"), of("b"), of("c")), (false, true, true), "{left:?}");
    });
}

#[test]
fn nothing_survives_a_reboot_of_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    let work_dir = dir.path();
    after_a_first_life(work_dir, |cluster| async move {
        let boot_id = work_dir.join("meta/boot_id");
        envelope::write(&Disk::default(), &boot_id, &"an earlier boot").unwrap();
        let config = cluster::config(work_dir);
        let (mut cluster, again) = cluster.restart_agent(config, Simulation::new()).await;
        assert_eq!(again.info.id, Some(cluster::agent_id()), "the id is kept");
        assert_eq!(cluster.ends(1).await, [("t".to_owned(), TaskFailed)]);
        cluster.becomes_idle().await;
    });
}

#[test]
fn an_executor_that_died_with_its_agent_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let work_dir = dir.path();
    in_virtual_time(|node| async move {
        let crash = |_: &_| Behaviour {
            lasts: std::time::Duration::from_secs(5),
            end: End::Crashed(1),
        };
        let simulation = Simulation::new().task("crash", crash);
        let mut cluster = Cluster::start(&node, work_dir, simulation).await;
        cluster.run(task("t", "crash"));
        cluster.update("t", TaskRunning).await;
        cluster.agent.shutdown(Executors::Leave).await;
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        let config = cluster::config(work_dir);
        let agent = cluster::start_agent(&node, config, Simulation::new())
            .await
            .unwrap();
        let mut cluster = Cluster { agent, ..cluster };
        let again = cluster.reregistration().await;
        assert_eq!(again.tasks[0].to_message().state(), TaskFailed);
        cluster.readmit();
        assert_eq!(cluster.ends(1).await, [("t".to_owned(), TaskFailed)]);
        cluster.becomes_idle().await;
    });
}
