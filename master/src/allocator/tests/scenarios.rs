//! What the allocator must do, as scenarios.

use super::scenario::{play, play_with};
use crate::allocator::AllocatorOptions;

#[test]
fn a_framework_gets_all_of_every_agent_at_once() {
    play(
        "
        agent a cpus:4;mem:1024;ports:[1-9]
        agent b cpus:2
        framework f in eng
        events:
            f in eng on a cpus:4;mem:1024;ports:[1-9]
            f in eng on b cpus:2
        interval:
        agent c cpus:1
        events:
            f in eng on c cpus:1
        ",
    );
}

#[test]
fn the_framework_with_the_smaller_share_is_next() {
    play(
        "
        framework f in eng
        framework g in eng
        agent a cpus:4
        events:
            f in eng on a cpus:4
        agent b cpus:1
        events:
            g in eng on b cpus:1
        agent c cpus:1
        events:
            g in eng on c cpus:1
        ",
    );
}

#[test]
fn the_role_with_the_smaller_share_is_next() {
    play(
        "
        framework f in eng
        framework g in eng
        framework h in ops
        agent a cpus:2
        events:
            f in eng on a cpus:2
        agent b cpus:1
        events:
            h in ops on b cpus:1
        agent c cpus:9
        events:
            h in ops on c cpus:9
        agent d cpus:9
        events:
            g in eng on d cpus:9
        ",
    );
}

#[test]
fn what_already_runs_counts() {
    play(
        "
        agent a cpus:4 used by f in eng cpus:3
        framework f in eng
        framework g in eng
        events:
            g in eng on a cpus:1
        ",
    );
}

#[test]
fn what_a_task_gave_back_is_offered_at_once() {
    play(
        "
        agent a cpus:4 used by f in eng cpus:3
        framework f in eng
        events:
            f in eng on a cpus:1
        free f in eng on a cpus:1
        events:
            f in eng on a cpus:1
        ",
    );
}

#[test]
fn what_was_declined_waits_for_the_interval_and_goes_to_others_first() {
    play(
        "
        framework f in eng
        agent a cpus:4
        events:
            f in eng on a cpus:4
        framework g in ops
        decline f a 0.1
        wait 0.5
        interval:
            g in ops on a cpus:4
        decline g a 0.1
        wait 0.4
        interval:
        wait 0.1
        interval:
            f in eng on a cpus:4
        ",
    );
}

#[test]
fn a_refusal_lasts_five_seconds_unless_said_otherwise() {
    play(
        "
        framework f in eng
        agent a cpus:4
        events:
            f in eng on a cpus:4
        decline f a
        wait 4.9
        interval:
        wait 0.1
        interval:
            f in eng on a cpus:4
        decline f a 0
        events:
        interval:
            f in eng on a cpus:4
        decline f a 3600
        wait 3599
        interval:
        wait 1
        interval:
            f in eng on a cpus:4
        ",
    );
}

#[test]
fn more_than_what_was_refused_is_offered() {
    play(
        "
        agent a cpus:4;mem:64 used by f in eng cpus:1
        framework f in eng
        events:
            f in eng on a cpus:3;mem:64
        decline f a 60
        interval:
        free f in eng on a cpus:1
        events:
            f in eng on a cpus:4;mem:64
        ",
    );
}

#[test]
fn a_refusal_is_of_one_role_only() {
    play(
        "
        framework f in eng,ops
        agent a cpus:4
        events:
            f in eng on a cpus:4
        decline f a
        interval:
            f in ops on a cpus:4
        decline f a
        interval:
        ",
    );
}

#[test]
fn reviving_forgets_refusals_and_suppression() {
    play(
        "
        framework f in eng,ops suppressed in eng,ops
        agent a cpus:4
        interval:
        revive f eng
        events:
            f in eng on a cpus:4
        decline f a 3600
        revive f
        suppress f eng
        events:
            f in ops on a cpus:4
        suppress f
        decline f a 0
        interval:
        revive f ops
        events:
            f in ops on a cpus:4
        ",
    );
}

#[test]
fn an_inactive_framework_is_offered_nothing_and_forgets_what_it_refused() {
    play(
        "
        framework f in eng
        agent a cpus:4
        events:
            f in eng on a cpus:4
        decline f a 3600
        deactivate f
        interval:
        activate f
        events:
            f in eng on a cpus:4
        ",
    );
}

