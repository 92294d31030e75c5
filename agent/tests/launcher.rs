//! How an executor finds itself when it starts, with and without control groups.

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;

use mesos::v1;
use mesos_agent::containerizer::{Destroy, Launch, LaunchError, Usage};

use support::{World, id, processes_with, until};

fn is_root() -> bool {
    let root = fs::metadata("/proc/self").expect("/proc").uid() == 0;
    if !root {
        eprintln!("SKIPPED: needs root");
    }
    root
}

#[tokio::test]
async fn an_executor_starts_in_its_sandbox_with_its_environment_only() {
    let mut world = World::posix().await;
    let mut config = world.config(
        "one",
        "pwd; env | sort; readlink /proc/self/fd/0; echo no >&2",
    );
    config
        .environment
        .insert("MESOS_SANDBOX".to_owned(), "here".to_owned());
    world.try_launch("one", config).await.expect("launched");
    assert_eq!(world.terminated().await.status, Some(0));
    let output = world.output("one");
    let mut lines = output
        .lines()
        .filter(|line| !line.starts_with("SHLVL") && !line.starts_with("_="));
    assert_eq!(lines.next(), world.sandbox("one").to_str());
    assert_eq!(lines.next(), Some("MESOS_SANDBOX=here"));
    assert!(lines.next().is_some_and(|line| line.starts_with("PATH=")));
    assert!(lines.next().is_some_and(|line| line.starts_with("PWD=")));
    assert_eq!(lines.next(), Some("/dev/null"), "{output}");
    let stderr = fs::read_to_string(world.sandbox("one").join("stderr")).expect("stderr");
    assert_eq!(stderr, "no\n");
}

#[tokio::test]
async fn the_exec_form_passes_arguments_untouched() {
    let mut world = World::posix().await;
    let mut config = world.config("one", "/bin/sh");
    config.command.shell = Some(false);
    config.command.arguments = ["called", "-c", "echo \"$0|$1|$2\"", "a b", "$HOME", "*"]
        .map(str::to_owned)
        .into();
    world.try_launch("one", config).await.expect("launched");
    assert_eq!(world.terminated().await.status, Some(0));
    assert_eq!(world.output("one"), "a b|$HOME|*\n");
}

#[tokio::test]
async fn an_executor_runs_as_its_user_who_owns_the_sandbox() {
    if !is_root() {
        return;
    }
    let mut world = World::posix().await;
    let mut config = world.config("one", "id -u; id -G; touch mine");
    config.user = Some("nobody".to_owned());
    world.try_launch("one", config).await.expect("launched");
    assert_eq!(world.terminated().await.status, Some(0));
    let nobody = fs::metadata(world.sandbox("one").join("mine")).expect("a file");
    assert_eq!(
        world.output("one"),
        format!("{}\n{}\n", nobody.uid(), nobody.gid())
    );
    let sandbox = fs::metadata(world.sandbox("one")).expect("a sandbox");
    assert_eq!(
        (sandbox.uid(), sandbox.mode() & 0o7777),
        (nobody.uid(), 0o750)
    );
}

#[tokio::test]
async fn uris_are_fetched_with_the_rights_of_the_sandboxs_user() {
    if !is_root() {
        return;
    }
    let mut world = World::posix().await;
    let fetching = |world: &World, uri: &str| {
        let mut config = world.config("one", "cat data");
        config.sandbox_user = Some("nobody".to_owned());
        let uri = v1::command_info::Uri {
            value: uri.to_owned(),
            output_file: Some("data".to_owned()),
            ..Default::default()
        };
        config.command.uris.push(uri);
        config
    };
    let error = world
        .try_launch("one", fetching(&world, "/etc/shadow"))
        .await
        .expect_err("refused");
    assert!(
        matches!(&error, LaunchError::Fetch(text) if text.contains("/etc/shadow")),
        "{error}"
    );
    assert!(world.nobody_told());

    world
        .try_launch("one", fetching(&world, "file:///etc/hostname"))
        .await
        .expect("launched");
    assert_eq!(world.terminated().await.status, Some(0));
    assert!(!world.output("one").is_empty());
}

#[tokio::test]
async fn what_cannot_start_says_why_and_leaves_nothing() {
    let world = World::posix().await;
    let mut stranger = world.config("one", "true");
    stranger.user = Some("no-such-user".to_owned());
    let mut missing = world.config("one", "/no/such/program");
    missing.command.shell = Some(false);
    let mut empty = world.config("one", "");
    empty.command.value = None;
    for (config, reason) in [
        (stranger, "no-such-user"),
        (missing, "/no/such/program"),
        (empty, "neither a value"),
    ] {
        let error = world
            .try_launch("one", config)
            .await
            .expect_err("refused")
            .to_string();
        assert!(error.contains(reason), "{error}");
    }
    let escape = Launch {
        container_id: id("../one"),
        config: world.config("one", "true"),
    };
    assert!(matches!(
        world.ask(escape).await,
        Err(LaunchError::BadId(_))
    ));
    world.launch("one", "sleep 1000").await;
    let again = world.try_launch("one", world.config("one", "true")).await;
    assert_eq!(again, Err(LaunchError::Exists("one".to_owned())));
    world.destroy("one").await;
    assert_eq!(
        fs::read_dir(world.folder.path().join("runtime"))
            .expect("a folder")
            .count(),
        0
    );
}

#[tokio::test]
async fn a_container_can_be_destroyed_while_it_fetches() {
    let mut world = World::posix().await;
    // A server that never answers.
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut config = world.config("one", "true");
    config.command.uris.push(v1::command_info::Uri {
        value: format!("http://{}/x", server.local_addr().expect("an address")),
        ..Default::default()
    });
    let launch = world.try_launch("one", config);
    let destroy = async {
        let server = server.try_clone().expect("a handle");
        // Held until the end: a connection that is dropped fails the fetch.
        let _connection = tokio::task::spawn_blocking(move || server.accept())
            .await
            .expect("joined")
            .expect("fetching");
        world
            .ask(Destroy {
                container_id: id("one"),
            })
            .await
    };
    let (launched, destroyed) = tokio::join!(launch, destroy);
    assert_eq!(launched, Err(LaunchError::Destroyed));
    assert_eq!(destroyed, Ok(()));
    assert!(world.nobody_told(), "it was never launched");
}

#[tokio::test]
async fn without_control_groups_the_session_and_all_descendants_die() {
    let mut world = World::posix().await;
    let word = support::unique("mesos-posix-test");
    let script = "trap '' TERM; setsid sleep 1000 & (sleep 1000 &); sleep 1000";
    let mut config = world.config("one", script);
    config.environment.insert("WORD".to_owned(), word.clone());
    world.try_launch("one", config).await.expect("launched");
    until("all run", || processes_with(&word).len() >= 4).await;
    let usage = world
        .ask(Usage {
            container_id: id("one"),
        })
        .await
        .expect("statistics");
    assert!(
        usage.processes >= Some(4) && usage.mem_rss_bytes > Some(0),
        "{usage:?}"
    );
    world.destroy("one").await;
    until("all are gone", || processes_with(&word).is_empty()).await;
    assert_eq!(world.terminated().await.status, Some(9));
}
