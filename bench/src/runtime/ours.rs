//! libprocess itself: the same actor, near and far.

use std::time::Duration;

use futures_util::future::join_all;
use libprocess::prelude::*;
use libprocess::tls::Authority;
use serde::{Deserialize, Serialize};

use super::{CONCURRENT, Note, runtime};
use crate::measure::time;

/// More than any answer takes.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Tell(Note);

#[derive(Serialize, Deserialize)]
struct Ask(Note);

protocol! {
    /// What the measured actor understands.
    pub(crate) AdderProtocol = "bench.adder" {
        1 => Tell -> (),
        2 => Ask -> u64,
    }
}

#[derive(Default)]
struct Adder {
    bytes: u64,
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Process for Adder {
    type Protocol = AdderProtocol;
}

impl Handler<Tell> for Adder {
    type Result = ();

    fn handle(&mut self, Tell(note): Tell, _: &mut Context<Self>) {
        self.bytes += note.0.len() as u64;
    }
}

impl Handler<Ask> for Adder {
    type Result = u64;

    fn handle(&mut self, Ask(note): Ask, _: &mut Context<Self>) -> u64 {
        self.bytes += note.0.len() as u64;
        self.bytes
    }
}

/// An actor, and the node that calls it.
struct Stage {
    caller: Node,
    adder: Pid<AdderProtocol>,
    nodes: Vec<Node>,
}

impl Stage {
    async fn local() -> Self {
        let node = Node::local();
        let adder = node.spawn("adder", |_| Adder::default()).expect("a name");
        Stage {
            caller: node.clone(),
            adder,
            nodes: vec![node],
        }
    }

    async fn remote() -> Self {
        let authority = Authority::generate("bench");
        let node = async |name| {
            let node = Node::bind("127.0.0.1:0").identity(authority.issue("bench", name));
            node.start().await.expect("a node")
        };
        let (caller, host) = (node("caller").await, node("host").await);
        let adder = host.spawn("adder", |_| Adder::default()).expect("a name");
        // The link is made before anything is measured.
        let first = caller.ask(&adder, Ask(Note::new()), DEADLINE);
        first.await.expect("an answer");
        Stage {
            caller: caller.clone(),
            adder,
            nodes: vec![caller, host],
        }
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

    async fn end(self) {
        for node in self.nodes {
            node.shutdown(DEADLINE).await;
        }
    }
}

/// How long `work` takes on the stage, which is then taken down.
async fn measure(stage: Stage, work: impl AsyncFnOnce(&Stage)) -> Duration {
    let took = time(work(&stage)).await;
    stage.end().await;
    took
}

pub(super) fn local_tells(count: usize) -> Duration {
    runtime().block_on(async {
        let work = async |stage: &Stage| stage.tells(count).await;
        measure(Stage::local().await, work).await
    })
}

pub(super) fn local_asks(count: usize) -> Duration {
    runtime().block_on(async {
        let work = async |stage: &Stage| stage.asks(count).await;
        measure(Stage::local().await, work).await
    })
}

pub(super) fn remote_tells(count: usize) -> Duration {
    runtime().block_on(async {
        let work = async |stage: &Stage| stage.tells(count).await;
        measure(Stage::remote().await, work).await
    })
}

pub(super) fn remote_asks(count: usize) -> Duration {
    runtime().block_on(async {
        let work = async |stage: &Stage| stage.asks(count).await;
        measure(Stage::remote().await, work).await
    })
}

pub(super) fn parallel_remote_asks(count: usize) -> Duration {
    runtime().block_on(async {
        let work = async |stage: &Stage| {
            let askers = (0..CONCURRENT).map(|_| stage.asks(count / CONCURRENT));
            join_all(askers).await;
        };
        measure(Stage::remote().await, work).await
    })
}
