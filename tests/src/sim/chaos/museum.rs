//! Failures of old, with the numbers under which they are asked for.
//!
//! Each can be put back into the code ([`mesos::historic`]), and is found by the same search that finds nothing without it.
//!
//! | Number | What happened to others | Where | What finds it here | First seed |
//! |---|---|---|---|---|
//! | B2 | what runs is known to the leader's memory only, and runs twice after a failover | Chronos 411, 818 | `tasks_are_known` | small 21 |
//! | B3 | a framework that comes back without its id leaves a ghost behind, which hoards offers | Chronos 511, 520 | `ids_are_kept` | small 0 |
//! | B4 | a new leader cannot read the replicated log after a partition | MESOS-3280 | `somebody_leads` | small 0, of three masters |
//! | B5 | a framework stays inactive after a change of the leader, its tasks are queued for ever | Chronos 569 | `views_agree` | small 0 |
//! | B8 | a leader that leads again kills tasks | Marathon 1553 | `killed_on_request` | small 8 |
//! | B9 | a task is taken for running after its agent was lost, and never replaced | Marathon 4190, 761 | `losses_are_told` | small 9 |
//! | B10 | the leader knows tasks that are nowhere, or not those that run | Marathon 616 | `views_agree` | small 43 |
//! | B11 | the kill of an unknown task has no answer | Marathon 1279 | `kills_are_answered` | small 4 |
//! | B14 | those who read the state keep the leader from its work | Mesos' blog on 1.7 | `readers_are_served` | small 0 |
//! | B20 | a leader that stood still goes on as if it led | etcd 20418 | `one_leader` | small 1, of three masters |
//! | B21 | what was acknowledged is lost in a crash | etcd 14370 | `registry_remembers` | small 1 |
//! | B22 | who follows goes back in time when he comes back | etcd 15271 | `events_in_order` | small 0 |
//! | B23 | one agent refuses a plan for ever, and the scheduler tries it again and again | Nomad 9134 | `refusals_end` | small 1 |
//! | B24 | what is used is counted twice | Nomad's bin packing | `books_agree` | small 8 |
//!
//! No plan is made for any of them: the search is the one that finds nothing without it. The seeds are of clusters as they
//! are by default, or small ones with one master unless said, from 0 on; another version of anything moves them.
//! `tests/tests/museum.rs` begins at these, and wants the same seeds to pass without the failure.
//!
//! Others of their kind are not here: B1, B6, B7 and B12 to B13 are of schedulers, of services' deployments, and of what tells
//! others where tasks are; B15 to B19 of actors, which libprocess' own simulation looks after.

use mesos::historic::Historic::{self, *};

/// Numbers and failures.
pub const EXHIBITS: [(&str, Historic); 14] = [
    ("B2", TasksInMemoryOnly),
    ("B3", GhostFrameworks),
    ("B4", UnreadableRegistry),
    ("B5", InactiveAfterFailover),
    ("B8", LeaderKillsTasks),
    ("B9", LossesNotTold),
    ("B10", GhostTasks),
    ("B11", UnansweredKills),
    ("B14", ReadersBlock),
    ("B20", StaleLeader),
    ("B21", AnsweredBeforeStored),
    ("B22", EventsGoBack),
    ("B23", RejectedForEver),
    ("B24", CountedTwice),
];

/// The failure of a number.
///
/// # Errors
///
/// There is none.
pub fn exhibit(number: &str) -> Result<Historic, String> {
    let named = |(name, _): &&(&str, Historic)| name.eq_ignore_ascii_case(number);
    let found = EXHIBITS.iter().find(named);
    found.map(|(_, historic)| *historic).ok_or_else(|| {
        let names: Vec<&str> = EXHIBITS.iter().map(|(name, _)| *name).collect();
        format!("it is not one of {}", names.join(", "))
    })
}
