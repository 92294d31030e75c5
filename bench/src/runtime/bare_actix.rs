//! Bare actix, which is libprocess' engine: what names, bounds and monitors cost on top of it.

use std::time::Duration;

use actix::prelude::*;

use super::{Note, runtime};
use crate::measure::time;

#[derive(Default)]
struct Adder {
    bytes: u64,
}

impl Actor for Adder {
    type Context = Context<Self>;
}

struct Tell(Note);

impl Message for Tell {
    type Result = u64;
}

impl Handler<Tell> for Adder {
    type Result = u64;

    fn handle(&mut self, Tell(note): Tell, _: &mut Context<Self>) -> u64 {
        self.bytes += note.0.len() as u64;
        self.bytes
    }
}

pub(super) fn tells(count: usize) -> Duration {
    with_adder(|adder| async move {
        for _ in 1..count {
            adder.do_send(Tell(Note::new()));
        }
        adder.send(Tell(Note::new())).await.expect("an answer");
    })
}

pub(super) fn asks(count: usize) -> Duration {
    with_adder(|adder| async move {
        for _ in 0..count {
            adder.send(Tell(Note::new())).await.expect("an answer");
        }
    })
}

/// The actor lives on another thread than its caller, as with the other contestants.
fn with_adder<F, W>(work: W) -> Duration
where
    W: FnOnce(Addr<Adder>) -> F,
    F: Future<Output = ()>,
{
    let (started, starting) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let system = System::new();
        let adder = system.block_on(async { Adder::default().start() });
        started
            .send((adder, System::current()))
            .expect("a waiting thread");
        system.run().expect("an orderly end");
    });
    let (adder, system) = starting.recv().expect("an actor");
    let took = runtime().block_on(time(work(adder)));
    system.stop();
    thread.join().expect("an orderly end");
    took
}
