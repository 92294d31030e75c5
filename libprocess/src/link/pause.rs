//! Pauses after failed attempts to connect.
//!
//! Whoever sends to a node that cannot be reached learns so after one attempt. Those who send again within
//! the pause that follows learn it at once, without another attempt; so a node that is down costs its peers
//! a handful of datagrams now and then, however many actors talk to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

/// The longest pause after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_millis(100);

/// The longest pause: what a node that has just returned may have to wait for its peers, unless it
/// speaks first.
const LONGEST: Duration = Duration::from_secs(2);

/// A node that was left in peace for so long is like one that was never tried.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Addresses remembered. Beyond, those whose pause is over are forgotten, or else there is no pause.
const ADDRESSES: usize = 4096;

/// The addresses at which nobody could be reached lately.
#[derive(Default)]
pub(super) struct Pauses {
    at: BTreeMap<SocketAddr, Pause>,
}

#[derive(Clone, Copy)]
struct Pause {
    failures: u32,
    until: Instant,
}

impl Pauses {
    /// Whether there is to be no attempt now.
    pub(super) fn holds(&self, address: SocketAddr, now: Instant) -> bool {
        self.at.get(&address).is_some_and(|pause| now < pause.until)
    }

    /// An attempt failed: there is a pause, of a length between half and the whole of what the number of
    /// failures calls for, so that nodes that lost the same peer do not return all at once.
    pub(super) fn failed(&mut self, address: SocketAddr, now: Instant, random: &mut impl Rng) {
        if self.at.len() >= ADDRESSES && !self.at.contains_key(&address) {
            self.at.retain(|_, pause| now < pause.until);
            if self.at.len() >= ADDRESSES {
                return;
            }
        }
        let pause = self.at.entry(address).or_insert(Pause {
            failures: 0,
            until: now,
        });
        if now > pause.until + FORGOTTEN {
            pause.failures = 0;
        }
        // Doubled at most ten times: far beyond the longest, far from an overflow.
        let whole = LONGEST.min(FIRST * (1 << pause.failures.min(10)));
        pause.failures = pause.failures.saturating_add(1);
        pause.until = now + whole.mul_f64(random.random_range(0.5..=1.0));
    }

    /// There is a link with this node, or it wants one.
    pub(super) fn reached(&mut self, address: SocketAddr) {
        self.at.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_with_jitter_and_end_with_success() {
        let mut random = StdRng::seed_from_u64(1);
        let address = "10.0.0.1:5050".parse().unwrap();
        let (mut pauses, start) = (Pauses::default(), Instant::now());
        let mut now = start;
        let mut lengths = Vec::new();
        for _ in 0..20 {
            pauses.failed(address, now, &mut random);
            assert!(pauses.holds(address, now));
            let length = pauses.at[&address].until - now;
            lengths.push(length);
            now += length;
            assert!(!pauses.holds(address, now));
        }
        for (failures, length) in lengths.iter().enumerate() {
            let whole = LONGEST.min(FIRST * (1 << failures.min(10)));
            assert!(*length <= whole && *length >= whole / 2, "{failures}");
        }
        let last = &lengths[10..];
        assert!(last.iter().any(|length| *length != last[0]), "no jitter");

        pauses.failed(address, now, &mut random);
        pauses.reached(address);
        assert!(!pauses.holds(address, now));
        pauses.failed(address, now, &mut random);
        assert!(pauses.at[&address].until <= now + FIRST);
        pauses.failed(address, now + 2 * FORGOTTEN, &mut random);
        assert!(pauses.at[&address].until <= now + 2 * FORGOTTEN + FIRST);
    }

    #[test]
    fn addresses_are_remembered_up_to_a_bound() {
        let mut random = StdRng::seed_from_u64(1);
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        let address = |port: u32| SocketAddr::from(([10, 0, (port >> 8) as u8, port as u8], 1));
        for port in 0..ADDRESSES as u32 + 100 {
            pauses.failed(address(port), now, &mut random);
        }
        assert_eq!(pauses.at.len(), ADDRESSES);
        pauses.failed(address(60_000), now + LONGEST, &mut random);
        assert_eq!(pauses.at.len(), 1);
    }
}
