//! libprocess: the same actor in another process. Mutual TLS, encoded messages, credit given back
//! by the receiver as it handles them.

use std::time::Duration;

use futures_util::future::join_all;
use libprocess::prelude::*;
use tokio::runtime::Runtime;

use super::CONCURRENT;
use crate::measure::time;
use crate::runtime::adder::{AdderProtocol, Ask, DEADLINE, Tell};
use crate::runtime::host::{self, Host};
use crate::runtime::{Note, runtime, single};

/// A node, and an actor in another process.
#[derive(Clone)]
struct Stage {
    caller: Node,
    adder: Pid<AdderProtocol>,
}

impl Stage {
    async fn set(host: &Host) -> Self {
        let stage = Stage {
            caller: host::node(host.caller()).await,
            adder: host.adder(),
        };
        // The link is made before anything is measured.
        stage.asks(1).await;
        stage
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

/// How long `work` takes in a task of this runtime, on which the node's links live, too.
fn measure<F>(runtime: Runtime, work: impl FnOnce(Stage) -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let host = Host::start();
    runtime.block_on(async {
        let stage = Stage::set(&host).await;
        let working = tokio::spawn(time(work(stage.clone())));
        let took = working.await.expect("a time");
        stage.caller.shutdown(Duration::from_secs(1)).await;
        took
    })
}

pub(super) fn tells(count: usize) -> Duration {
    measure(runtime(), async move |stage: Stage| {
        stage.tells(count).await
    })
}

pub(super) fn asks(count: usize) -> Duration {
    measure(single(), async move |stage: Stage| stage.asks(count).await)
}

pub(super) fn parallel_asks(count: usize) -> Duration {
    measure(single(), async move |stage: Stage| {
        let askers = (0..CONCURRENT).map(|_| stage.asks(count / CONCURRENT));
        join_all(askers).await;
    })
}
