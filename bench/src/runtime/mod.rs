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

use crate::measure::{Contestant, compete};
use crate::table::Table;

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

pub(crate) fn run(rounds: usize) -> Vec<Table> {
    vec![
        compete(
            "local tells",
            rounds,
            &[
                contestant("libprocess, tell_ready", ours::local_tells, 1_000_000),
                contestant("tokio mpsc, send", channels::tells, 1_000_000),
                contestant("actix, do_send (no bound)", bare_actix::tells, 1_000_000),
            ],
        ),
        compete(
            "local asks, one at a time",
            rounds,
            &[
                contestant("libprocess, ask", ours::local_asks, 30_000),
                contestant("tokio mpsc and oneshot", channels::asks, 30_000),
                contestant("actix, send", bare_actix::asks, 30_000),
            ],
        ),
        compete(
            "remote tells",
            rounds,
            &[
                contestant("libprocess, tell_ready", ours::remote_tells, 300_000),
                contestant(
                    "quinn, one stream, 64 per write",
                    raw_quinn::tells,
                    1_000_000,
                ),
                contestant("HTTP request each, 1 connection", http::requests, 5_000),
                contestant(
                    "HTTP request each, 64 connections",
                    http::parallel_requests,
                    15_000,
                ),
            ],
        ),
        compete(
            "remote asks, one at a time",
            rounds,
            &[
                contestant("libprocess, ask", ours::remote_asks, 5_000),
                contestant(
                    "quinn, there and back on two streams",
                    raw_quinn::asks,
                    5_000,
                ),
                contestant("HTTP request, 1 connection", http::requests, 5_000),
            ],
        ),
        compete(
            "remote asks, 64 at a time",
            rounds,
            &[
                contestant("libprocess, ask", ours::parallel_remote_asks, 100_000),
                contestant(
                    "HTTP request, 64 connections",
                    http::parallel_requests,
                    15_000,
                ),
            ],
        ),
    ]
}

fn contestant(
    name: &'static str,
    run: fn(usize) -> std::time::Duration,
    count: usize,
) -> Contestant {
    Contestant { name, run, count }
}

/// What every contestant runs on, beside threads of its own.
fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}
