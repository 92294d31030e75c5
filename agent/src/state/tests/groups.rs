//! Tasks that run together or not at all.

use mesos::v1::executor::call;
use mesos::v1::{executor_info, task_status::Reason};

use super::*;

fn executor(kind: executor_info::Type) -> ExecutorInfo {
    let command = mesos::v1::CommandInfo::default();
    ExecutorInfo {
        executor_id: "e".into(),
        r#type: Some(kind as i32),
        command: Some(command).filter(|_| kind == executor_info::Type::Custom),
        ..Default::default()
    }
}

fn group(kind: executor_info::Type, ids: &[&str]) -> Vec<TaskInfo> {
    let executor = executor(kind);
    let of = |id: &&str| TaskInfo {
        executor: Some(executor.clone()),
        ..task(id)
    };
    ids.iter().map(of).collect()
}

fn custom_group(ids: &[&str]) -> Vec<TaskInfo> {
    group(executor_info::Type::Custom, ids)
}

impl World {
    fn run_group(&mut self, group: Vec<TaskInfo>) {
        self.act(|s, m| s.run_task_group(m, &framework(), group, true, None));
    }

    /// The tasks of each event that hands something over.
    fn handed_over(&self) -> Vec<Vec<&str>> {
        let events = self.effects.iter().filter_map(|e| match e {
            Effect::Event(_, event) => Some(event),
            _ => None,
        });
        let mut all = Vec::new();
        for event in events {
            if let Some(launch) = &event.launch {
                all.push(vec![launch.task.task_id.value.as_str()]);
            }
            if let Some(group) = &event.launch_group {
                let tasks = group.task_group.tasks.iter();
                all.push(tasks.map(|t| t.task_id.value.as_str()).collect());
            }
        }
        all
    }
}

#[test]
fn a_group_starts_one_executor_and_reaches_it_in_one_event() {
    let mut world = World::new();
    world.run_group(custom_group(&["a", "b"]));
    let launches = |world: &World| {
        let of = |e: &&Effect| matches!(e, Effect::Launch(_));
        world.effects.iter().filter(of).count()
    };
    assert_eq!(launches(&world), 1);
    let written = |e: &&Effect| matches!(e, Effect::Write(Record::Task(..)));
    assert_eq!(world.effects.iter().filter(written).count(), 2);
    assert_eq!(world.only_executor().size().cpus().to_string(), "2");
    // What comes meanwhile waits behind it.
    world.run(custom_like("c"));
    world.run_group(custom_group(&["d", "e"]));
    assert_eq!(launches(&world), 0);
    world.launched();
    world.subscribe("executor", &[]);
    let of = world.only_executor().reference();
    world.act(|s, _| s.container_resized(&of));
    assert_eq!(
        world.handed_over(),
        [vec!["a", "b"], vec!["c"], vec!["d", "e"]]
    );
    assert!(world.only_executor().queued.is_empty());
    assert_eq!(world.only_executor().launched_tasks.len(), 5);
}

/// A single task for the executor of the groups.
fn custom_like(id: &str) -> TaskInfo {
    custom_group(&[id]).remove(0)
}

#[test]
fn a_kill_before_the_delivery_ends_the_whole_group() {
    let killed = Some(Reason::TaskKilledDuringLaunch);
    let mut world = World::new();
    world.run_group(custom_group(&["a", "b"]));
    world.run_group(custom_group(&["c", "d"]));
    world.launched();
    world.act(|s, m| s.kill_task(m, &"f".into(), &"b".into(), None));
    assert_eq!(
        world.reports(),
        [("a", TaskKilled, killed), ("b", TaskKilled, killed)]
    );
    assert!(!world.destroys(), "the other group is to come");
    world.act(|s, m| s.kill_task(m, &"f".into(), &"a".into(), None));
    assert_eq!(world.reports(), [], "it has ended");
    world.subscribe("executor", &[]);
    assert_eq!(world.handed_over(), [vec!["c", "d"]]);
    // Once it is delivered, a kill is the executor's business.
    world.act(|s, m| s.kill_task(m, &"f".into(), &"c".into(), None));
    assert_eq!(world.events(), [Event::Kill]);
    assert_eq!(world.reports(), []);
}

