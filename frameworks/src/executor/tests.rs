//! The driver between an executor that writes down what it is told, and a fake agent.

use std::time::Duration;

use libprocess::prelude::*;
use mesos::v1;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::testing::FakeAgent;
use super::{
    Driver, ExecutorConfig, ExecutorEvents, Kill, Launch, LaunchGroup, Notice, Shutdown,
    Subscribed, start,
};

struct Recorder(mpsc::UnboundedSender<String>);

impl Actor for Recorder {
    type Context = Context<Self>;
}

impl Process for Recorder {
    type Protocol = ExecutorEvents;
}

impl Handler<Subscribed> for Recorder {
    type Result = ();

    fn handle(&mut self, _: Subscribed, _: &mut Context<Self>) {
        self.0
            .send("subscribed".to_owned())
            .expect("the test listens");
    }
}

impl Handler<Launch> for Recorder {
    type Result = ();

    fn handle(&mut self, Launch(task): Launch, _: &mut Context<Self>) {
        self.0
            .send(format!("launch {}", task.task_id.value))
            .expect("the test listens");
    }
}

impl Handler<LaunchGroup> for Recorder {
    type Result = ();

    fn handle(&mut self, LaunchGroup(tasks): LaunchGroup, _: &mut Context<Self>) {
        let ids: Vec<&str> = tasks.iter().map(|t| t.task_id.value.as_str()).collect();
        self.0
            .send(format!("launch {} together", ids.join(" and ")))
            .expect("the test listens");
    }
}

impl Handler<Kill> for Recorder {
    type Result = ();

    fn handle(&mut self, kill: Kill, _: &mut Context<Self>) {
        self.0
            .send(format!("kill {}", kill.task_id.value))
            .expect("the test listens");
    }
}

impl Handler<Notice> for Recorder {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        self.0
            .send(format!("{notice:?}").to_lowercase())
            .expect("the test listens");
    }
}

impl Handler<Shutdown> for Recorder {
    type Result = ();

    fn handle(&mut self, _: Shutdown, _: &mut Context<Self>) {
        self.0
            .send("shutdown".to_owned())
            .expect("the test listens");
    }
}

/// An executor that has subscribed.
struct World {
    agent: FakeAgent,
    driver: Driver,
    told: mpsc::UnboundedReceiver<String>,
}

impl World {
    async fn new(change: impl FnOnce(&mut ExecutorConfig)) -> World {
        let agent = FakeAgent::start(Node::local_here(1));
        let (tell, told) = mpsc::unbounded_channel();
        let mut config = agent.config();
        change(&mut config);
        let driver = start(&agent.node, config, |_, _| Recorder(tell)).expect("started");
        let mut world = World {
            agent,
            driver,
            told,
        };
        world.agent.subscribe(v1::FrameworkInfo::default()).await;
        world.told("subscribed").await;
        world
    }

    async fn told(&mut self, what: &str) {
        assert_eq!(self.told.recv().await.as_deref(), Some(what));
    }

    fn report(&self, task: &str, state: v1::TaskState) {
        self.driver.report(&task_id(task), state, "");
    }
}

fn task_id(value: &str) -> v1::TaskId {
    v1::TaskId {
        value: value.to_owned(),
    }
}

fn task(value: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: task_id(value),
        ..Default::default()
    }
}

/// In virtual time, on one thread.
fn simulated(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), test);
}

#[test]
fn tasks_come_in_and_updates_go_out() {
    simulated(async {
        let mut world = World::new(|_| {}).await;
        world.agent.launch(task("one"));
        world.agent.kill("one", None);
        world.told("launch one").await;
        world.told("kill one").await;
        world.report("one", v1::TaskState::TaskKilled);
        let status = world.agent.expect(v1::TaskState::TaskKilled).await;
        assert_eq!(status.source(), v1::task_status::Source::Executor);
        assert_eq!(status.executor_id.expect("set").value, "e");
        assert_eq!(status.uuid.expect("set").len(), 16);
    });
}

