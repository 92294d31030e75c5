//! kill -9 of a daemon while tasks run: the tasks go on, and their ends are reported exactly once.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use mesos_tests::{Cluster, eventually, get_json};

const SOON: Duration = Duration::from_secs(90);
const TASKS: usize = 20;

#[test]
fn tasks_survive_the_death_of_their_agent() {
    survive(|cluster| {
        cluster.daemons[1].kill_9();
        cluster.daemons[1].restart();
    });
}

#[test]
fn tasks_survive_the_death_of_the_master() {
    survive(|cluster| {
        cluster.daemons[0].kill_9();
        cluster.daemons[0].restart();
        cluster.wait_for_master();
    });
}

#[test]
fn tasks_that_end_while_their_agent_is_dead_are_reported_too() {
    survive(|cluster| {
        cluster.daemons[1].kill_9();
        open_the_gate(cluster);
        cluster.daemons[1].restart();
    });
}

#[test]
fn an_agent_that_leaves_takes_its_tasks_along_and_comes_back_as_another() {
    let mut cluster = Cluster::master_and_agent();
    let first = cluster.read("/slaves")["slaves"][0]["id"].clone();
    let mut run = start_tasks(&cluster);
    eventually("all tasks run", SOON, || {
        (sleepers(&cluster).len() == TASKS).then_some(())
    });
    cluster.daemons[1].ask_to_leave();
    assert_eq!(cluster.daemons[1].wait(), Some(0));
    assert_eq!(sleepers(&cluster), Vec::<u32>::new());
    eventually("the master has removed it", SOON, || {
        let metrics = get_json(&cluster.master, "/metrics/snapshot")?;
        let unregistered = &metrics["master/slave_removals/reason_unregistered"];
        (unregistered.as_f64() == Some(1.0)).then_some(())
    });
    assert_eq!(cluster.read("/slaves")["slaves"], serde_json::json!([]));
    let status = eventually("mesos run ends", SOON, || run.try_wait().expect("a child"));
    assert_ne!(status.code(), Some(0), "its tasks were lost");

    cluster.daemons[1].restart();
    cluster.wait_for_agents(1);
    assert_ne!(cluster.read("/slaves")["slaves"][0]["id"], first);
}

/// Twenty tasks wait for a file; `disaster` strikes; the file appears; every task ends once, well.
#[track_caller]
fn survive(disaster: impl FnOnce(&mut Cluster)) {
    let mut cluster = Cluster::master_and_agent();
    let mut run = start_tasks(&cluster);
    eventually("all tasks run", SOON, || {
        let tasks = get_json(&cluster.master, "/tasks?limit=1000")?;
        let running = tasks["tasks"]
            .as_array()?
            .iter()
            .filter(|t| t["state"] == "TASK_RUNNING");
        (running.count() == TASKS).then_some(())
    });
    let before = sleepers(&cluster);
    assert_eq!(before.len(), TASKS);

    disaster(&mut cluster);
    if !cluster.folder().join("gate").exists() {
        cluster.wait_for_agents(1);
        assert_eq!(sleepers(&cluster), before, "the same processes run on");
        open_the_gate(&cluster);
    }

    let events = BufReader::new(run.stdout.take().expect("a pipe"));
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for line in events.lines() {
        let line = line.expect("a line of text");
        *ends.entry(line).or_default() += 1;
    }
    let status = eventually("mesos run ends", SOON, || run.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(0), "{ends:?}");
    assert_eq!(ends.get("through the gate"), Some(&TASKS), "{ends:?}");
    eventually("the master knows that each has finished", SOON, || {
        let tasks = get_json(&cluster.master, "/tasks?limit=1000")?;
        let finished = tasks["tasks"]
            .as_array()?
            .iter()
            .filter(|t| t["state"] == "TASK_FINISHED");
        (finished.count() == TASKS).then_some(())
    });
}

fn start_tasks(cluster: &Cluster) -> Child {
    let gate = cluster.folder().join("gate");
    let wait = format!(
        "while ! test -e {}; do sleep 0.1; done; echo through the gate",
        gate.display()
    );
    let instances = format!("--instances={TASKS}");
    cluster
        .command(&[
            "run",
            &instances,
            "--cpus=0.1",
            "--mem=32",
            "--",
            "sh",
            "-c",
            &wait,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("mesos run starts")
}

fn open_the_gate(cluster: &Cluster) {
    std::fs::write(cluster.folder().join("gate"), "").expect("a writable folder");
}

/// Process ids of the waiting shells of this cluster; not of those that are about to become a `sleep`.
fn sleepers(cluster: &Cluster) -> Vec<u32> {
    let gate = cluster.folder().join("gate").display().to_string();
    let mut found: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let line = std::fs::read(path.join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line);
            if !line.starts_with("sh\0-c\0while") || !line.contains(&gate) {
                return None;
            }
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((path.file_name()?.to_string_lossy().parse().ok()?, parent))
        })
        .collect();
    found.sort_unstable();
    let shells: Vec<u32> = found.iter().map(|(pid, _)| *pid).collect();
    let forked = |parent: &u32| shells.contains(parent);
    let tasks = found.iter().filter(|(_, parent)| !forked(parent));
    tasks.map(|(pid, _)| *pid).collect()
}