#[test]
fn an_executor_whose_only_group_was_killed_ends() {
    let mut world = World::new();
    world.run_group(custom_group(&["a", "b"]));
    world.act(|s, m| s.kill_task(m, &"f".into(), &"a".into(), None));
    assert_eq!(world.reports().len(), 2);
    assert!(world.destroys());
}

#[test]
fn a_group_is_taken_as_a_whole_or_not_at_all() {
    let mut world = World::new();
    let mut group = custom_group(&["a", "b"]);
    group[1].agent_id = "elsewhere".into();
    world.run_group(group);
    let unknown = Some(Reason::AgentUnknown);
    assert_eq!(
        world.reports(),
        [("a", TaskDropped, unknown), ("b", TaskDropped, unknown)]
    );
    assert_eq!(world.state.executors().count(), 0);
    world.act(|s, m| s.run_task_group(m, &framework(), custom_group(&["a", "b"]), false, None));
    let gone = Some(Reason::ExecutorTerminated);
    assert_eq!(
        world.reports(),
        [("a", TaskDropped, gone), ("b", TaskDropped, gone)]
    );
}

#[test]
fn all_tasks_end_with_an_executor_that_ends_or_never_comes() {
    let mut world = World::new();
    world.run_group(custom_group(&["a", "b"]));
    world.launched();
    let of = world.only_executor().reference();
    world.act(|s, _| s.registration_timed_out(&of));
    assert!(world.destroys());
    world.act(|s, m| s.container_gone(m, &of, Some(9), None));
    let late = Some(Reason::ExecutorRegistrationTimeout);
    assert_eq!(
        world.reports(),
        [("a", TaskFailed, late), ("b", TaskFailed, late)]
    );

    let mut world = World::new();
    world.run_group(custom_group(&["a", "b"]));
    world.launched();
    world.subscribe("executor", &[]);
    world.update("a", TaskRunning, 1).unwrap();
    let of = world.only_executor().reference();
    world.act(|s, m| s.container_gone(m, &of, Some(9), None));
    let gone = Some(Reason::ExecutorTerminated);
    assert_eq!(
        world.reports(),
        [("a", TaskFailed, gone), ("b", TaskFailed, gone)]
    );
}

#[test]
fn an_executor_that_comes_back_without_a_group_never_got_it() {
    let mut world = World::new();
    world.run_group(custom_group(&["a", "b"]));
    world.launched();
    world.subscribe("executor", &[]);
    world.act(|s, _| s.executor_disconnected(&pid("executor")));
    world
        .call(call::Type::Subscribe, Some("executor-2"), |c| {
            c.subscribe = Some(Default::default())
        })
        .unwrap();
    let lost = Some(Reason::AgentRestarted);
    assert_eq!(
        world.reports(),
        [("a", TaskDropped, lost), ("b", TaskDropped, lost)]
    );
}

#[test]
fn the_default_executor_is_this_program_and_its_description_the_frameworks() {
    let mut world = World::new();
    world.run_group(group(executor_info::Type::Default, &["a", "b"]));
    let launch = world.effects.iter().find_map(|e| match e {
        Effect::Launch(launch) => Some(launch),
        _ => None,
    });
    let launch = launch.expect("a launch");
    assert!(launch.is_built_in() && !launch.is_command_executor);
    let command = launch.info.command.as_ref().expect("a command");
    assert_eq!(command.value(), "/usr/bin/mesos");
    assert_eq!(command.arguments, ["mesos", "executor", "--default"]);
    // The master compares it with what the framework says the next time.
    assert_eq!(world.only_executor().info.command, None);
    assert!(!world.only_executor().is_command_executor);
}