#[test]
fn an_executor_that_finishes_waits_for_the_acknowledgement() {
    simulated(async {
        let mut world = World::new(|_| {}).await;
        let driver_gone = world.driver.ended();
        world.report("one", v1::TaskState::TaskFinished);
        world.driver.finish();
        let status = world.agent.update().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!world.told.is_closed(), "it waits");
        world.agent.acknowledge(&status);
        driver_gone.await;
        assert_eq!(
            world.told.recv().await,
            None,
            "the executor is gone as well"
        );
    });
}

#[test]
fn an_executor_does_not_wait_without_end() {
    simulated(async {
        let world = World::new(|_| {}).await;
        let driver_gone = world.driver.ended();
        world.report("one", v1::TaskState::TaskFinished);
        world.driver.finish();
        driver_gone.await;
    });
}

#[test]
fn the_next_life_of_the_agent_hears_what_the_last_one_did_not_store() {
    simulated(async {
        let mut world = World::new(|_| {}).await;
        for name in ["one", "two"] {
            world.agent.launch(task(name));
            world.told(&format!("launch {name}")).await;
        }
        world.report("one", v1::TaskState::TaskRunning);
        world.agent.expect(v1::TaskState::TaskRunning).await;
        world.report("one", v1::TaskState::TaskFinished);
        world.agent.update().await;

        let node = world.agent.die().await;
        world.agent = FakeAgent::start(node);
        let pending = world.agent.subscribe(v1::FrameworkInfo::default()).await;
        let tasks: Vec<_> = pending
            .unacknowledged_tasks
            .iter()
            .map(|task| &*task.task_id.value)
            .collect();
        assert_eq!(tasks, ["two"]);
        let states: Vec<_> = pending
            .unacknowledged_updates
            .iter()
            .map(|update| update.status.state())
            .collect();
        assert_eq!(states, [v1::TaskState::TaskFinished]);

        assert_eq!(world.told.recv().await.as_deref(), Some("disconnected"));
        assert_eq!(world.told.recv().await.as_deref(), Some("subscribed"));
        world.agent.launch(task("two"));
        world.agent.launch(task("three"));
        assert_eq!(
            world.told.recv().await.as_deref(),
            Some("launch three"),
            "two runs already"
        );
    });
}

#[test]
fn an_update_made_while_subscribing_is_sent_once_that_is_done() {
    simulated(async {
        let mut world = World::new(|_| {}).await;
        let node = world.agent.die().await;
        world.agent = FakeAgent::start(node);
        let pending = world.agent.asked_to_subscribe().await;
        assert!(pending.unacknowledged_updates.is_empty());
        world.report("one", v1::TaskState::TaskFinished);
        world.driver.finish();
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.agent.grant(v1::FrameworkInfo::default());
        world.agent.expect(v1::TaskState::TaskFinished).await;
        world.driver.ended().await;
    });
}

#[test]
fn without_checkpointing_the_executor_goes_with_its_agent() {
    simulated(async {
        let mut world = World::new(|config| config.checkpoint = false).await;
        world.agent.die().await;
        assert_eq!(world.told.recv().await.as_deref(), Some("disconnected"));
        assert_eq!(world.told.recv().await.as_deref(), Some("shutdown"));
        world.driver.finish();
        assert_eq!(world.told.recv().await, None);
    });
}

#[test]
fn an_agent_that_stays_away_is_given_up_after_the_recovery_timeout() {
    simulated(async {
        let mut world = World::new(|_| {}).await;
        world.agent.die().await;
        assert_eq!(world.told.recv().await.as_deref(), Some("disconnected"));
        let since = tokio::time::Instant::now();
        assert_eq!(world.told.recv().await.as_deref(), Some("shutdown"));
        let waited = since.elapsed().as_secs();
        assert!((900..930).contains(&waited), "{waited} s");
    });
}
