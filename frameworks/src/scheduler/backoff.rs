//! How long to wait before the next attempt to subscribe.

use std::time::Duration;

use rand::Rng;

/// The first wait is up to this: a master that only restarted is back within a fraction of a second.
const FIRST: Duration = Duration::from_millis(250);
/// As long as a new leader reads its registry, which is done within some tens of milliseconds unless there is very much of it.
const WHILE_READING: Duration = Duration::from_millis(25);
/// No wait is longer: a framework whose failover timeout is a minute must get several attempts.
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling waits with full jitter, so that a thousand frameworks do not return in one moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Begins anew after a success, or with another master.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next wait: random in [0, 250 ms × 2ⁿ], at most 10 s.
    pub(super) fn next(&mut self, random: &mut impl Rng) -> Duration {
        self.next_of(FIRST, random)
    }

    /// The next wait for a master that is there, and reads its registry: random in [0, 25 ms × 2ⁿ], at most 10 s.
    pub(super) fn next_while_reading(&mut self, random: &mut impl Rng) -> Duration {
        self.next_of(WHILE_READING, random)
    }

    fn next_of(&mut self, first: Duration, random: &mut impl Rng) -> Duration {
        let bound = first
            .saturating_mul(1 << self.attempts.min(16))
            .min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        bound.mul_f64(random.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn waits_double_to_a_bound_and_begin_small_with_a_master_that_reads_its_registry() {
        let mut random = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        let mut longest = |waits: u32, next: fn(&mut Backoff, &mut StdRng) -> Duration| {
            backoff.reset();
            let waits = (0..waits).map(|_| next(&mut backoff, &mut random));
            waits.max().unwrap_or_default()
        };
        for _ in 0..100 {
            assert!(longest(1, Backoff::next) <= FIRST);
            assert!(longest(3, Backoff::next_while_reading) <= WHILE_READING * 4);
            let many = longest(100, Backoff::next);
            assert!((LONGEST / 2..=LONGEST).contains(&many), "{many:?}");
        }
    }
}
