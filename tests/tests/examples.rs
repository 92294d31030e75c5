//! The examples of the frameworks crate, run against `mesos local` as their first lines say.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use mesos_tests::{Cluster, Running, eventually, example_binary, run_for};

/// What takes a second on an idle machine; other tests may run beside this one.
const PATIENCE: Duration = Duration::from_secs(60);

fn example(cluster: &Cluster, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(example_binary(name));
    command
        .arg(&cluster.master)
        .args(arguments)
        .env("MESOS_TLS_DIR", cluster.folder().join("tls"));
    command
}

#[test]
fn words_are_counted_by_many_tasks() {
    let cluster = Cluster::local();
    let texts = cluster.folder().join("texts");
    std::fs::create_dir(&texts).expect("a folder for the texts");
    for number in 0..10 {
        let line = format!("the actor number {number} tells the other\n");
        let text = line.repeat(1000);
        std::fs::write(texts.join(format!("{number}.txt")), text).expect("a text");
    }
    let directory = texts.display().to_string();
    let output = run_for(example(&cluster, "word_count", &[&directory]), PATIENCE);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let lines: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(lines.contains(&vec!["the", "20000"]), "{}", output.stdout);
    assert!(lines.contains(&vec!["actor", "10000"]), "{}", output.stdout);
    assert!(
        output.stdout.contains("70000 words, 15 of them different"),
        "{}",
        output.stdout
    );
    let state = cluster.read("/state");
    let framework = &state["completed_frameworks"][0];
    assert_eq!(framework["name"], "word-count");
    let tasks = framework["completed_tasks"].as_array().expect("tasks");
    assert!(tasks.len() >= 10, "{} tasks", tasks.len());
    let states: BTreeSet<&str> = tasks.iter().filter_map(|t| t["state"].as_str()).collect();
    assert_eq!(states, BTreeSet::from(["TASK_FINISHED"]));
}

#[test]
fn copies_are_kept_running_until_an_interrupt() {
    let cluster = Cluster::local();
    let mut command = example(&cluster, "keep_running", &["2", "sleep 1000"]);
    command.stdout(Stdio::null());
    let service = Running::start(command);

    let before = running(&cluster, &BTreeSet::new());
    let victim = before.first().expect("two copies");
    let killed = cluster.mesos(&["task", "kill", victim], PATIENCE);
    assert_eq!(killed.code, Some(0), "{}", killed.stderr);
    let after = running(&cluster, &BTreeSet::from([victim.clone()]));
    assert_eq!(before.intersection(&after).count(), 1);

    let ended = service.interrupt(PATIENCE);
    assert!(ended.success(), "{ended}");
    eventually("nothing is left", PATIENCE, || {
        let state = cluster.read("/state");
        let frameworks = state["frameworks"].as_array()?.len();
        let completed = state["completed_frameworks"].as_array()?.len();
        (frameworks == 0 && completed == 1).then_some(())
    });
}

/// The two tasks that run, once those in `without` do not.
#[track_caller]
fn running(cluster: &Cluster, without: &BTreeSet<String>) -> BTreeSet<String> {
    eventually("two copies run", PATIENCE, || {
        let tasks = cluster.read("/tasks");
        let tasks = tasks["tasks"].as_array()?.iter();
        let running = tasks.filter(|task| task["state"] == "TASK_RUNNING");
        let ids: BTreeSet<String> = running
            .filter_map(|task| Some(task["id"].as_str()?.to_owned()))
            .collect();
        (ids.len() == 2 && ids.is_disjoint(without)).then_some(ids)
    })
}
