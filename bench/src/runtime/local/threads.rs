//! The threads that all contestants run on alike.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::cores::apart;
use crate::measure::time;
use crate::runtime::single;

/// How long `work` takes where everything is on this one thread. It is timed by itself, since what
/// it needs is built there first.
pub(super) fn on_one_thread(work: impl Future<Output = Duration>) -> Duration {
    LocalSet::new().block_on(&single(), work)
}

/// How long it takes to start so many receivers on one thread, each of which answers once.
pub(super) fn spawns<R>(
    count: usize,
    start: impl AsyncFn() -> R,
    ask: impl AsyncFn(&R),
) -> Duration {
    on_one_thread(async { time(several(count, start, ask)).await })
}

/// Starts so many on one thread, and calls back while all of them live; see [`super::idle`].
pub(super) fn idle<R>(
    count: usize,
    started: &dyn Fn(),
    start: impl AsyncFn() -> R,
    ask: impl AsyncFn(&R),
) {
    on_one_thread(async {
        let all = several(count, start, ask).await;
        started();
        drop(all);
        Duration::ZERO
    });
}

async fn several<R>(count: usize, start: impl AsyncFn() -> R, ask: impl AsyncFn(&R)) -> Vec<R> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let receiver = start().await;
        ask(&receiver).await;
        all.push(receiver);
    }
    all
}

/// How long `work` takes on this thread with what `make` makes on another.
pub(super) fn across_threads<R, M, W>(
    make: impl FnOnce() -> M + Send + 'static,
    work: impl FnOnce(R) -> W,
) -> Duration
where
    R: Send + 'static,
    M: Future<Output = R>,
    W: Future<Output = ()>,
{
    let ((receiver, other), _pinned) = apart(|| Other::start(make));
    let took = single().block_on(async {
        let start = Instant::now();
        work(receiver).await;
        start.elapsed()
    });
    other.stop();
    took
}

/// Another thread with a runtime of its own.
struct Other {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Other {
    fn start<R, M>(make: impl FnOnce() -> M + Send + 'static) -> (R, Self)
    where
        R: Send + 'static,
        M: Future<Output = R>,
    {
        let (made, making) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            single().block_on(async {
                made.send(make().await).expect("a waiting thread");
                let _ = stopped.await;
            });
        });
        let receiver = making.recv().expect("a receiver");
        (receiver, Self { stop, thread })
    }

    fn stop(self) {
        let _ = self.stop.send(());
        self.thread.join().expect("an orderly end");
    }
}
