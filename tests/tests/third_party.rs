//! Unmodified third-party clients against `mesos local`. The scripts beside say what each does.

use std::process::Command;
use std::time::Duration;

use mesos_tests::{Cluster, node_path, python_with_pymesos, run_for, third_party_folder};

const WITHIN: Duration = Duration::from_secs(150);

#[test]
fn pymesos_runs_a_hundred_tasks_one_that_fails_and_one_that_is_killed() {
    let mut command = Command::new(python_with_pymesos());
    let cluster = Cluster::local();
    command
        .arg(third_party_folder().join("pymesos_tasks.py"))
        .arg(&cluster.master);
    let output = run_for(command, WITHIN);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn pymesos_executors_run_tasks_and_messages_go_both_ways() {
    let mut command = Command::new(python_with_pymesos());
    let cluster = Cluster::local();
    command
        .arg(third_party_folder().join("pymesos_messages.py"))
        .arg(&cluster.master);
    let output = run_for(command, WITHIN);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn the_npm_client_runs_tasks() {
    let mut command = Command::new("node");
    command.env("NODE_PATH", node_path());
    let cluster = Cluster::local();
    let (host, port) = cluster.master.split_once(':').expect("host:port");
    command
        .arg(third_party_folder().join("mesos_framework.js"))
        .args([host, port]);
    // The client writes a log folder into its working directory.
    command.current_dir(cluster.folder());
    let output = run_for(command, WITHIN);
    assert_eq!(output.code, Some(0), "{output:?}");
}
