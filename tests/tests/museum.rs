//! Failures of old, put back into the code, are found by the search that finds nothing without them.
//!
//! Each search begins where it finds something soon; what changes elsewhere moves seeds, so it may go on for some dozens.

use mesos::historic::{Historic, Museum};
use mesos_tests::sim::{Scenario, first_to_fail};

/// Each of these is found in one of a few dozen at most, wherever one begins.
const SEEDS: u64 = 160;

/// Something is found from this seed on, what finds it is this invariant, and the same seed fails only by that.
#[track_caller]
fn is_found(historic: Historic, invariant: &str, scenario: Scenario, from: u64) {
    let showing = Scenario {
        museum: Museum::showing(historic),
        ..scenario
    };
    let failure = first_to_fail(showing, from..from + SEEDS);
    let failure = failure.unwrap_or_else(|| panic!("{historic:?} is not found"));
    let why = &failure.why;
    assert!(why.contains(invariant), "{historic:?}: {why}");
    let seed = failure.seed;
    if let Some(failure) = first_to_fail(scenario, seed..seed + 1) {
        panic!("without {historic:?} as well: {failure}");
    }
}

/// One service, no operator.
fn small(masters: usize) -> Scenario {
    Scenario {
        masters: Some(masters),
        small: true,
        ..Scenario::default()
    }
}

#[test]
fn tasks_that_only_the_leader_remembers() {
    is_found(Historic::TasksInMemoryOnly, "tasks_are_known", small(1), 21);
}

#[test]
fn a_framework_that_becomes_a_ghost() {
    is_found(Historic::GhostFrameworks, "ids_are_kept", small(1), 0);
}

#[test]
fn a_registry_that_cannot_be_read_again() {
    is_found(Historic::UnreadableRegistry, "somebody_leads", small(3), 0);
}

#[test]
fn a_framework_that_is_offered_nothing_any_more() {
    is_found(Historic::InactiveAfterFailover, "views_agree", small(1), 0);
}

#[test]
fn a_leader_that_kills_tasks() {
    is_found(Historic::LeaderKillsTasks, "killed_on_request", small(1), 8);
}

#[test]
fn losses_that_are_not_told() {
    is_found(Historic::LossesNotTold, "losses_are_told", small(1), 9);
}

#[test]
fn tasks_that_are_nowhere() {
    is_found(Historic::GhostTasks, "views_agree", small(1), 43);
}

#[test]
fn kills_without_an_answer() {
    is_found(Historic::UnansweredKills, "kills_are_answered", small(1), 4);
}

#[test]
fn readers_that_keep_the_leader_from_its_work() {
    is_found(Historic::ReadersBlock, "readers_are_served", small(1), 0);
}

#[test]
fn a_leader_that_stood_still_and_goes_on() {
    is_found(Historic::StaleLeader, "one_leader", small(3), 1);
}

#[test]
fn an_answer_before_anything_is_stored() {
    is_found(
        Historic::AnsweredBeforeStored,
        "registry_remembers",
        small(1),
        1,
    );
}

#[test]
fn events_that_go_back() {
    is_found(Historic::EventsGoBack, "events_in_order", small(1), 0);
}

#[test]
fn a_plan_that_is_rejected_for_ever() {
    is_found(Historic::RejectedForEver, "refusals_end", small(1), 1);
}

#[test]
fn resources_that_are_counted_twice() {
    is_found(Historic::CountedTwice, "books_agree", small(1), 8);
}
