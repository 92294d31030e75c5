//! Decisions as tables: what happened, and what follows.

use std::time::Duration;

use mesos::protocols::RejectionKind;
use mesos::resources::{Format, Resources};
use mesos::v1::TaskState::*;
use mesos::v1::executor::{Call, call};
use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorInfo, FrameworkInfo, TaskInfo, executor};

use super::*;
use crate::containerizer::Limitation;

mod drain;
mod groups;
mod history;
mod oversubscription;
mod world;

use world::*;

use executor::event::Type as Event;

#[test]
fn a_command_becomes_an_executor_as_mesos_makes_them() {
    let mut world = World::new();
    world.run(task("longtask.1"));
    let executor = world.only_executor();
    let info = &executor.info;
    assert!(executor.is_command_executor);
    assert_eq!(
        info.name(),
        "Command Executor (Task: longtask.1) (Command: sh -c 'i=0; while t...')"
    );
    let command = info.command.as_ref().unwrap();
    assert_eq!(command.value(), "/usr/bin/mesos");
    assert_eq!(command.arguments, ["mesos", "executor"]);
    assert!(!command.shell());
    assert_eq!(
        executor.size().cpus().to_string(),
        "1",
        "the containerizer adds its own"
    );
    assert_eq!(executor.allocated().cpus().to_string(), "1.1");
    assert_eq!(
        executor
            .directory
            .to_str()
            .unwrap()
            .rsplit_once('/')
            .unwrap()
            .0,
        "/var/lib/mesos/slaves/a/frameworks/f/executors/longtask.1/runs"
    );
    assert!(world.has(|e| matches!(e, Effect::Launch(l) if l.user.as_deref() == Some("alice"))));
}

