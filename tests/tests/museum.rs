//! Failures of old, put back into the code, are found by the search that finds nothing without them: in the first of the seeds
//! that `soak.rs` runs, none of which fails there.

use mesos::historic::{Historic, Museum};
use mesos_tests::sim::{Scenario, first_to_fail};

/// Each of these is found in one of a few dozen at most, wherever one begins; what changes elsewhere moves seeds.
const SEEDS: u64 = 160;

/// Something is found, and what finds it is this invariant.
#[track_caller]
fn is_found(historic: Historic, invariant: &str, scenario: Scenario) {
    let scenario = Scenario {
        museum: Museum::showing(historic),
        ..scenario
    };
    let failure = first_to_fail(scenario, 0..SEEDS);
    let why = failure.map(|failure| failure.why);
    let named = |why: &String| why.starts_with(invariant);
    assert!(why.as_ref().is_some_and(named), "{historic:?}: {why:?}");
}

fn small() -> Scenario {
    Scenario {
        masters: Some(1),
        small: true,
        ..Scenario::default()
    }
}

#[test]
fn a_framework_that_becomes_a_ghost() {
    is_found(Historic::GhostFrameworks, "ids_are_kept", small());
}

#[test]
fn a_leader_that_kills_tasks() {
    is_found(Historic::LeaderKillsTasks, "killed_on_request", small());
}

#[test]
fn losses_that_are_not_told() {
    is_found(Historic::LossesNotTold, "losses_are_told", small());
}

#[test]
fn a_leader_that_stood_still_and_goes_on() {
    is_found(Historic::StaleLeader, "one_leader", Scenario::default());
}

#[test]
fn an_answer_before_anything_is_stored() {
    is_found(
        Historic::AnsweredBeforeStored,
        "registry_remembers",
        small(),
    );
}

#[test]
fn events_that_go_back() {
    is_found(Historic::EventsGoBack, "events_in_order", small());
}

#[test]
fn a_plan_that_is_rejected_for_ever() {
    is_found(Historic::RejectedForEver, "refusals_end", small());
}

#[test]
fn resources_that_are_counted_twice() {
    is_found(Historic::CountedTwice, "books_agree", small());
}
