//! Counting what happens in many actors at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

/// Far longer than anything here takes: a benchmark that waits in vain says so.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often something has happened, and when it had happened as often as was waited for.
#[derive(Debug)]
pub(super) struct Tally {
    count: AtomicUsize,
    /// In ascending order.
    marks: Vec<usize>,
    reached: watch::Sender<Vec<Instant>>,
}

impl Tally {
    /// That notes when these counts are reached.
    pub(super) fn new(marks: &[usize]) -> Self {
        Self {
            count: AtomicUsize::new(0),
            marks: marks.to_vec(),
            reached: watch::Sender::new(Vec::new()),
        }
    }

    /// It has happened once more.
    pub(super) fn count(&self) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if self.marks.binary_search(&count).is_ok() {
            self.reached
                .send_modify(|reached| reached.push(Instant::now()));
        }
    }

    /// Waits until it has happened as often as all marks say; when it had by each.
    pub(super) async fn reached(&self) -> Vec<Instant> {
        let mut reached = self.reached.subscribe();
        let all = reached.wait_for(|reached| reached.len() == self.marks.len());
        match timeout(PATIENCE, all).await {
            Ok(reached) => {
                let mut times = reached.expect("a tally that lives").clone();
                // Two that happen at once may note it in either order.
                times.sort();
                times
            }
            Err(_) => panic!(
                "{} of {:?} after {PATIENCE:?}",
                self.count.load(Ordering::Relaxed),
                self.marks
            ),
        }
    }
}