#[test]
fn everything_is_written_down_before_the_launch() {
    let mut world = World::new();
    world.run(task("t"));
    let kinds: Vec<_> = world
        .effects
        .iter()
        .map(|e| match e {
            Effect::Write(Record::Framework(_)) => "framework",
            Effect::Write(Record::Executor(..)) => "executor",
            Effect::Write(Record::Task(..)) => "task",
            Effect::Launch(_) => "launch",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["framework", "executor", "task", "launch"]);
}

#[test]
fn tasks_that_cannot_be_taken_are_answered() {
    let stray = TaskInfo {
        agent_id: "b".into(),
        ..task("t")
    };
    let nameless = TaskInfo {
        task_id: "..".into(),
        ..task("t")
    };
    let empty = TaskInfo {
        command: None,
        ..task("t")
    };
    let mut absurd = task("t");
    absurd.resources[0].scalar.as_mut().unwrap().value = -1.0;
    for (task, reason) in [
        (stray, Reason::AgentUnknown),
        (nameless, Reason::TaskInvalid),
        (empty, Reason::TaskInvalid),
        (absurd, Reason::TaskInvalid),
    ] {
        let mut world = World::new();
        let id = task.task_id.value.clone();
        world.run(task);
        assert_eq!(world.reports(), [(id.as_str(), TaskDropped, Some(reason))]);
        assert_eq!(world.state.executors().count(), 0);
    }
    let mut world = World::running();
    world.run(custom("t"));
    assert_eq!(
        world.reports(),
        [("t", TaskDropped, Some(Reason::TaskInvalid))],
        "a double"
    );
    world.act(|s, m| {
        s.run_task(
            m,
            &framework(),
            TaskInfo {
                executor: Some(ExecutorInfo {
                    executor_id: "gone".into(),
                    ..Default::default()
                }),
                ..custom("u")
            },
            false,
            None,
        )
    });
    assert_eq!(
        world.reports(),
        [("u", TaskDropped, Some(Reason::ExecutorTerminated))]
    );
    world.act(|s, _| s.shutdown_framework(&"f".into()));
    world.run(custom("v"));
    assert_eq!(
        world.reports(),
        [("v", TaskDropped, Some(Reason::FrameworkRemoved))]
    );
}

#[test]
fn frameworks_that_know_no_partitions_hear_lost() {
    let mut world = World::new();
    let plain = FrameworkInfo {
        capabilities: Vec::new(),
        ..framework()
    };
    let stray = TaskInfo {
        agent_id: "b".into(),
        ..task("t")
    };
    world.act(|s, m| s.run_task(m, &plain, stray, true, None));
    assert_eq!(
        world.reports(),
        [("t", TaskLost, Some(Reason::AgentUnknown))]
    );
}

#[test]
fn tasks_wait_for_their_executor_and_then_for_the_bounds_of_its_container() {
    let mut world = World::new();
    world.run(custom("t"));
    world.run(custom("u"));
    assert!(world.events().is_empty() && !world.has(|e| matches!(e, Effect::Launch(_))));
    world.launched();
    world.subscribe("executor", &[]);
    assert_eq!(world.events(), [Event::Subscribed]);
    assert!(
        world.has(|e| matches!(e, Effect::Resize { .. })),
        "it was sized for one task"
    );
    let of = world.only_executor().reference();
    world.act(|s, _| s.container_resized(&of));
    assert_eq!(world.events(), [Event::Launch, Event::Launch]);
    world.run(custom("v"));
    assert!(world.events().is_empty());
    world.act(|s, _| s.resize_failed(&of, "no room"));
    assert!(world.destroys());
    world.act(|s, m| s.container_gone(m, &of, None, None));
    let update_failed = Some(Reason::ContainerUpdateFailed);
    let expected = ["t", "u", "v"].map(|id| (id, TaskFailed, update_failed));
    assert_eq!(world.reports(), expected);
}

#[test]
fn a_task_that_is_killed_before_its_executor_comes_never_runs() {
    let mut world = World::new();
    world.run(task("t"));
    world.act(|s, m| s.kill_task(m, &"f".into(), &"t".into(), None));
    assert_eq!(
        world.reports(),
        [("t", TaskKilled, Some(Reason::TaskKilledDuringLaunch))]
    );
    assert!(world.destroys(), "its executor has nothing to wait for");
}

#[test]
fn an_executor_with_other_tasks_survives_the_kill_of_a_queued_one() {
    let mut world = World::new();
    world.run(custom("t"));
    world.run(custom("u"));
    world.act(|s, m| s.kill_task(m, &"f".into(), &"t".into(), None));
    assert!(!world.destroys());
    world.launched();
    world.subscribe("executor", &[]);
    assert_eq!(world.events(), [Event::Subscribed, Event::Launch]);
}

#[test]
fn a_kill_reaches_an_executor_that_was_away() {
    let mut world = World::running();
    world.act(|s, _| s.executor_disconnected(&pid("executor")));
    world.act(|s, m| s.kill_task(m, &"f".into(), &"t".into(), None));
    assert!(world.events().is_empty());
    world.subscribe("executor again", &[]);
    assert_eq!(world.events(), [Event::Subscribed, Event::Kill]);
    world.update("t", TaskKilled, 2).unwrap();
    world.subscribe("executor once more", &[]);
    assert_eq!(
        world.events(),
        [Event::Subscribed],
        "nothing is left to be killed"
    );
}

#[test]
fn the_kill_of_an_unknown_task_is_answered() {
    let mut world = World::running();
    world.act(|s, m| s.kill_task(m, &"f".into(), &"nobody".into(), None));
    assert_eq!(
        world.reports(),
        [("nobody", TaskDropped, Some(Reason::ExecutorTerminated))]
    );
}

#[test]
fn tasks_that_never_reached_their_executor_are_dropped_when_it_is_back() {
    for (known, expected) in [(&["t"][..], 0), (&[][..], 1)] {
        let mut world = World::new();
        world.run(custom("t"));
        world.launched();
        world.subscribe("executor", &[]);
        assert_eq!(world.events(), [Event::Subscribed, Event::Launch]);
        world.subscribe("executor again", known);
        assert_eq!(world.reports().len(), expected, "{known:?}");
    }
}

#[test]
fn a_subscription_that_is_asked_for_twice_drops_nothing() {
    let mut world = World::new();
    world.run(custom("t"));
    world.launched();
    world.subscribe("executor", &[]);
    world.subscribe("executor", &[]);
    assert!(
        world.effects.is_empty(),
        "LAUNCH is on its way: {:?}",
        world.effects
    );
}

#[test]
fn what_an_executor_may_say_and_when() {
    use call::Type::{Heartbeat, Message, Subscribe, Unknown, Update};
    let mut world = World::new();
    let nothing = |_: &mut Call| {};
    assert_eq!(
        world.call(Subscribe, Some("e"), nothing),
        Err(RejectionKind::UnknownFramework)
    );
    assert_eq!(world.call(Heartbeat, None, nothing), Ok(()));
    world.run(custom("t"));
    let other = |c: &mut Call| c.executor_id = "other".into();
    assert_eq!(
        world.call(Subscribe, Some("e"), other),
        Err(RejectionKind::UnknownExecutor)
    );
    assert_eq!(
        world.call(Message, None, nothing),
        Err(RejectionKind::Disconnected)
    );
    assert_eq!(
        world.call(Unknown, None, nothing),
        Err(RejectionKind::Unsupported)
    );
    assert_eq!(
        world.call(Subscribe, Some("e"), nothing),
        Err(RejectionKind::Invalid)
    );
    world.launched();
    world.subscribe("executor", &[]);
    assert_eq!(
        world.call(Update, None, nothing),
        Err(RejectionKind::Invalid)
    );
    assert_eq!(
        world.update("t", TaskStaging, 1),
        Err(RejectionKind::Invalid)
    );
    assert_eq!(
        world.call(Message, Some("former"), nothing),
        Err(RejectionKind::Disconnected)
    );
    assert_eq!(world.update("t", TaskRunning, 1), Ok(()));
}

#[test]
fn an_executor_that_is_back_is_served_while_others_are_awaited() {
    use call::Type::Message;
    let mut world = World::running();
    world.state.registration = Registration::Reconnecting;
    world.update("t", TaskRunning, 2).unwrap();
    assert_eq!(world.reports().len(), 1);
    world.act(|s, _| s.executor_disconnected(&pid("executor")));
    let refused = world.call(Message, None, |_| {});
    assert_eq!(refused, Err(RejectionKind::Recovering));
    world.state.registration = Registration::Recovering;
    let refused = world.call(call::Type::Subscribe, Some("executor"), |_| {});
    assert_eq!(refused, Err(RejectionKind::Recovering));
}

#[test]
fn the_first_end_of_a_task_wins() {
    let mut world = World::running();
    world.update("t", TaskFinished, 2).unwrap();
    assert_eq!(world.reports(), [("t", TaskFinished, None)]);
    world.update("t", TaskKilled, 3).unwrap();
    let ended = world
        .only_executor()
        .terminated_tasks
        .values()
        .next()
        .unwrap();
    assert_eq!(ended.state(), TaskFinished);
}

#[test]
fn a_failure_waits_for_what_the_containerizer_says() {
    let limitation = Limitation {
        reason: Reason::ContainerLimitationMemory,
        message: "Memory limit exceeded: Requested: 64MB, used: 65MB".into(),
        resources: Resources::parse("mem:65", "*")
            .unwrap()
            .to_v1(Format::PostRefinement),
    };
    let memory = Some(Reason::ContainerLimitationMemory);
    for (found, reason) in [(None, None), (Some(&limitation), memory)] {
        let mut world = World::running();
        world.update("t", TaskFailed, 2).unwrap();
        assert!(world.reports().is_empty());
        assert!(world.has(|e| matches!(e, Effect::Inspect { .. })));
        let of = world.only_executor().reference();
        world.act(|s, m| s.inspected(m, &of, &"t".into(), found));
        assert_eq!(world.reports(), [("t", TaskFailed, reason)]);
        world.act(|s, m| s.inspected(m, &of, &"t".into(), found));
        assert!(world.effects.is_empty(), "once");
    }

    // The container ended before the containerizer answered.
    let mut world = World::running();
    world.update("t", TaskFailed, 2).unwrap();
    let of = world.only_executor().reference();
    world.act(|s, m| s.container_gone(m, &of, Some(9), Some(&limitation)));
    assert_eq!(world.reports(), [("t", TaskFailed, memory)]);
    let Some(Effect::Report(report)) = world
        .effects
        .iter()
        .find(|e| matches!(e, Effect::Report(_)))
    else {
        panic!("a report");
    };
    assert_eq!(report.uuid.as_u128(), 2, "it is the executor's own update");
    assert_eq!(
        report.status.limitation.as_ref().unwrap().resources.len(),
        1
    );
}

#[test]
fn tasks_end_with_their_executor_and_say_why() {
    let signalled = "Executor terminated by signal 9";
    for (task, status, reason, message) in [
        (task("t"), Some(9), Reason::CommandExecutorFailed, signalled),
        (custom("t"), Some(9), Reason::ExecutorTerminated, signalled),
        (
            custom("t"),
            Some(3 << 8),
            Reason::ExecutorTerminated,
            "Executor exited with status 3",
        ),
        (
            custom("t"),
            None,
            Reason::ExecutorTerminated,
            "Executor terminated",
        ),
    ] {
        let mut world = World::new();
        world.run(task);
        world.launched();
        world.subscribe("executor", &[]);
        let of = world.only_executor().reference();
        world.act(|s, m| s.container_gone(m, &of, status, None));
        assert_eq!(world.reports(), [("t", TaskFailed, Some(reason))]);
        let said = world.effects.iter().find_map(|e| match e {
            Effect::Report(r) => r.status.message.clone(),
            _ => None,
        });
        assert_eq!(said.as_deref(), Some(message));
    }
}

#[test]
fn executors_that_do_not_come_or_cannot_be_started_fail_their_tasks() {
    let mut world = World::new();
    world.run(task("t"));
    world.launched();
    let of = world.only_executor().reference();
    world.act(|s, _| s.registration_timed_out(&of));
    assert!(world.destroys());
    world.act(|s, m| s.container_gone(m, &of, None, None));
    assert_eq!(
        world.reports(),
        [("t", TaskFailed, Some(Reason::ExecutorRegistrationTimeout))]
    );

    let mut world = World::new();
    world.run(task("t"));
    let of = world.only_executor().reference();
    world.act(|s, m| s.launch_failed(m, &of, "no such image"));
    assert_eq!(
        world.reports(),
        [("t", TaskFailed, Some(Reason::ContainerLaunchFailed))]
    );

    let mut world = World::running();
    let of = world.only_executor().reference();
    world.act(|s, _| s.registration_timed_out(&of));
    assert!(world.effects.is_empty(), "it came");
}

#[test]
fn an_executor_is_asked_to_end_and_then_made_to() {
    let mut world = World::running();
    world.act(|s, _| s.shutdown_executor(&"f".into(), &"e".into()));
    assert_eq!(world.events(), [Event::Shutdown]);
    let of = world.only_executor().reference();
    let alarm = Alarm::ShutdownTimeout(of.clone());
    let grace = Duration::from_secs(5);
    assert!(world.has(|e| matches!(e, Effect::Alarm(g, a) if *g == grace && *a == alarm)));
    world.act(|s, _| s.shutdown_timed_out(&of));
    assert!(world.destroys());
    world.act(|s, m| s.container_gone(m, &of, None, None));
    assert!(world.has(|e| matches!(e, Effect::Tell(_, ToMaster::Exited(_)))));
}

#[test]
fn an_executor_is_forgotten_when_the_ends_of_its_tasks_are_acknowledged() {
    let mut world = World::running();
    let of = world.only_executor().reference();
    world.act(|s, m| s.container_gone(m, &of, None, None));
    assert_eq!(world.state.executors().count(), 1);
    let Some(Effect::Report(report)) = world
        .effects
        .iter()
        .find(|e| matches!(e, Effect::Report(_)))
    else {
        panic!("a report");
    };
    let number = report.uuid.as_u128();
    world.acknowledge("t", number);
    assert_eq!(world.state.executors().count(), 0);
    assert!(world.has(|e| matches!(e, Effect::Write(Record::Completed(_)))));
    let past = world.state.completed_frameworks().next().unwrap();
    assert_eq!(past.completed_executors[0].completed_tasks.len(), 1);
    world.run(custom("u"));
    assert_eq!(
        world.state.completed_frameworks().count(),
        0,
        "it has its history back"
    );
    assert_eq!(
        world
            .state
            .frameworks()
            .next()
            .unwrap()
            .completed_executors
            .len(),
        1
    );
}
