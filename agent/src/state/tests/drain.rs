//! Ending everything for the operator to take the machine.

use mesos::v1::TaskState::*;
use mesos::v1::task_status::Reason;
use mesos::v1::{DrainConfig, DurationInfo, KillPolicy, TaskInfo};

use super::super::*;
use super::world::*;

const SECOND: i64 = 1_000_000_000;

fn grace(seconds: i64) -> Option<DurationInfo> {
    Some(DurationInfo {
        nanoseconds: seconds * SECOND,
    })
}

fn drain(world: &mut World, most: Option<i64>, mark_gone: bool) {
    let config = DrainConfig {
        max_grace_period: most.and_then(grace),
        mark_gone: Some(mark_gone),
    };
    world.act(|s, m| s.drain(m, config));
}

/// The grace in the KILL events, in seconds.
fn kills(world: &World) -> Vec<Option<i64>> {
    let kill = |e: &Effect| match e {
        Effect::Event(_, event) => event.kill.clone(),
        _ => None,
    };
    let kills = world.effects.iter().filter_map(kill);
    let grace = |policy: KillPolicy| Some(policy.grace_period?.nanoseconds / SECOND);
    kills.map(|kill| kill.kill_policy.and_then(grace)).collect()
}

/// An agent that runs a task with this grace.
fn running(own: Option<i64>) -> World {
    let mut world = World::new();
    let policy = own.map(|seconds| KillPolicy {
        grace_period: grace(seconds),
    });
    world.run(TaskInfo {
        kill_policy: policy,
        ..custom("t")
    });
    world.launched();
    world.subscribe("executor", &[]);
    world.update("t", TaskRunning, 1).unwrap();
    world
}

#[test]
fn tasks_get_their_own_grace_but_no_more_than_the_operator_gives() {
    for (own, most, expected) in [
        (None, None, None),
        (Some(10), None, None),
        (Some(10), Some(5), Some(5)),
        (Some(10), Some(60), Some(10)),
        (None, Some(60), Some(3)),
        (None, Some(0), Some(0)),
    ] {
        let mut world = running(own);
        drain(&mut world, most, false);
        assert_eq!(kills(&world), [expected], "{own:?}, at most {most:?}");
    }
}

#[test]
fn the_ends_of_tasks_say_why_and_new_tasks_wait_until_none_is_left() {
    for (mark_gone, state) in [(false, TaskKilled), (true, TaskGoneByOperator)] {
        let mut world = running(None);
        drain(&mut world, None, mark_gone);
        world.run(custom("u"));
        let refused = Some(Reason::AgentDraining);
        assert_eq!(world.reports(), [("u", TaskDropped, refused)]);
        world.update("t", TaskKilled, 2).unwrap();
        assert_eq!(world.reports(), [("t", state, refused)]);
        world.run(custom("v"));
        assert_eq!(world.reports(), [], "it is taken");
    }
}

#[test]
fn a_task_that_ends_by_itself_meanwhile_ended_by_itself() {
    let mut world = running(None);
    drain(&mut world, None, true);
    world.update("t", TaskFinished, 2).unwrap();
    assert_eq!(world.reports(), [("t", TaskFinished, None)]);
}

#[test]
fn a_task_that_waits_for_its_executor_never_runs() {
    let mut world = World::new();
    world.run(custom("t"));
    drain(&mut world, None, false);
    let reason = Some(Reason::AgentDraining);
    assert_eq!(world.reports(), [("t", TaskKilled, reason)]);
    assert!(world.destroys(), "its executor has nothing to wait for");
}

#[test]
fn draining_an_idle_agent_is_done_at_once() {
    let mut world = World::new();
    drain(&mut world, None, false);
    world.run(task("t"));
    assert!(world.has(|e| matches!(e, Effect::Launch(_))));
}
