//! How long to wait before the next attempt to subscribe.

use std::time::Duration;

use rand::Rng;

/// The first wait is up to this: a master that only restarted is back within a fraction of a second.
const FIRST: Duration = Duration::from_millis(250);
/// No wait is longer: a framework whose failover timeout is a minute must get several attempts.
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling waits with full jitter, so that a thousand frameworks do not return in one moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Begins anew after a success.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next wait: random in [0, 250 ms × 2ⁿ], at most 10 s.
    pub(super) fn next(&mut self, random: &mut impl Rng) -> Duration {
        let bound = FIRST
            .saturating_mul(1 << self.attempts.min(16))
            .min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        bound.mul_f64(random.random::<f64>())
    }
}
