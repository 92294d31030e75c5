//! How soon the end of a node is noticed that was killed and says nothing any more.

use std::time::{Duration, Instant};

use super::adder::{Ask, DEADLINE};
use super::host::{self, Host};
use super::{Note, runtime};
use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

/// Each round takes as long as the silence that counts as an end.
const ROUNDS: usize = 3;

const SOON: f64 = 500.0;

/// In milliseconds: clocks of the runtime tick once in one, and threads have to wake.
const TICK: f64 = 10.0;

pub(super) fn contests() -> [Contest; 2] {
    let configured = libprocess::transport::Liveness::default().silent_after;
    let configured = configured.as_secs_f64() * 1e3 + TICK;
    let title = "SIGKILL: link ends after the return on its port";
    let returned = Contestant::direct("libprocess", || Ok(notice(true)));
    let returned = Contest::new("killed-returned", title, Unit::Milliseconds)
        .at_most_rounds(ROUNDS)
        .with(returned.wanted(Wanted::Most(SOON)));
    let title = "SIGKILL: link ends without a return";
    let gone = Contestant::direct("libprocess", || Ok(notice(false)));
    let gone = Contest::new("killed-gone", title, Unit::Milliseconds)
        .at_most_rounds(ROUNDS)
        .with(gone.wanted(Wanted::Most(configured)));
    [returned, gone]
}

/// From the return of the node, or else from its death, to the notice that a monitor gives. In
/// milliseconds.
fn notice(returns: bool) -> f64 {
    let mut host = Host::start();
    runtime().block_on(async {
        let node = host::node(host.caller()).await;
        let first = node.ask(&host.adder(), Ask(Note::new()), DEADLINE);
        first.await.expect("an answer");
        let ended = node.monitor(host.adder());
        // Behind the monitor in the order of the link: it is in place when this is answered.
        let second = node.ask(&host.adder(), Ask(Note::new()), DEADLINE);
        second.await.expect("an answer");

        host.process.kill();
        let mut start = Instant::now();
        if returns {
            host.restart();
            start = Instant::now();
        }
        ended.await;
        let took = start.elapsed();
        node.shutdown(Duration::from_secs(1)).await;
        took.as_secs_f64() * 1e3
    })
}
