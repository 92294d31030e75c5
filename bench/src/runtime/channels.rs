//! Bare tokio channels: what a task with a queue costs if nothing is abstracted.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{Note, runtime};
use crate::measure::time;

/// As large as the mailbox of an actor.
const BOUND: usize = 65_536;

pub(super) fn tells(count: usize) -> Duration {
    let (notes, mut queue) = mpsc::channel::<Note>(BOUND);
    let (finish, finished) = oneshot::channel();
    beside(
        async move {
            let mut bytes = 0;
            while let Some(note) = queue.recv().await {
                bytes += note.0.len();
            }
            finish.send(bytes).expect("a waiting sender");
        },
        async move {
            for _ in 0..count {
                notes.send(Note::new()).await.expect("a receiver");
            }
            drop(notes);
            finished.await.expect("the receiver's sum");
        },
    )
}

pub(super) fn asks(count: usize) -> Duration {
    let (questions, mut queue) = mpsc::channel::<(Note, oneshot::Sender<u64>)>(BOUND);
    beside(
        async move {
            while let Some((note, answer)) = queue.recv().await {
                let _ = answer.send(note.0.len() as u64);
            }
        },
        async move {
            for _ in 0..count {
                let (answer, waiting) = oneshot::channel();
                let question = (Note::new(), answer);
                questions.send(question).await.expect("a receiver");
                waiting.await.expect("an answer");
            }
        },
    )
}

/// How long `work` takes, while `receiver` runs on a thread of its own, as an actor does.
fn beside(
    receiver: impl Future<Output = ()> + Send + 'static,
    work: impl Future<Output = ()>,
) -> Duration {
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(receiver);
    });
    let took = runtime().block_on(time(work));
    thread.join().expect("an orderly end");
    took
}
