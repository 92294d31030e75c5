//! libprocess: the same actor in another process. Mutual TLS, encoded messages, credit given back
//! by the receiver as it handles them.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use libprocess::prelude::*;
use libprocess::tls::{Authority, Identity};

use super::CONCURRENT;
use crate::child::{self, Child, Role};
use crate::measure::time;
use crate::runtime::adder::{Adder, AdderProtocol, Ask, DEADLINE, Tell};
use crate::runtime::{Note, runtime};

/// The process with the actor; it is told where its identity is and says where it listens.
pub(super) const HOST: Role = ("ours-host", host);

fn host(arguments: &[String]) {
    let [identity] = arguments else {
        panic!("the file of the identity is missing");
    };
    let identity = Identity::read(Path::new(identity)).expect("an identity");
    let runtime = runtime();
    let _node = runtime.block_on(async {
        let node = Node::bind("127.0.0.1:0").identity(identity);
        let node = node.start().await.expect("a node");
        node.spawn("adder", |_| Adder::default()).expect("a name");
        println!("{}", node.address());
        node
    });
    child::hear();
}

/// A node, and an actor in another process.
#[derive(Clone)]
struct Stage {
    caller: Node,
    adder: Pid<AdderProtocol>,
}

impl Stage {
    async fn set() -> (Self, Child) {
        let authority = Authority::generate("bench");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("host.pem");
        let written = authority.issue("bench", "host").write(&file);
        written.expect("a file");
        let mut host = Child::start(HOST.0, &[file.to_str().expect("a path of text")]);
        let address: SocketAddr = host.line().parse().expect("an address");

        let node = Node::bind("127.0.0.1:0").identity(authority.issue("bench", "caller"));
        let stage = Stage {
            caller: node.start().await.expect("a node"),
            adder: Pid::named("adder", address),
        };
        // The link is made before anything is measured.
        stage.asks(1).await;
        (stage, host)
    }

    async fn tells(&self, count: usize) {
        for _ in 1..count {
            let told = self.caller.tell_ready(&self.adder, Tell(Note::new()));
            told.await.expect("room");
        }
        // What comes in order, comes last.
        self.asks(1).await;
    }

    async fn asks(&self, count: usize) {
        for _ in 0..count {
            let asked = self.caller.ask(&self.adder, Ask(Note::new()), DEADLINE);
            asked.await.expect("an answer");
        }
    }
}

/// How long `work` takes in a task of the runtime, as the peers' does.
fn measure<F>(work: impl FnOnce(Stage) -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    runtime().block_on(async {
        let (stage, host) = Stage::set().await;
        let working = tokio::spawn(time(work(stage.clone())));
        let took = working.await.expect("a time");
        stage.caller.shutdown(Duration::from_secs(1)).await;
        drop(host);
        took
    })
}

pub(super) fn tells(count: usize) -> Duration {
    measure(async move |stage: Stage| stage.tells(count).await)
}

pub(super) fn asks(count: usize) -> Duration {
    measure(async move |stage: Stage| stage.asks(count).await)
}

pub(super) fn parallel_asks(count: usize) -> Duration {
    measure(async move |stage: Stage| {
        let askers = (0..CONCURRENT).map(|_| stage.asks(count / CONCURRENT));
        join_all(askers).await;
    })
}
