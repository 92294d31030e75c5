//! What masters must not forget, saved and put back by commands, on the local disk. `zookeeper.rs` does it with replicated
//! masters.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesos_tests::Cluster;
use serde_json::Value;

/// Longer than a loaded machine needs for anything here.
const SOON: Duration = Duration::from_secs(90);

/// A cluster whose master knows of an agent. Both were killed.
struct Ended {
    cluster: Cluster,
    agent: Value,
    flag: String,
}

impl Ended {
    #[track_caller]
    fn new() -> Ended {
        let mut cluster = Cluster::master_and_agent();
        let agent = cluster.read("/slaves")["slaves"][0]["id"].clone();
        // Nobody writes into the registry any more.
        cluster.daemons[1].kill_9();
        let flag = format!("--work_dir={}", work_dir(&cluster).display());
        let ended = Ended {
            cluster,
            agent,
            flag,
        };
        let backup = ended.file("while it runs");
        ended.works(&["backup", &ended.flag, &backup]);
        let locked = ended.fails(&["restore", &ended.flag, &backup]);
        assert!(locked.contains("is in use by another master"), "{locked}");
        assert!(locked.contains("stop it"), "{locked}");
        let mut ended = ended;
        ended.cluster.daemons[0].kill_9();
        ended
    }

    fn file(&self, name: &str) -> String {
        self.cluster.folder().join(name).display().to_string()
    }

    fn folder(&self) -> PathBuf {
        work_dir(&self.cluster).join("registry")
    }

    #[track_caller]
    fn works(&self, arguments: &[&str]) -> String {
        let output = self
            .cluster
            .mesos(&[&["registry"], arguments].concat(), SOON);
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
        output.stdout
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self
            .cluster
            .mesos(&[&["registry"], arguments].concat(), SOON);
        assert_eq!(output.code, Some(1), "{arguments:?}: {output:?}");
        output.stderr
    }

    #[track_caller]
    fn shown(&self) -> Value {
        let shown = self.works(&["show", "--json", &self.flag]);
        serde_json::from_str(&shown).expect("JSON")
    }
}

fn work_dir(cluster: &Cluster) -> PathBuf {
    cluster.folder().join("master").join("work")
}

#[test]
fn what_was_saved_is_put_back_and_a_master_starts_with_it() {
    let mut ended = Ended::new();
    let before = ended.shown();
    assert_eq!(before["agent"][0]["id"]["value"], ended.agent);
    let table = ended.works(&["show", &ended.flag]);
    assert!(table.starts_with("KIND"), "{table}");
    assert!(
        table.contains(ended.agent.as_str().expect("an id")),
        "{table}"
    );

    let backup = ended.file("backup");
    ended.works(&["backup", &ended.flag, &backup]);
    let twice = ended.fails(&["backup", &ended.flag, &backup]);
    assert!(twice.contains(&backup), "{twice}");

    fs::remove_dir_all(ended.folder()).expect("a registry to lose");
    let missing = ended.fails(&["show", &ended.flag]);
    assert!(missing.contains("cannot read"), "{missing}");
    ended.works(&["restore", &ended.flag, &backup]);
    assert_eq!(ended.shown(), before);
    // The same again changes nothing.
    ended.works(&["restore", &ended.flag, &backup]);

    ended.cluster.daemons[0].restart();
    ended.cluster.wait_for_master();
    let agents = ended.cluster.read("/slaves");
    assert_eq!(agents["recovered_slaves"][0]["id"], ended.agent, "{agents}");
    ended.cluster.daemons[1].restart();
    ended.cluster.wait_for_agents(1);
    let agents = ended.cluster.read("/slaves");
    assert_eq!(agents["slaves"][0]["id"], ended.agent, "{agents}");
}

#[test]
fn what_is_there_is_replaced_only_by_force() {
    let ended = Ended::new();
    let empty = ended.file("empty");
    fs::write(&empty, "mesos-registry 1\n").expect("a file");
    let before = ended.shown();
    let refused = ended.fails(&["restore", &ended.flag, &empty]);
    assert!(refused.contains("mesos registry backup"), "{refused}");
    assert!(refused.contains("--force"), "{refused}");
    assert_eq!(ended.shown(), before);
    ended.works(&["restore", "--force", &ended.flag, &empty]);
    assert_eq!(ended.shown(), serde_json::json!({}));
}

#[test]
fn a_backup_that_is_none_is_refused_and_changes_nothing() {
    let ended = Ended::new();
    let backup = ended.file("backup");
    ended.works(&["backup", &ended.flag, &backup]);
    let whole = fs::read(&backup).expect("a backup");
    let before = ended.shown();
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    let newer = String::from_utf8(whole.clone()).expect("text");
    let newer = newer.replacen("mesos-registry 1", "mesos-registry 99", 1);
    for (name, bytes, says) in [
        ("flipped", flipped, "is damaged at line"),
        (
            "cut",
            whole[..whole.len() - 2].to_vec(),
            "its end is missing",
        ),
        (
            "newer",
            newer.into_bytes(),
            "start the version of mesos that wrote it",
        ),
        ("other", b"{}".to_vec(), "is damaged at line 1"),
    ] {
        let file = ended.file(name);
        fs::write(&file, bytes).expect("a file");
        let refused = ended.fails(&["restore", "--force", &ended.flag, &file]);
        assert!(
            refused.contains(says) && refused.contains(&file),
            "{name}: {refused}"
        );
        assert_eq!(ended.shown(), before, "{name}");
    }
    let nowhere = ended.file("nowhere");
    let refused = ended.fails(&["restore", &ended.flag, &nowhere]);
    assert!(refused.contains(&nowhere), "{refused}");
    let refused = ended.fails(&["show", &format!("--work_dir={nowhere}")]);
    assert!(refused.contains("--work_dir"), "{refused}");

    // What is damaged where it is to be restored is not overwritten unseen either.
    let log = ended.folder().join("log");
    damage(&log);
    let refused = ended.fails(&["restore", "--force", &ended.flag, &backup]);
    assert!(refused.contains("move it away first"), "{refused}");
    fs::rename(&log, ended.file("moved away")).expect("a file to move");
    ended.works(&["restore", &ended.flag, &backup]);
    assert_eq!(ended.shown(), before);
}

fn damage(file: &Path) {
    let mut bytes = fs::read(file).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).expect("a file");
}
