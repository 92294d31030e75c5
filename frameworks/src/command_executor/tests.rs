//! Real commands under the command executor, with a fake agent on the same node.

use std::fs;
use std::path::Path;
use std::time::Duration;

use libprocess::Monitor;
use libprocess::prelude::*;
use mesos::v1;
use mesos::v1::TaskState::{TaskFailed, TaskFinished, TaskKilled, TaskKilling, TaskRunning};
use mesos::v1::framework_info::{Capability, capability};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::executor::CommandExecutor;
use crate::executor::start;
use crate::executor::testing::{FakeAgent, SOON};

/// A command executor that has subscribed and got its task.
struct World {
    agent: FakeAgent,
    gone: Monitor,
    folder: tempfile::TempDir,
}

impl World {
    async fn new(task: v1::TaskInfo) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        World::within(folder, task).await
    }

    async fn within(folder: tempfile::TempDir, task: v1::TaskInfo) -> World {
        let mut agent = FakeAgent::start(Node::local_here(1));
        let config = agent.config();
        let given = config.clone();
        let driver = start(&agent.node, config, move |driver, ctx| {
            CommandExecutor::new(driver, &given, ctx)
        });
        let gone = driver.expect("started").ended();
        let killing = Capability {
            r#type: Some(capability::Type::TaskKillingState.into()),
        };
        agent
            .subscribe(v1::FrameworkInfo {
                capabilities: vec![killing],
                ..Default::default()
            })
            .await;
        agent.launch(task);
        World {
            agent,
            gone,
            folder,
        }
    }

    /// Runs a script that says in a file `ready` that it is.
    async fn ready(script: &str, change: impl FnOnce(&mut v1::TaskInfo)) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let mut task =
            shell(&script.replace("READY", &folder.path().join("ready").display().to_string()));
        change(&mut task);
        let mut world = World::within(folder, task).await;
        world.agent.expect(TaskRunning).await;
        let ready = world.folder.path().join("ready");
        until("the script is ready", || ready.exists()).await;
        world
    }

    async fn ended(self) {
        tokio::time::timeout(SOON, self.gone)
            .await
            .expect("the executor ends");
    }
}

fn shell(script: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: v1::TaskId {
            value: "t".to_owned(),
        },
        command: Some(v1::CommandInfo {
            value: Some(script.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn grace(milliseconds: i64) -> Option<v1::KillPolicy> {
    let grace_period = Some(v1::DurationInfo {
        nanoseconds: milliseconds * 1_000_000,
    });
    Some(v1::KillPolicy { grace_period })
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// In real time: the processes are real.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), test);
}

#[test]
fn a_command_that_ends_well_finishes_its_task() {
    run(async {
        let mut world = World::new(shell("true")).await;
        world.agent.expect(TaskRunning).await;
        let status = world.agent.expect(TaskFinished).await;
        assert_eq!(status.message(), "Command exited with status 0");
        world.ended().await;
    });
}

#[test]
fn a_command_that_does_not_fails_it_and_says_how() {
    run(async {
        for (script, message) in [
            ("exit 3", "Command exited with status 3"),
            ("kill -KILL $$", "Command terminated with signal Killed"),
        ] {
            let mut world = World::new(shell(script)).await;
            world.agent.expect(TaskRunning).await;
            assert_eq!(world.agent.expect(TaskFailed).await.message(), message);
            world.ended().await;
        }
    });
}

#[test]
fn a_program_that_is_not_there_fails_the_task_without_running() {
    run(async {
        let mut task = shell("/no/such/program");
        task.command.as_mut().expect("set").shell = Some(false);
        let mut world = World::new(task).await;
        let status = world.agent.expect(TaskFailed).await;
        assert!(
            status.message().contains("/no/such/program"),
            "{}",
            status.message()
        );
        world.ended().await;
    });
}

#[test]
fn a_kill_is_a_request_first() {
    run(async {
        let mut world = World::ready(
            "trap 'exit 0' TERM; touch READY; while true; do sleep 0.01; done",
            |_| {},
        )
        .await;
        world.agent.kill("another", None);
        world.agent.kill("t", None);
        world.agent.expect(TaskKilling).await;
        let status = world.agent.expect(TaskKilled).await;
        assert_eq!(
            status.message(),
            "Command exited with status 0",
            "killed, though it ended well"
        );
        world.ended().await;
    });
}

#[test]
fn the_deaf_are_killed_with_their_children_after_the_grace_period() {
    run(async {
        let script = "trap '' TERM; setsid sh -c \"trap '' TERM; echo \\$\\$ >READY.tmp; mv READY.tmp READY; \
                      while true; do sleep 0.01; done\" & while true; do sleep 0.01; done";
        let mut world = World::ready(script, |task| task.kill_policy = grace(100)).await;
        let child = fs::read_to_string(world.folder.path().join("ready")).expect("the child's pid");
        let child = Path::new("/proc").join(child.trim());
        assert!(child.exists());
        world.agent.kill("t", None);
        world.agent.expect(TaskKilling).await;
        let status = world.agent.expect(TaskKilled).await;
        assert_eq!(status.message(), "Command terminated with signal Killed");
        let alive =
            || fs::read_to_string(child.join("stat")).is_ok_and(|stat| !stat.contains(") Z "));
        until("the child is dead", || !alive()).await;
        world.ended().await;
    });
}

#[test]
fn a_second_kill_may_only_shorten_the_grace_period() {
    run(async {
        let script = "trap '' TERM; touch READY; while true; do sleep 0.01; done";
        let mut world = World::ready(script, |_| {}).await;
        let since = Instant::now();
        world.agent.kill("t", grace(300));
        world.agent.kill("t", grace(60_000));
        world.agent.expect(TaskKilling).await;
        world.agent.expect(TaskKilled).await;
        assert!((300..10_000).contains(&since.elapsed().as_millis()));
        world.ended().await;

        let mut world = World::ready(script, |_| {}).await;
        world.agent.kill("t", grace(600_000));
        world.agent.expect(TaskKilling).await;
        world.agent.kill("t", grace(0));
        world.agent.expect(TaskKilled).await;
        world.ended().await;
    });
}

#[test]
fn a_shutdown_ends_the_task() {
    run(async {
        let mut world = World::ready("touch READY; exec sleep 1000", |_| {}).await;
        world.agent.shutdown();
        world.agent.expect(TaskKilling).await;
        let status = world.agent.expect(TaskKilled).await;
        assert_eq!(
            status.message(),
            "Command terminated with signal Terminated"
        );
        world.ended().await;
    });
}

#[test]
fn a_task_that_takes_too_long_fails() {
    run(async {
        let mut task = shell("exec sleep 1000");
        task.max_completion_time = Some(v1::DurationInfo {
            nanoseconds: 50_000_000,
        });
        let mut world = World::new(task).await;
        world.agent.expect(TaskRunning).await;
        let status = world.agent.expect(TaskFailed).await;
        assert_eq!(
            status.reason(),
            v1::task_status::Reason::MaxCompletionTimeReached
        );
        world.ended().await;
    });
}
