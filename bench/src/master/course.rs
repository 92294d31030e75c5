//! One task whose agent tells of it again and again: how long each update takes on its way through the master.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Between two updates: some hundred a second, as a cluster with short tasks has them.
pub(super) const EVERY: Duration = Duration::from_millis(2);

/// The ways of updates.
#[derive(Debug)]
pub(super) struct Course {
    run: Mutex<Run>,
    /// How many are still to be sent.
    left: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Run {
    sent: Option<Instant>,
    took: Vec<Duration>,
}

impl Course {
    pub(super) fn new() -> Self {
        Self {
            run: Mutex::default(),
            left: watch::Sender::new(0),
        }
    }

    /// How long each of so many takes, from the agent until the framework has it.
    pub(super) async fn measure(&self, updates: usize) -> Vec<Duration> {
        let mut left = self.left.subscribe();
        self.left.send_replace(updates);
        let over = left.wait_for(|left| *left == 0).await;
        drop(over.expect("a course that lives"));
        std::mem::take(&mut self.lock().took)
    }

    /// Tells of every change of whether updates are wanted.
    pub(super) fn wanted(&self) -> watch::Receiver<usize> {
        self.left.subscribe()
    }

    /// One is sent now.
    pub(super) fn sent(&self) {
        self.lock().sent = Some(Instant::now());
    }

    /// It has arrived.
    pub(super) fn arrived(&self) {
        let mut run = self.lock();
        if let Some(sent) = run.sent.take() {
            run.took.push(sent.elapsed());
            drop(run);
            self.left.send_modify(|left| *left = left.saturating_sub(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
