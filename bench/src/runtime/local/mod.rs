//! Messages within one process. Every contestant has the same note of 100 bytes, a mailbox of the
//! same bound where it has a bound, and the same threads: the caller on one, the receiver on the same
//! or on another, both with a single-threaded runtime.

mod bare_actix;
mod channels;
mod idle;
mod on_kameo;
mod on_ractor;
mod ours;
mod threads;

use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

pub(super) use idle::ROLE as IDLE;

/// As large as the mailbox of an actor of ours.
const BOUND: usize = 65_536;

/// On one thread, how many messages are sent before the receiver has its turn: what an eager handler
/// sends. Much more would measure the memory that waits.
const BURST: usize = 1_000;

pub(super) fn contests() -> Vec<Contest> {
    let mut contests = vec![
        tells_on_one_thread(),
        tells_across_threads(),
        asks_on_one_thread(),
        asks_across_threads(),
        spawns(),
    ];
    contests.extend(idle::contests());
    contests
}

fn tells_on_one_thread() -> Contest {
    const COUNT: usize = 2_000_000;
    let title = "local tell, one thread, actor to actor";
    Contest::new("local-tell-same", title, Unit::PerSecond)
        .with(Contestant::timed(
            "libprocess, tell",
            COUNT,
            ours::tells_on_one_thread,
        ))
        .with(Contestant::timed(
            "tokio mpsc, send",
            COUNT,
            channels::tells_on_one_thread,
        ))
        .with(
            Contestant::timed(
                "actix, do_send (no bound)",
                COUNT,
                bare_actix::tells_on_one_thread,
            )
            .wanted(Wanted::Least(0.9)),
        )
        .with(
            Contestant::timed("kameo, tell", COUNT, on_kameo::tells_on_one_thread)
                .wanted(Wanted::Least(3.0)),
        )
        .with(
            Contestant::timed(
                "ractor, cast (no bound)",
                COUNT,
                on_ractor::tells_on_one_thread,
            )
            .wanted(Wanted::Least(3.0)),
        )
}

fn tells_across_threads() -> Contest {
    const COUNT: usize = 1_000_000;
    let title = "local tell, across threads";
    Contest::new("local-tell-across", title, Unit::PerSecond)
        .with(Contestant::timed(
            "libprocess, tell_ready",
            COUNT,
            ours::tells_across_threads,
        ))
        .with(Contestant::timed(
            "tokio mpsc, send",
            COUNT,
            channels::tells_across_threads,
        ))
        .with(
            Contestant::timed(
                "actix, do_send (no bound)",
                COUNT,
                bare_actix::tells_across_threads,
            )
            .wanted(Wanted::Least(1.0)),
        )
        .with(
            Contestant::timed("kameo, tell", COUNT, on_kameo::tells_across_threads)
                .wanted(Wanted::Least(1.0)),
        )
        .with(
            Contestant::timed(
                "ractor, cast (no bound)",
                COUNT,
                on_ractor::tells_across_threads,
            )
            .wanted(Wanted::Least(1.0)),
        )
}

fn asks_on_one_thread() -> Contest {
    const COUNT: usize = 200_000;
    Contest::new(
        "local-ask-same",
        "local ask, one thread",
        Unit::Microseconds,
    )
    .with(Contestant::timed(
        "libprocess, ask",
        COUNT,
        ours::asks_on_one_thread,
    ))
    .with(Contestant::timed(
        "tokio mpsc and oneshot",
        COUNT,
        channels::asks_on_one_thread,
    ))
    .with(
        Contestant::timed("actix, send", COUNT, bare_actix::asks_on_one_thread)
            .wanted(Wanted::Most(1.2)),
    )
    .with(
        Contestant::timed("kameo, ask", COUNT, on_kameo::asks_on_one_thread)
            .wanted(Wanted::Most(1.0)),
    )
    .with(
        Contestant::timed("ractor, call", COUNT, on_ractor::asks_on_one_thread)
            .wanted(Wanted::Most(1.0)),
    )
}

fn asks_across_threads() -> Contest {
    const COUNT: usize = 10_000;
    let title = "local ask, across threads";
    Contest::new("local-ask-across", title, Unit::Microseconds)
        .apart_and_together()
        .with(Contestant::timed(
            "libprocess, ask",
            COUNT,
            ours::asks_across_threads,
        ))
        .with(Contestant::timed(
            "tokio mpsc and oneshot",
            COUNT,
            channels::asks_across_threads,
        ))
        .with(
            Contestant::timed("actix, send", COUNT, bare_actix::asks_across_threads)
                .wanted(Wanted::Most(1.2)),
        )
        .with(
            Contestant::timed("kameo, ask", COUNT, on_kameo::asks_across_threads)
                .wanted(Wanted::Most(1.0)),
        )
        .with(
            Contestant::timed("ractor, call", COUNT, on_ractor::asks_across_threads)
                .wanted(Wanted::Most(1.0)),
        )
}

fn spawns() -> Contest {
    const COUNT: usize = 20_000;
    let title = "spawn and first answer, one thread";
    Contest::new("local-spawn", title, Unit::Microseconds)
        .with(Contestant::timed("libprocess", COUNT, ours::spawns))
        .with(Contestant::timed(
            "tokio task, mpsc and oneshot",
            COUNT,
            channels::spawns,
        ))
        .with(Contestant::timed("actix", COUNT, bare_actix::spawns))
        .with(Contestant::timed("kameo", COUNT, on_kameo::spawns).wanted(Wanted::Most(1.0)))
        .with(Contestant::timed("ractor", COUNT, on_ractor::spawns).wanted(Wanted::Most(1.0)))
}
