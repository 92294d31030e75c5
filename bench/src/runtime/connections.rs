//! Many connections on which nothing happens: what each costs the side that accepted it. That side
//! is a process of its own; what it has more in memory is divided by their number.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::time::timeout;

use super::adder::{Ask, DEADLINE};
use super::bare_quinn::{self, Introduction};
use super::host::{self, Host};
use super::{Note, runtime};
use crate::child::{self, Child, Role};
use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

const CONNECTIONS: usize = 10_000;

/// Being made at the same time.
const AT_ONCE: usize = 16;

/// Until what the handshakes needed is given back, and every connection has been pinged.
const SETTLE: Duration = Duration::from_secs(2);

/// On a machine that does nothing else all are connected within a quarter of it.
const PATIENCE: Duration = Duration::from_secs(90);

const AT_MOST: f64 = 24.0 * 1024.0;

pub(super) fn contest() -> Contest {
    let title = "memory of one of 10,000 idle connections, accepting side";
    Contest::new("idle-connection", title, Unit::Bytes)
        .at_most_rounds(1)
        .with(Contestant::direct("libprocess", ours).wanted(Wanted::Most(AT_MOST)))
        .with(Contestant::direct(
            "quinn, its defaults, no streams",
            raw_quinn,
        ))
}

/// As many nodes, each of which has asked once, so that all lanes are there.
fn ours() -> Result<f64, String> {
    allow_files();
    let mut host = Host::start();
    let (identity, adder) = (host.caller(), host.adder());
    measure(&mut host.process, || async {
        let node = host::node(identity.clone()).await;
        // On a busy machine an attempt may take too long; the next ask is another.
        while node.ask(&adder, Ask(Note::new()), DEADLINE).await.is_err() {}
        node
    })
}

/// As many connections from one endpoint.
fn raw_quinn() -> Result<f64, String> {
    let mut host = Child::start(QUINN.0, &[]);
    let introduction = Introduction::from_line(&host.line());
    let runtime = runtime();
    let endpoint = runtime.block_on(async { introduction.client() });
    measure(&mut host, || introduction.connect(&endpoint))
}

/// Bytes per connection that the other process has more.
fn measure<F: Future>(accepting: &mut Child, connect: impl Fn() -> F) -> Result<f64, String> {
    runtime().block_on(async {
        // What the first connection sets up is not part of any.
        let first = connect().await;
        let before = accepting.memory();
        let connecting = (0..CONNECTIONS).map(|_| connect());
        let connecting = stream::iter(connecting).buffer_unordered(AT_ONCE);
        let connections: Vec<F::Output> = timeout(PATIENCE, connecting.collect())
            .await
            .map_err(|_| format!("not all connected within {PATIENCE:?}"))?;
        tokio::time::sleep(SETTLE).await;
        let more = accepting.memory().saturating_sub(before);
        drop((first, connections));
        Ok(more as f64 / CONNECTIONS as f64)
    })
}

/// The accepting side of bare quinn.
pub(super) const QUINN: Role = ("quinn-acceptor", acceptor);

fn acceptor(_: &[String]) {
    let runtime = runtime();
    let (endpoint, introduction) = runtime.block_on(async { bare_quinn::server() });
    println!("{}", introduction.to_line());
    runtime.spawn(async move {
        let mut connections = Vec::new();
        while let Some(incoming) = endpoint.accept().await {
            connections.push(incoming.await.expect("a connection"));
        }
    });
    child::tell_memory();
}

/// Each node has a socket.
fn allow_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("a limit as high as allowed");
}
