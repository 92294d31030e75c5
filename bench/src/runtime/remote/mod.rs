//! Messages between two processes over loopback, 100 bytes each. The other process is this program
//! again, with the host of the contestant's side.
//!
//! Who asks, of ours and of bare quinn's, does all that it does on one thread, as the answering process of ours does: what is
//! asked and answered is so little that handing it from thread to thread costs more than a second thread gains.

mod erlang;
mod http;
mod ours;
pub(super) mod raw_quinn;

use crate::child::Role;
use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

/// Asks under way at once where there are several: what one busy actor has.
const CONCURRENT: usize = 256;

pub(super) const ROLES: [Role; 2] = [raw_quinn::HOST, http::HOST];

pub(super) fn contests() -> Vec<Contest> {
    vec![tells(), asks_one_at_a_time(), asks_in_parallel()]
}

fn tells() -> Contest {
    let title = "remote tell, two processes";
    let erlang = || erlang::per_second("tells", 300_000);
    Contest::new("remote-tell", title, Unit::PerSecond)
        .with(Contestant::timed(
            "libprocess, tell_ready, mutual TLS",
            1_000_000,
            ours::tells,
        ))
        .with(
            Contestant::timed(
                "quinn, coalesced, no encoding",
                2_000_000,
                raw_quinn::coalesced,
            )
            .wanted(Wanted::Least(0.3)),
        )
        .with(Contestant::timed(
            "quinn, a write per message",
            200_000,
            raw_quinn::single_writes,
        ))
        .with(
            Contestant::direct("Erlang distribution, plain TCP", erlang).wanted(Wanted::Least(5.0)),
        )
        .with(
            Contestant::timed("HTTP request each, 64 connections", 15_000, http::parallel)
                .wanted(Wanted::Least(10.0)),
        )
}

/// As much of the peer's rate as is wanted, said of times.
const OF_PING_PONG: f64 = 0.85;

fn asks_one_at_a_time() -> Contest {
    let title = "remote ask, one at a time";
    Contest::new("remote-ask-one", title, Unit::Microseconds)
        .quiet_and_awake()
        .with(Contestant::timed(
            "libprocess, ask, mutual TLS",
            4_000,
            ours::asks,
        ))
        .with(
            Contestant::timed(
                "quinn, ping-pong on one stream",
                4_000,
                raw_quinn::ping_pong,
            )
            .wanted(Wanted::Most(1.0 / OF_PING_PONG)),
        )
        .with(Contestant::direct("Erlang distribution, plain TCP", || {
            erlang::microseconds("asks", 4_000)
        }))
        .with(Contestant::timed(
            "HTTP request, 1 connection",
            4_000,
            http::one_by_one,
        ))
}

fn asks_in_parallel() -> Contest {
    let title = "remote ask, 256 in flight";
    let erlang = || erlang::per_second("parallel_asks", 200_000);
    Contest::new("remote-ask-many", title, Unit::PerSecond)
        .with(Contestant::timed(
            "libprocess, ask, mutual TLS",
            200_000,
            ours::parallel_asks,
        ))
        .with(
            Contestant::timed(
                "quinn, pipelined on one stream",
                1_000_000,
                raw_quinn::pipelined,
            )
            .wanted(Wanted::Least(0.5)),
        )
        .with(Contestant::direct("Erlang distribution, plain TCP", erlang))
        .with(Contestant::timed(
            "HTTP request, 64 connections",
            15_000,
            http::parallel,
        ))
}
