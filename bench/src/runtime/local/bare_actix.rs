//! Bare actix, which is libprocess' engine: what names, bounds and monitors cost on top of it. Its
//! mailbox has a bound, but `do_send` passes it.

use std::time::Duration;

use actix::prelude::*;

use super::BURST;
use crate::cores::apart;
use crate::measure::time;
use crate::runtime::{Note, single};

#[derive(Default)]
struct Adder {
    bytes: u64,
}

impl Actor for Adder {
    type Context = Context<Self>;
}

struct Tell(Note);

impl Message for Tell {
    type Result = ();
}

impl Handler<Tell> for Adder {
    type Result = ();

    fn handle(&mut self, Tell(note): Tell, _: &mut Context<Self>) {
        self.bytes += note.0.len() as u64;
    }
}

struct Ask(Note);

impl Message for Ask {
    type Result = u64;
}

impl Handler<Ask> for Adder {
    type Result = u64;

    fn handle(&mut self, Ask(note): Ask, _: &mut Context<Self>) -> u64 {
        self.bytes += note.0.len() as u64;
        self.bytes
    }
}

/// Sends from its handler.
struct Sender(Addr<Adder>);

impl Actor for Sender {
    type Context = Context<Self>;
}

struct Burst;

impl Message for Burst {
    type Result = ();
}

impl Handler<Burst> for Sender {
    type Result = ();

    fn handle(&mut self, Burst: Burst, _: &mut Context<Self>) {
        for _ in 1..BURST {
            self.0.do_send(Tell(Note::new()));
        }
    }
}

async fn ask(adder: &Addr<Adder>) {
    adder.send(Ask(Note::new())).await.expect("an answer");
}

async fn asks(adder: &Addr<Adder>, count: usize) {
    for _ in 0..count {
        ask(adder).await;
    }
}

pub(super) fn tells_on_one_thread(count: usize) -> Duration {
    System::new().block_on(async {
        let adder = Adder::default().start();
        let sender = Sender(adder.clone()).start();
        time(async {
            for _ in 0..count / BURST {
                sender.send(Burst).await.expect("an answer");
                ask(&adder).await;
            }
        })
        .await
    })
}

pub(super) fn tells_across_threads(count: usize) -> Duration {
    across_threads(async |adder| {
        for _ in 1..count {
            adder.do_send(Tell(Note::new()));
        }
        ask(&adder).await;
    })
}

pub(super) fn asks_on_one_thread(count: usize) -> Duration {
    System::new().block_on(async {
        let adder = Adder::default().start();
        time(asks(&adder, count)).await
    })
}

pub(super) fn asks_across_threads(count: usize) -> Duration {
    across_threads(async move |adder| asks(&adder, count).await)
}

async fn several(count: usize) -> Vec<Addr<Adder>> {
    let mut adders = Vec::with_capacity(count);
    for _ in 0..count {
        let adder = Adder::default().start();
        ask(&adder).await;
        adders.push(adder);
    }
    adders
}

pub(super) fn spawns(count: usize) -> Duration {
    System::new().block_on(async { time(several(count)).await })
}

/// See [`super::idle`].
pub(super) fn idle(count: usize, started: &dyn Fn()) {
    System::new().block_on(async {
        let adders = several(count).await;
        started();
        drop(adders);
    });
}

/// actix needs a system of its own on the other thread.
fn across_threads<F>(work: impl FnOnce(Addr<Adder>) -> F) -> Duration
where
    F: Future<Output = ()>,
{
    let (((adder, system), thread), _pinned) = apart(|| {
        let (started, starting) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let system = System::new();
            let adder = system.block_on(async { Adder::default().start() });
            started
                .send((adder, System::current()))
                .expect("a waiting thread");
            system.run().expect("an orderly end");
        });
        (starting.recv().expect("an actor"), thread)
    });
    let took = single().block_on(time(work(adder)));
    system.stop();
    thread.join().expect("an orderly end");
    took
}
