//! Real commands under the default executor, with a fake agent on the same node.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use libprocess::Monitor;
use libprocess::prelude::*;
use mesos::v1::TaskState::{self, TaskFailed, TaskFinished, TaskKilled, TaskRunning};
use mesos::v1::{CommandInfo, FrameworkInfo, TaskInfo};
use tokio::task::LocalSet;

use super::executor::DefaultExecutor;
use crate::executor::start;
use crate::executor::testing::{FakeAgent, SOON};

/// A default executor that has subscribed, and its sandbox.
struct World {
    agent: FakeAgent,
    gone: Monitor,
    sandbox: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let sandbox = tempfile::tempdir().expect("a folder");
        let mut agent = FakeAgent::start(Node::local_here(1));
        let config = agent.config();
        let (given, path) = (config.clone(), sandbox.path().to_owned());
        let driver = start(&agent.node, config, move |driver, _| {
            DefaultExecutor::new(driver, &given, path)
        });
        let gone = driver.expect("started").ended();
        agent.subscribe(FrameworkInfo::default()).await;
        World {
            agent,
            gone,
            sandbox,
        }
    }

    /// The states of tasks whose updates come in any order, the last of each, and the messages of those.
    async fn states(&mut self, updates: usize) -> BTreeMap<String, (TaskState, String)> {
        let mut states = BTreeMap::new();
        for _ in 0..updates {
            let status = self.agent.update().await;
            self.agent.acknowledge(&status);
            let said = (status.state(), status.message().to_owned());
            states.insert(status.task_id.value, said);
        }
        states
    }

    async fn ended(self) {
        let ended = tokio::time::timeout(SOON, self.gone).await;
        ended.expect("the executor ends");
    }
}

fn shell(id: &str, script: &str) -> TaskInfo {
    TaskInfo {
        task_id: id.into(),
        command: Some(CommandInfo {
            value: Some(script.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
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
fn tasks_of_a_group_run_side_by_side_in_folders_of_their_own() {
    run(async {
        let mut world = World::new().await;
        // Each waits for the other.
        let meet = |me: &str, other: &str| {
            format!("echo {me}; touch ../../{me}; until test -e ../../{other}; do sleep 0.01; done")
        };
        world.agent.launch_group(vec![
            shell("a", &meet("a", "b")),
            shell("b", &meet("b", "a")),
        ]);
        let finished = |id: &str| {
            let said = "Command exited with status 0".to_owned();
            (id.to_owned(), (TaskFinished, said))
        };
        assert_eq!(world.states(4).await, [finished("a"), finished("b")].into());
        let sandbox = world.sandbox.path().to_owned();
        let read = |path: &str| fs::read_to_string(Path::new(&sandbox).join(path)).ok();
        assert_eq!(read("tasks/a/stdout").as_deref(), Some("a\n"));
        assert_eq!(read("tasks/b/stdout").as_deref(), Some("b\n"));
        assert_eq!(read("tasks/b/stderr").as_deref(), Some(""));
        world.ended().await;
    });
}

#[test]
fn one_that_fails_takes_its_group_with_it_and_no_other() {
    run(async {
        let mut world = World::new().await;
        let done = "until test -e ../../done; do sleep 0.01; done";
        world.agent.launch_group(vec![shell("other", done)]);
        world.agent.expect(TaskRunning).await;
        world.agent.launch_group(vec![
            shell("good", "exec sleep 1000"),
            shell("bad", "exit 3"),
        ]);
        let states = world.states(4).await;
        assert_eq!(states["bad"].0, TaskFailed);
        assert_eq!(states["bad"].1, "Command exited with status 3");
        assert_eq!(states["good"].0, TaskKilled);
        assert!(!states.contains_key("other"), "{states:?}");
        fs::write(world.sandbox.path().join("done"), "").expect("a file");
        let last = world.agent.expect(TaskFinished).await;
        assert_eq!(last.task_id.value, "other");
        world.ended().await;
    });
}

#[test]
fn a_kill_of_one_ends_its_group() {
    run(async {
        let mut world = World::new().await;
        let sleep = |id| shell(id, "exec sleep 1000");
        world.agent.launch_group(vec![sleep("a"), sleep("b")]);
        world.states(2).await;
        world.agent.kill("a", None);
        let states = world.states(2).await;
        assert!(states.values().all(|(state, _)| *state == TaskKilled));
        assert_eq!(states.len(), 2);
        world.ended().await;
    });
}

#[test]
fn one_that_cannot_be_started_fails_and_the_rest_is_not_left_running() {
    run(async {
        let mut world = World::new().await;
        let mut missing = shell("missing", "/no/such/program");
        missing.command.as_mut().expect("set").shell = Some(false);
        world.agent.launch_group(vec![
            shell("first", "exec sleep 1000"),
            missing,
            shell("late", "true"),
        ]);
        let states = world.states(4).await;
        assert_eq!(states["first"].0, TaskKilled);
        assert_eq!(states["missing"].0, TaskFailed);
        assert!(states["missing"].1.contains("/no/such/program"));
        assert_eq!(states["late"].0, TaskKilled);
        assert!(
            states["late"]
                .1
                .contains("task 'missing' of its group failed")
        );
        world.ended().await;
    });
}

#[test]
fn a_shutdown_ends_all_groups() {
    run(async {
        let mut world = World::new().await;
        for id in ["a", "b"] {
            world.agent.launch_group(vec![shell(id, "exec sleep 1000")]);
            world.agent.expect(TaskRunning).await;
        }
        world.agent.shutdown();
        let states = world.states(2).await;
        assert!(states.values().all(|(state, _)| *state == TaskKilled));
        assert_eq!(states.len(), 2);
        world.ended().await;
    });
}
