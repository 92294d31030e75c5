//! Simulated worlds: how much faster than real time they run.

mod traffic;

use crate::child::Role;
use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

pub(crate) fn contests() -> Vec<Contest> {
    let title = "3 nodes, each sends 1,000 messages a second, full QUIC";
    let libprocess_quic = Contestant::direct("libprocess", || Ok(traffic::times_real()));
    let quic = Contest::new("sim-quic", title, Unit::TimesReal);
    vec![quic.with(libprocess_quic.wanted(Wanted::Least(5.0)))]
}

/// The processes that these benchmarks start.
pub(crate) fn roles() -> Vec<Role> {
    Vec::new()
}
