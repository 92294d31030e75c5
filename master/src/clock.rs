//! Wall-clock time that moves with the runtime's clock, so that a simulation moves it too.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::state::Timestamp;

/// The time at one instant; all others follow from it. Steps of the machine's clock while the
/// master runs are not followed: timers and timestamps stay in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    time: Timestamp,
}

impl Clock {
    /// A clock that shows `time` at `instant`; the machine's time if none is given.
    pub(crate) fn new(instant: Instant, time: Option<Timestamp>) -> Clock {
        Clock {
            instant,
            time: time.unwrap_or_else(machine_time),
        }
    }

    /// The time at `instant`.
    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        self.time + instant.saturating_duration_since(self.instant)
    }
}

fn machine_time() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanos(0) + since_epoch
}
