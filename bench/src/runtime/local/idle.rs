//! What an actor costs that does nothing: each peer starts so many in a process of its own, each
//! answers once and is kept. What the process then has more in memory is divided by their number.

use super::{bare_actix, channels, on_kameo, on_ractor, ours};
use crate::child::{Child, Role};
use crate::measure::{Contest, Contestant};
use crate::memory;
use crate::table::{Unit, Wanted};

/// Many enough that the memory of the process itself does not show.
const SOME: usize = 100_000;
const MILLION: usize = 1_000_000;

/// Memory hardly varies.
const ROUNDS: usize = 3;

/// Half a kilobyte is what names, bounds and monitors may cost.
const OVER_ACTIX: f64 = 512.0;

/// Starts so many actors and calls back while all of them live.
type Peer = fn(usize, &dyn Fn());

const PEERS: [(&str, Peer); 5] = [
    ("libprocess", ours::idle),
    ("tokio", channels::idle),
    ("actix", bare_actix::idle),
    ("kameo", on_kameo::idle),
    ("ractor", on_ractor::idle),
];

pub(super) fn contests() -> Vec<Contest> {
    let some = Contest::new("idle-actor", "memory of an idle actor", Unit::Bytes);
    let million = "memory of one of a million live actors";
    let million = Contest::new("million-actors", million, Unit::Bytes);
    vec![
        some.at_most_rounds(ROUNDS).with_peers(SOME),
        million.at_most_rounds(1).with_peers(MILLION),
    ]
}

impl Contest {
    fn with_peers(self, count: usize) -> Self {
        let measured =
            |peer: &'static str| Contestant::direct(peer, move || Ok(bytes_per_actor(peer, count)));
        self.with(measured("libprocess"))
            .with(measured("tokio"))
            .with(measured("actix").wanted(Wanted::MoreBy(OVER_ACTIX)))
            .with(measured("kameo").wanted(Wanted::Most(1.0)))
            .with(measured("ractor").wanted(Wanted::Most(1.0)))
    }
}

fn bytes_per_actor(peer: &str, count: usize) -> f64 {
    let mut child = Child::start(ROLE.0, &[peer, &count.to_string()]);
    child.line().parse().expect("a number")
}

/// The hidden command of the process with the actors.
pub(crate) const ROLE: Role = ("idle-actors", play);

fn play(arguments: &[String]) {
    let [peer, count] = arguments else {
        panic!("a peer and a count are missing");
    };
    let count = count.parse().expect("a count");
    let found = PEERS.iter().find(|(name, _)| name == peer);
    let (_, idle) = found.expect("a known peer");
    // What the first actors set up is not part of any actor.
    idle(1, &|| {});
    let before = memory::resident();
    idle(count, &|| {
        let more = memory::resident().saturating_sub(before);
        println!("{}", more as f64 / count as f64);
        // Taking them down one by one is not measured.
        std::process::exit(0);
    });
}
