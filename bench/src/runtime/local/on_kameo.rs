//! kameo, with a mailbox as bounded as ours.

use std::convert::Infallible;
use std::time::Duration;

use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};

use super::threads::{self, across_threads, on_one_thread};
use super::{BOUND, BURST};
use crate::measure::time;
use crate::runtime::Note;

#[derive(Default)]
struct Adder {
    bytes: u64,
}

impl Actor for Adder {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(adder: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(adder)
    }
}

struct Tell(Note);

impl Message<Tell> for Adder {
    type Reply = ();

    async fn handle(&mut self, Tell(note): Tell, _: &mut Context<Self, ()>) {
        self.bytes += note.0.len() as u64;
    }
}

struct Ask(Note);

impl Message<Ask> for Adder {
    type Reply = u64;

    async fn handle(&mut self, Ask(note): Ask, _: &mut Context<Self, u64>) -> u64 {
        self.bytes += note.0.len() as u64;
        self.bytes
    }
}

/// Sends from its handler.
struct Sender(ActorRef<Adder>);

impl Actor for Sender {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(sender: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(sender)
    }
}

struct Burst;

impl Message<Burst> for Sender {
    type Reply = ();

    async fn handle(&mut self, Burst: Burst, _: &mut Context<Self, ()>) {
        for _ in 1..BURST {
            tell(&self.0).await;
        }
    }
}

fn start() -> ActorRef<Adder> {
    Adder::spawn_with_mailbox(Adder::default(), mailbox::bounded(BOUND))
}

async fn tell(adder: &ActorRef<Adder>) {
    let told = adder.tell(Tell(Note::new())).await;
    assert!(told.is_ok());
}

async fn ask(adder: &ActorRef<Adder>) {
    let answer = adder.ask(Ask(Note::new())).await;
    assert!(answer.is_ok());
}

async fn asks(adder: &ActorRef<Adder>, count: usize) {
    for _ in 0..count {
        ask(adder).await;
    }
}

pub(super) fn tells_on_one_thread(count: usize) -> Duration {
    on_one_thread(async {
        let adder = start();
        let sender = Sender::spawn_with_mailbox(Sender(adder.clone()), mailbox::bounded(BOUND));
        time(async {
            for _ in 0..count / BURST {
                assert!(sender.ask(Burst).await.is_ok());
                ask(&adder).await;
            }
        })
        .await
    })
}

pub(super) fn tells_across_threads(count: usize) -> Duration {
    across_threads(
        async || start(),
        async |adder: ActorRef<Adder>| {
            for _ in 1..count {
                tell(&adder).await;
            }
            ask(&adder).await;
        },
    )
}

pub(super) fn asks_on_one_thread(count: usize) -> Duration {
    on_one_thread(async {
        let adder = start();
        time(asks(&adder, count)).await
    })
}

pub(super) fn asks_across_threads(count: usize) -> Duration {
    across_threads(
        async || start(),
        async move |adder: ActorRef<Adder>| {
            asks(&adder, count).await;
        },
    )
}

pub(super) fn spawns(count: usize) -> Duration {
    threads::spawns(count, async || start(), ask)
}

/// See [`super::idle`].
pub(super) fn idle(count: usize, started: &dyn Fn()) {
    threads::idle(count, started, async || start(), ask);
}
