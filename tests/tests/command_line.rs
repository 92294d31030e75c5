//! The first five minutes of an operator: `mesos local`, then commands against it.

use std::time::{Duration, Instant};

use mesos_tests::{Cluster, eventually, get_json};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn the_output_and_the_exit_code_of_a_command_come_back() {
    let cluster = Cluster::local();

    let hello = cluster.mesos(&["run", "--", "echo", "hello"], SOON);
    assert_eq!(hello.stdout, "hello\n", "{hello:?}");
    assert_eq!(hello.code, Some(0), "{hello:?}");

    let fails = cluster.mesos(&["run", "--", "false"], SOON);
    assert_eq!(fails.code, Some(1), "{fails:?}");

    let both = cluster.mesos(
        &["run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"],
        SOON,
    );
    assert_eq!(both.stdout, "out\n", "{both:?}");
    assert!(both.stderr.contains("err\n"), "{both:?}");
    assert_eq!(both.code, Some(7), "{both:?}");
}

#[test]
fn a_task_gets_its_environment_its_name_and_its_uris() {
    let cluster = Cluster::local();
    let data = cluster.folder().join("words.txt");
    std::fs::write(&data, "three small words").expect("a file to fetch");

    let output = cluster.mesos(
        &[
            "run",
            "--name=counting",
            "--env=GREETING=good morning",
            &format!("--uri={}", data.display()),
            "--",
            "sh",
            "-c",
            "echo $GREETING; wc -w < words.txt; test -n \"$MESOS_SANDBOX\" && test \"$PWD\" = \"$MESOS_SANDBOX\"",
        ],
        SOON,
    );

    assert_eq!(output.code, Some(0), "{output:?}");
    let lines: Vec<&str> = output.stdout.lines().map(str::trim).collect();
    assert_eq!(lines, ["good morning", "3"], "{output:?}");
    let tasks = cluster.read("/tasks");
    assert_eq!(tasks["tasks"][0]["name"], "counting", "{tasks}");
}

#[test]
fn a_memory_overrun_is_reported_as_such() {
    let cluster = Cluster::local();
    // 200 MB in one string, held until it is printed.
    let greedy = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}";

    let output = cluster.mesos(&["run", "--mem=32", "--", "bash", "-c", greedy], SOON);

    assert_ne!(output.code, Some(0), "{output:?}");
    assert!(
        output.stderr.to_lowercase().contains("memory limit"),
        "{output:?}"
    );
    let tasks = cluster.read("/tasks");
    let last = tasks["tasks"][0]["statuses"]
        .as_array()
        .and_then(|s| s.last().cloned());
    assert_eq!(
        last.expect("a status")["reason"],
        "REASON_CONTAINER_LIMITATION_MEMORY",
        "{tasks}"
    );
}

#[test]
fn tasks_can_be_listed_read_and_killed() {
    let cluster = Cluster::local();
    let mut background = cluster
        .command(&[
            "run",
            "--name=sleeper",
            "--",
            "sh",
            "-c",
            "echo awake; sleep 1000",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("mesos run starts");
    let id = eventually("the task runs", SOON, || {
        let tasks = get_json(&cluster.master, "/tasks")?;
        let task = tasks["tasks"].as_array()?.first()?.clone();
        (task["state"] == "TASK_RUNNING").then(|| task["id"].as_str().map(str::to_owned))?
    });

    let list = cluster.mesos(&["task", "list"], SOON);
    assert!(
        list.stdout.contains("sleeper") && list.stdout.contains("TASK_RUNNING"),
        "{list:?}"
    );
    let json = cluster.mesos(&["task", "list", "--json"], SOON);
    let parsed: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(parsed[0]["id"], id.as_str(), "{json:?}");
    eventually("the log shows the output", SOON, || {
        (cluster.mesos(&["task", "logs", &id], SOON).stdout == "awake\n").then_some(())
    });
    for noun in ["agent", "framework"] {
        let list = cluster.mesos(&[noun, "list"], SOON);
        assert_eq!(list.code, Some(0), "{list:?}");
        assert!(
            list.stdout.lines().count() >= 2,
            "a heading and a line: {list:?}"
        );
    }
    assert_eq!(cluster.mesos(&["state", "--json"], SOON).code, Some(0));

    let kill = cluster.mesos(&["task", "kill", &id], SOON);
    assert_eq!(kill.code, Some(0), "{kill:?}");
    let ended = eventually("mesos run ends with its task", SOON, || {
        background.try_wait().expect("a child")
    });
    assert_ne!(ended.code(), Some(0), "a killed task is no success");
}

#[test]
fn several_instances_run_side_by_side() {
    let cluster = Cluster::local();
    let output = cluster.mesos(
        &[
            "run",
            "--instances=3",
            "--cpus=0.1",
            "--",
            "sh",
            "-c",
            "echo $MESOS_TASK_ID",
        ],
        SOON,
    );
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stdout.lines().count(), 3, "{output:?}");
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    let mut cluster = Cluster::local();
    let marker = format!("31.{}", std::process::id());
    let mut run = cluster
        .command(&["run", "--", "sleep", &marker])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("mesos run starts");
    eventually("the task runs", SOON, || {
        (!sleeping(&marker).is_empty()).then_some(())
    });

    cluster.daemons[0].interrupt();

    assert_eq!(
        sleeping(&marker),
        Vec::<String>::new(),
        "the task outlived its cluster"
    );
    let _ = run.kill();
    let _ = run.wait();
}

#[test]
fn the_first_task_runs_within_a_second_of_the_start() {
    // The whole path: start, election, registration, subscription, offer, launch, executor, update. The figure is the
    // issue's; a test machine under load gets some slack, the bench prints the real one.
    let start = Instant::now();
    let cluster = Cluster::local();
    let output = cluster.mesos(&["run", "--", "true"], SOON);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

/// Command lines of processes that run `sleep MARKER`.
fn sleeping(marker: &str) -> Vec<String> {
    std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| {
            let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (line.trim() == format!("sleep {marker}")).then_some(line)
        })
        .collect()
}
