//! Bare tokio: a task with a bounded channel, and a oneshot channel for each answer. What is left if
//! nothing is abstracted.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::threads::{self, across_threads, on_one_thread};
use super::{BOUND, BURST};
use crate::measure::time;
use crate::runtime::Note;

enum Letter {
    Tell(Note),
    Ask(Note, oneshot::Sender<u64>),
}

type Adder = mpsc::Sender<Letter>;

/// The task in place of an actor.
fn start() -> Adder {
    let (letters, mut queue) = mpsc::channel(BOUND);
    tokio::spawn(async move {
        let mut bytes = 0;
        while let Some(letter) = queue.recv().await {
            match letter {
                Letter::Tell(note) => bytes += note.0.len() as u64,
                Letter::Ask(note, answer) => {
                    bytes += note.0.len() as u64;
                    let _ = answer.send(bytes);
                }
            }
        }
    });
    letters
}

async fn tell(adder: &Adder) {
    let told = adder.send(Letter::Tell(Note::new())).await;
    assert!(told.is_ok());
}

async fn ask(adder: &Adder) {
    let (answer, waiting) = oneshot::channel();
    let asked = adder.send(Letter::Ask(Note::new(), answer)).await;
    assert!(asked.is_ok());
    waiting.await.expect("an answer");
}

async fn asks(adder: &Adder, count: usize) {
    for _ in 0..count {
        ask(adder).await;
    }
}

pub(super) fn tells_on_one_thread(count: usize) -> Duration {
    on_one_thread(async {
        let adder = start();
        time(async {
            for _ in 0..count / BURST {
                for _ in 1..BURST {
                    tell(&adder).await;
                }
                ask(&adder).await;
            }
        })
        .await
    })
}

pub(super) fn tells_across_threads(count: usize) -> Duration {
    across_threads(
        async || start(),
        async |adder: Adder| {
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
        async move |adder: Adder| asks(&adder, count).await,
    )
}

pub(super) fn spawns(count: usize) -> Duration {
    threads::spawns(count, async || start(), ask)
}

/// See [`super::idle`].
pub(super) fn idle(count: usize, started: &dyn Fn()) {
    threads::idle(count, started, async || start(), ask);
}
