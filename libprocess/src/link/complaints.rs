//! Complaints about peers: all counted, one a second logged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines of the log: a peer must not be able to fill the disk.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Complaints {
    last: Mutex<Option<Instant>>,
    unsaid: AtomicU64,
}

impl Complaints {
    /// Calls `say` if the log may be written to now, with the number of complaints that were not logged
    /// since it was called last.
    pub(super) fn say(&self, say: impl FnOnce(u64)) {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| now < last + PAUSE) {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
            return;
        }
        *last = Some(now);
        drop(last);
        say(self.unsaid.swap(0, Ordering::Relaxed));
    }
}