#[test]
fn an_inactive_agent_is_not_offered() {
    play(
        "
        agent a cpus:4
        deactivate a
        framework f in eng
        interval:
        activate a
        events:
            f in eng on a cpus:4
        remove a
        agent a cpus:2
        events:
            f in eng on a cpus:2
        ",
    );
}

#[test]
fn reserved_resources_are_for_the_role_and_below() {
    play(
        "
        agent a cpus:1;cpus(eng):2;cpus(ops):4
        framework f in eng/web
        interval:
            f in eng/web on a cpus:1;cpus(eng):2
        framework g in ops
        interval:
            g in ops on a cpus(ops):4
        framework h in eng
        decline f a
        interval:
            h in eng on a cpus:1;cpus(eng):2
        ",
    );
}

#[test]
fn agents_with_gpus_are_kept_for_those_who_can_use_them() {
    play(
        "
        agent a cpus:4;gpus:1
        agent b cpus:4
        framework f in eng
        interval:
            f in eng on b cpus:4
        framework g in eng can gpu
        interval:
            g in eng on a cpus:4;gpus:1
        ",
    );
}

#[test]
fn crumbs_are_not_offered() {
    play(
        "
        framework f in eng
        agent a cpus:0.009;mem:31
        interval:
        agent b cpus:0.01
        agent c mem:32
        interval:
            f in eng on b cpus:0.01
            f in eng on c mem:32
        framework g in ops minimum ''
        interval:
            g in ops on a cpus:0.009;mem:31
        suppress g
        framework h in dev minimum 'cpus:8'
        agent d cpus:7
        interval:
            f in eng on d cpus:7
        agent e cpus:8
        interval:
            h in dev on e cpus:8
        ",
    );
}

#[test]
fn a_role_that_was_left_still_counts_what_is_held_in_it() {
    play(
        "
        framework f in eng
        agent a cpus:8
        agent b cpus:1
        events:
            f in eng on a cpus:8
            f in eng on b cpus:1
        update f in ops
        framework g in eng
        agent c cpus:1
        events:
            f in ops on c cpus:1
        free f in eng on a cpus:8
        free f in eng on b cpus:1
        events:
            g in eng on a cpus:8
            f in ops on b cpus:1
        ",
    );
}

#[test]
fn what_a_removed_framework_held_is_free_only_when_recovered() {
    play(
        "
        framework f in eng
        agent a cpus:4
        events:
            f in eng on a cpus:4
        remove f
        framework g in eng
        interval:
        free f in eng on a cpus:3
        free f in eng on a cpus:3
        events:
            g in eng on a cpus:4
        ",
    );
}

#[test]
fn nothing_is_offered_of_an_agent_that_shrank_below_what_is_held() {
    play(
        "
        agent a cpus:4;mem:64 used by f in eng cpus:3;mem:32
        framework f in eng
        resize a cpus:2;mem:64
        events:
            f in eng on a mem:32
        free f in eng on a cpus:1
        events:
        free f in eng on a cpus:1
        events:
            f in eng on a cpus:1
        ",
    );
}

#[test]
fn the_unknown_is_ignored() {
    play(
        "
        framework f in eng
        agent a cpus:4
        events:
            f in eng on a cpus:4
        free g in eng on a cpus:4
        free f in ops on a cpus:4
        free f in eng on b cpus:4
        suppress g
        revive g
        update g in eng
        resize b cpus:1
        remove g
        interval:
        ",
    );
}

#[test]
fn weights_divide_and_excluded_resources_do_not_count() {
    let options = AllocatorOptions {
        weights: [("eng".to_owned(), 4.0)].into(),
        fair_sharing_excluded: ["gpus".to_owned()].into(),
        ..AllocatorOptions::default()
    };
    play_with(
        options,
        "
        framework f in eng can gpu
        framework g in ops can gpu
        agent a cpus:3;gpus:8
        events:
            f in eng on a cpus:3;gpus:8
        agent b cpus:1
        events:
            g in ops on b cpus:1
        agent c cpus:4
        events:
            f in eng on c cpus:4
        ",
    );
}
