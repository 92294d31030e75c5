//! One actor asks another; beside them, over the same connection, another pair moves 64 MB. How long
//! do the slowest of the asks take? The neighbour begins anew until enough was asked.

mod quinn;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::adder::{Ask, Bulk, DEADLINE, Done};
use super::host::{self, Host};
use super::{Note, runtime};
use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

/// What the neighbour pushes, and in what pieces.
const PUSHED: usize = 64 << 20;
const PIECE: usize = 1 << 20;

/// Asks of which the slowest hundredth says something.
const ASKS: usize = 2_000;

/// If they take long, as many as this, or as take so long.
const FEWEST: usize = 200;
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// Asks before anything is measured.
const WARM_UP: usize = 20;

pub(super) fn contest() -> Contest {
    let title = "p99 of asks while a neighbour pushes 64 MB";
    Contest::new("victim-p99", title, Unit::Microseconds)
        .quiet_and_awake()
        .with(Contestant::direct("libprocess, neighbour pushes", || {
            Ok(ours(true))
        }))
        .with(
            Contestant::direct("libprocess, neighbour idle", || Ok(ours(false)))
                .wanted(Wanted::Most(1.5)),
        )
        .with(Contestant::direct(
            "quinn, both on one stream, pushes",
            || Ok(quinn::one_stream(true)),
        ))
        .with(Contestant::direct(
            "quinn, both on one stream, idle",
            || Ok(quinn::one_stream(false)),
        ))
        .with(Contestant::direct("quinn, a stream each, pushes", || {
            Ok(quinn::two_streams())
        }))
}

fn ours(pushes: bool) -> f64 {
    let host = Host::start();
    runtime().block_on(async {
        let node = host::node(host.caller()).await;
        let (adder, sink) = (host.adder(), host.sink());
        let pusher = node.clone();
        let pushing = async move {
            loop {
                for _ in 0..PUSHED / PIECE {
                    let piece = Bulk(Bytes::from_static(&[7; PIECE]));
                    pusher.tell_ready(&sink, piece).await.expect("room");
                }
                pusher.ask(&sink, Done, DEADLINE).await.expect("an answer");
            }
        };
        let pushing = pushes.then(|| tokio::spawn(pushing));
        let slow = p99(async || {
            let answer = node.ask(&adder, Ask(Note::new()), DEADLINE);
            answer.await.expect("an answer");
        })
        .await;
        if let Some(pushing) = pushing {
            pushing.abort();
        }
        node.shutdown(Duration::from_secs(1)).await;
        slow
    })
}

/// The 99th percentile of the asks' times, in microseconds.
async fn p99(mut ask: impl AsyncFnMut()) -> f64 {
    for _ in 0..WARM_UP {
        ask().await;
    }
    let mut times = Vec::with_capacity(ASKS);
    let begin = Instant::now();
    while times.len() < ASKS && (times.len() < FEWEST || begin.elapsed() < LONG_ENOUGH) {
        let start = Instant::now();
        ask().await;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}
