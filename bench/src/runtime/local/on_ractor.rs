//! ractor, whose mailboxes have no bound.

use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::BURST;
use super::threads::{self, across_threads, on_one_thread};
use crate::measure::time;
use crate::runtime::Note;

struct Adder;

enum Letter {
    Tell(Note),
    Ask(Note, RpcReplyPort<u64>),
}

impl Actor for Adder {
    type Msg = Letter;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Letter>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Letter>,
        letter: Letter,
        bytes: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match letter {
            Letter::Tell(note) => *bytes += note.0.len() as u64,
            Letter::Ask(note, answer) => {
                *bytes += note.0.len() as u64;
                answer.send(*bytes)?;
            }
        }
        Ok(())
    }
}

/// Sends from its handler.
struct Sender;

struct Burst(RpcReplyPort<()>);

impl Actor for Sender {
    type Msg = Burst;
    type State = ActorRef<Letter>;
    type Arguments = ActorRef<Letter>;

    async fn pre_start(
        &self,
        _: ActorRef<Burst>,
        adder: ActorRef<Letter>,
    ) -> Result<ActorRef<Letter>, ActorProcessingErr> {
        Ok(adder)
    }

    async fn handle(
        &self,
        _: ActorRef<Burst>,
        Burst(done): Burst,
        adder: &mut ActorRef<Letter>,
    ) -> Result<(), ActorProcessingErr> {
        for _ in 1..BURST {
            tell(adder);
        }
        done.send(())?;
        Ok(())
    }
}

async fn start() -> ActorRef<Letter> {
    let (adder, _) = Actor::spawn(None, Adder, ()).await.expect("an actor");
    adder
}

fn tell(adder: &ActorRef<Letter>) {
    assert!(adder.cast(Letter::Tell(Note::new())).is_ok());
}

async fn ask(adder: &ActorRef<Letter>) {
    let question = |port| Letter::Ask(Note::new(), port);
    let answer = adder.call(question, None).await;
    assert!(matches!(answer, Ok(CallResult::Success(_))));
}

async fn asks(adder: &ActorRef<Letter>, count: usize) {
    for _ in 0..count {
        ask(adder).await;
    }
}

pub(super) fn tells_on_one_thread(count: usize) -> Duration {
    on_one_thread(async {
        let adder = start().await;
        let spawned = Actor::spawn(None, Sender, adder.clone()).await;
        let (sender, _) = spawned.expect("an actor");
        let took = time(async {
            for _ in 0..count / BURST {
                let done = sender.call(Burst, None).await;
                assert!(matches!(done, Ok(CallResult::Success(()))));
                ask(&adder).await;
            }
        })
        .await;
        sender.stop(None);
        adder.stop(None);
        took
    })
}

pub(super) fn tells_across_threads(count: usize) -> Duration {
    across_threads(start, async |adder: ActorRef<Letter>| {
        for _ in 1..count {
            tell(&adder);
        }
        ask(&adder).await;
        adder.stop(None);
    })
}

pub(super) fn asks_on_one_thread(count: usize) -> Duration {
    on_one_thread(async {
        let adder = start().await;
        let took = time(asks(&adder, count)).await;
        adder.stop(None);
        took
    })
}

pub(super) fn asks_across_threads(count: usize) -> Duration {
    across_threads(start, async move |adder: ActorRef<Letter>| {
        asks(&adder, count).await;
        adder.stop(None);
    })
}

pub(super) fn spawns(count: usize) -> Duration {
    threads::spawns(count, start, ask)
}

/// See [`super::idle`].
pub(super) fn idle(count: usize, started: &dyn Fn()) {
    threads::idle(count, started, start, ask);
}
