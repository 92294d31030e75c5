//! Messages of 100 bytes between two parties, beside what the runtime is made of and what people
//! would use instead.

mod bare_actix;
mod channels;
mod http;
mod ours;
mod raw_quinn;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

/// What is sent: 100 bytes.
#[derive(Clone, Serialize, Deserialize)]
struct Note(Bytes);

const SIZE: usize = 100;

impl Note {
    fn new() -> Self {
        Note(Bytes::from_static(&[7; SIZE]))
    }
}

/// Asks under way at once where there are several: what one busy actor has.
const CONCURRENT: usize = 64;

pub(crate) fn contests() -> Vec<Contest> {
    vec![
        Contest::new(
            "local-tell-across",
            "local tell across threads",
            Unit::PerSecond,
        )
        .with(Contestant::timed(
            "libprocess, tell_ready",
            1_000_000,
            ours::local_tells,
        ))
        .with(Contestant::timed(
            "tokio mpsc, send",
            1_000_000,
            channels::tells,
        ))
        .with(
            Contestant::timed("actix, do_send (no bound)", 1_000_000, bare_actix::tells)
                .wanted(Wanted::AtLeast(1.0)),
        ),
        Contest::new("local-ask", "local ask, one at a time", Unit::Microseconds)
            .quiet_and_awake()
            .with(Contestant::timed(
                "libprocess, ask",
                10_000,
                ours::local_asks,
            ))
            .with(Contestant::timed(
                "tokio mpsc and oneshot",
                10_000,
                channels::asks,
            ))
            .with(
                Contestant::timed("actix, send", 10_000, bare_actix::asks)
                    .wanted(Wanted::AtMost(1.2)),
            ),
        Contest::new("remote-tell", "remote tell", Unit::PerSecond)
            .with(Contestant::timed(
                "libprocess, tell_ready",
                500_000,
                ours::remote_tells,
            ))
            .with(
                Contestant::timed(
                    "quinn, one stream, 64 per write",
                    1_000_000,
                    raw_quinn::tells,
                )
                .wanted(Wanted::AtLeast(0.3)),
            )
            .with(Contestant::timed(
                "HTTP request each, 1 connection",
                5_000,
                http::requests,
            ))
            .with(Contestant::timed(
                "HTTP request each, 64 connections",
                15_000,
                http::parallel_requests,
            )),
        Contest::new(
            "remote-ask-one",
            "remote ask, one at a time",
            Unit::Microseconds,
        )
        .quiet_and_awake()
        .with(Contestant::timed(
            "libprocess, ask",
            5_000,
            ours::remote_asks,
        ))
        .with(
            Contestant::timed(
                "quinn, there and back on two streams",
                5_000,
                raw_quinn::asks,
            )
            .wanted(Wanted::AtMost(1.0 / 0.85)),
        )
        .with(Contestant::timed(
            "HTTP request, 1 connection",
            5_000,
            http::requests,
        )),
        Contest::new(
            "remote-ask-many",
            "remote ask, 64 at a time",
            Unit::PerSecond,
        )
        .with(Contestant::timed(
            "libprocess, ask",
            100_000,
            ours::parallel_remote_asks,
        ))
        .with(Contestant::timed(
            "HTTP request, 64 connections",
            15_000,
            http::parallel_requests,
        )),
    ]
}

/// What every contestant runs on, beside threads of its own.
fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}
