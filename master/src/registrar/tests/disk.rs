//! The registry on disk: what survives which accident.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::registrar::{Change, DiskStorage, Registry};

fn log_of(work_dir: &TempDir) -> PathBuf {
    work_dir.path().join("registry/log")
}

async fn open_in(work_dir: &TempDir) -> Result<(Registry, Box<dyn Writer>), StorageError> {
    open(DiskStorage::new(work_dir.path())).await
}

/// Stores the agents, each as a batch of its own, and closes the storage.
async fn store_agents(work_dir: &TempDir, names: &[&str]) {
    let (mut registry, mut writer) = open_in(work_dir).await.unwrap();
    for name in names {
        let changes = admit(name).changes(&registry).unwrap();
        changes
            .iter()
            .cloned()
            .for_each(|change| registry.apply(change));
        writer.store(changes).await.unwrap();
    }
}

fn agents(registry: &Registry) -> Vec<&str> {
    registry.agents.keys().map(|id| id.value.as_str()).collect()
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let work_dir = tempfile::tempdir().unwrap();
    store_agents(&work_dir, &["a"]).await;
    store_agents(&work_dir, &["b", "c"]).await;
    let (registry, _) = open_in(&work_dir).await.unwrap();
    assert_eq!(agents(&registry), ["a", "b", "c"]);
    assert_eq!(registry.agents[&agent_id("b")], agent_info("host"));
}

#[tokio::test]
async fn a_batch_that_a_crash_tore_is_dropped_and_the_next_one_is_kept() {
    let work_dir = tempfile::tempdir().unwrap();
    store_agents(&work_dir, &["a", "b"]).await;
    let log = fs::read(log_of(&work_dir)).unwrap();
    fs::write(log_of(&work_dir), &log[..log.len() - 9]).unwrap();
    store_agents(&work_dir, &["c"]).await;
    assert_eq!(agents(&open_in(&work_dir).await.unwrap().0), ["a", "c"]);
}

#[tokio::test]
async fn a_compaction_that_a_crash_interrupted_leaves_the_old_log() {
    let work_dir = tempfile::tempdir().unwrap();
    store_agents(&work_dir, &["a"]).await;
    fs::write(work_dir.path().join("registry/log.new"), "mesos-regis").unwrap();
    store_agents(&work_dir, &["b"]).await;
    assert_eq!(agents(&open_in(&work_dir).await.unwrap().0), ["a", "b"]);
}

#[tokio::test]
async fn a_damaged_log_is_refused_untouched_and_the_error_names_it() {
    let work_dir = tempfile::tempdir().unwrap();
    store_agents(&work_dir, &["a", "b"]).await;
    let mut log = fs::read(log_of(&work_dir)).unwrap();
    log[40] ^= 1;
    fs::write(log_of(&work_dir), &log).unwrap();
    let error = open_in(&work_dir).await.err().unwrap().to_string();
    let path = log_of(&work_dir);
    assert!(
        error.contains(path.to_str().unwrap()) && error.contains("line 2"),
        "{error}"
    );
    assert!(error.contains("backup"), "{error}");
    assert_eq!(fs::read(path).unwrap(), log);
}

#[tokio::test]
async fn a_log_of_a_later_version_is_refused() {
    let work_dir = tempfile::tempdir().unwrap();
    store_agents(&work_dir, &[]).await;
    fs::write(log_of(&work_dir), "mesos-registry 9\n").unwrap();
    let error = open_in(&work_dir).await.err().unwrap();
    assert!(
        matches!(error, StorageError::UnknownFormat { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[tokio::test]
async fn two_masters_cannot_use_one_work_directory() {
    let work_dir = tempfile::tempdir().unwrap();
    let first = open_in(&work_dir).await.unwrap();
    let error = open_in(&work_dir).await.err().unwrap();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("(process {})", std::process::id())),
        "{text}"
    );
    assert!(text.contains(work_dir.path().to_str().unwrap()), "{text}");
    drop(first);
    open_in(&work_dir).await.unwrap();
}

#[tokio::test]
async fn a_registry_is_read_beside_its_master_and_one_that_is_not_there_is_an_error() {
    let work_dir = tempfile::tempdir().unwrap();
    let read = || Box::new(DiskStorage::new(work_dir.path())).read();
    let error = read().await.unwrap_err().to_string();
    let log = log_of(&work_dir).display().to_string();
    assert!(error.contains(&log), "{error}");

    store_agents(&work_dir, &["a"]).await;
    let _master = open_in(&work_dir).await.unwrap();
    let found: Registry = read().await.unwrap().into_iter().collect();
    assert_eq!(agents(&found), ["a"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let work_dir = tempfile::tempdir().unwrap();
    let file = work_dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(DiskStorage::new(&file))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains(Path::new(&file).to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn the_log_does_not_grow_for_ever() {
    let work_dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open_in(&work_dir).await.unwrap();
    let long = "x".repeat(100_000);
    let update = |number: usize| {
        let info = agent_info(&format!("{number}{long}"));
        Change::Put(crate::registrar::Record::Agent {
            id: agent_id("a"),
            info,
        })
    };
    for number in 0..50 {
        writer.store(vec![update(number)]).await.unwrap();
    }
    let length = fs::metadata(log_of(&work_dir)).unwrap().len();
    assert!(length < 2_000_000, "{length} bytes for one agent");
    drop(writer);
    let (registry, _) = open_in(&work_dir).await.unwrap();
    assert_eq!(
        registry.agents[&agent_id("a")].hostname,
        format!("49{long}")
    );
}
