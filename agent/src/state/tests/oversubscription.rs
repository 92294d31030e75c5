//! Lending, and taking back.

use mesos::resources::Resources;
use mesos::v1::TaskState::*;
use mesos::v1::task_status::Reason;

use super::super::*;
use super::world::*;
use crate::oversubscription::{Correction, Verdict};

/// What the master is told to be lent, in the order told.
fn told(world: &World) -> Vec<Resources> {
    let told = world.effects.iter().filter_map(|effect| match effect {
        Effect::Tell(_, ToMaster::Oversubscribed(update)) => {
            Some(Resources::from_v1(update.resources.iter().map(|r| &r.0)).expect("resources"))
        }
        _ => None,
    });
    told.collect()
}

fn cpus(amount: &str) -> Resources {
    Resources::parse(&format!("cpus:{amount}"), "*").expect("resources")
}

fn kill(of: ExecutorRef) -> Verdict {
    Verdict {
        corrections: vec![Correction {
            executor: of,
            why: "the test says so".into(),
        }],
        hold: true,
    }
}

#[test]
fn the_master_is_told_of_changes_and_anew_when_it_registers_the_agent() {
    let mut world = World::new();
    world.act(|s, _| s.estimated(Resources::new()));
    assert!(told(&world).is_empty(), "it is taken for granted");
    world.act(|s, _| s.estimated(cpus("2")));
    assert_eq!(told(&world), [cpus("2")]);
    world.act(|s, _| s.estimated(cpus("2")));
    assert!(told(&world).is_empty());

    let master = world.state.registered_master().cloned();
    let master = master.expect("a registered agent");
    world.act(|s, m| s.master_lost(m, &master));
    world.act(|s, _| s.estimated(cpus("3")));
    assert!(told(&world).is_empty(), "there is nobody to tell");
    let ping = Duration::from_secs(75);
    world.act(|s, m| s.reregistered(m, &"a".into(), ping, Vec::new()));
    assert_eq!(told(&world), [cpus("3")]);
}

#[test]
fn nothing_is_lent_while_the_load_is_too_high() {
    let mut world = World::new();
    world.act(|s, _| s.estimated(cpus("2")));
    let hold = Verdict {
        hold: true,
        ..Verdict::default()
    };
    world.act(|s, _| s.judged(hold));
    assert_eq!(told(&world), [Resources::new()]);
    world.act(|s, _| s.estimated(cpus("3")));
    assert!(told(&world).is_empty());
    world.act(|s, _| s.judged(Verdict::default()));
    assert_eq!(told(&world), [cpus("3")]);
}

#[test]
fn a_correction_kills_an_executor_and_its_tasks_are_gone() {
    let mut world = World::running();
    let of = world.only_executor().reference();
    world.act(|s, _| s.judged(kill(of.clone())));
    assert!(world.destroys() && world.events().is_empty(), "no grace");
    assert_eq!(world.state.counters().executors_preempted, 1);
    world.act(|s, _| s.judged(kill(of.clone())));
    assert!(!world.destroys(), "it is on its way out");
    world.act(|s, m| s.container_gone(m, &of, Some(9), None));
    let expected = ("t", TaskGone, Some(Reason::ContainerPreempted));
    assert_eq!(world.reports(), [expected]);
}

#[test]
fn frameworks_that_know_no_partitions_hear_of_lost_tasks() {
    let mut world = World::running();
    let old = mesos::v1::FrameworkInfo {
        capabilities: Vec::new(),
        ..framework()
    };
    world.act(|s, _| s.update_framework(&old));
    let of = world.only_executor().reference();
    world.act(|s, _| s.judged(kill(of.clone())));
    world.act(|s, m| s.container_gone(m, &of, Some(9), None));
    let expected = ("t", TaskLost, Some(Reason::ContainerPreempted));
    assert_eq!(world.reports(), [expected]);
}

#[test]
fn a_correction_of_an_earlier_run_changes_nothing() {
    let mut world = World::running();
    let mut of = world.only_executor().reference();
    of.container_id = "another".into();
    world.act(|s, _| s.judged(kill(of)));
    assert!(world.effects.is_empty());
    assert_eq!(world.state.observed().len(), 1);
}
