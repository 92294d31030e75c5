//! `mesos top`: what a whole cluster is doing, from whichever node one asks.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use mesos_tests::{Cluster, eventually};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

/// What fits any terminal.
const COLUMNS: usize = 80;

/// The nodes that `mesos top` shows from `address` on: role, or none for the first, and whether it was seen.
fn nodes(cluster: &Cluster, address: &str) -> Option<BTreeSet<(String, bool)>> {
    let output = cluster.mesos(&["top", "--once", "--json", address], SOON);
    assert_eq!(output.code, Some(0), "{output:?}");
    let view: Value = serde_json::from_str(&output.stdout).ok()?;
    let node = |node: &Value| {
        let role = node["peer"]["role"].as_str().unwrap_or("first");
        (role.to_owned(), node["view"].is_object())
    };
    Some(view["nodes"].as_array()?.iter().map(node).collect())
}

#[test]
fn a_whole_cluster_is_shown_from_each_of_its_ends() {
    let cluster = Cluster::master_and_agent();
    let agent = cluster.agent.clone().expect("an agent of its own");
    let mut sleeping = cluster
        .command(&["run", "--name=sleeping", "--", "sleep", "1000"])
        .stdout(Stdio::null())
        .spawn()
        .expect("a framework");

    for (address, others) in [
        (&cluster.master, ["agent", "executor", "framework"]),
        (&agent, ["executor", "framework", "master"]),
    ] {
        let expected: BTreeSet<_> = std::iter::once("first").chain(others).collect();
        let expected = expected.into_iter().map(|role| (role.to_owned(), true));
        let expected: BTreeSet<_> = expected.collect();
        eventually("all nodes are seen", SOON, || {
            (nodes(&cluster, address)? == expected).then_some(())
        });
    }

    let table = cluster.mesos(&["top", "--once", &agent], SOON);
    assert_eq!(table.code, Some(0), "{table:?}");
    let lines: Vec<_> = table.stdout.lines().collect();
    let first = format!("NODE {agent}: ready, ");
    assert!(lines[0].starts_with(&first), "{table:?}");
    for role in ["(master): ready", "(framework): ready", "(executor): ready"] {
        let heads = |line: &&&str| line.starts_with("NODE") && line.contains(role);
        assert_eq!(lines.iter().filter(heads).count(), 1, "{role}: {table:?}");
    }
    for actor in [
        "agent ",
        "master ",
        "allocator ",
        "run.sleeping ",
        "executor(",
    ] {
        let shows = |line: &&str| line.trim_start().starts_with(actor);
        assert!(lines.iter().any(shows), "{actor}: {table:?}");
    }
    for line in lines {
        assert!(line.chars().count() <= COLUMNS, "{line}");
    }

    sleeping.kill().expect("a framework to end");
    sleeping.wait().expect("a framework to wait for");
}

#[test]
fn nobody_to_look_at_is_said_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = std::process::Command::new(mesos_tests::mesos_binary());
    command
        .args(["top", "--once", "127.0.0.1:1"])
        .env("MESOS_TLS_DIR", folder.path());
    let output = mesos_tests::run_for(command, SOON);
    assert_ne!(output.code, Some(0), "{output:?}");
    assert!(
        output.stderr.contains("no node answers at 127.0.0.1:1"),
        "{output:?}"
    );
    assert_eq!(output.stderr.trim().lines().count(), 1, "{output:?}");
}
