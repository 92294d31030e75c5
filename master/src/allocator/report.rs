//! What the allocator's actor publishes about itself: how often it runs, how long that takes, and
//! the [`Figures`] of its books.

use std::collections::VecDeque;
use std::time::Duration;

use super::Figures;

/// Runs that percentiles are of, as in Mesos: the latest.
const SAMPLES: usize = 1_000;

/// The state of the allocator's actor at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Runs since the start.
    pub runs: u64,
    /// How long the latest ones took.
    pub run: Option<Timing>,
    /// How long they were due before they began.
    pub latency: Option<Timing>,
    /// What the books say.
    pub figures: Figures,
}

/// How long something took, in milliseconds: the latest time, and what the latest ones make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// The latest.
    pub last: f64,
    /// How many times were taken, ever.
    pub count: u64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// So much of them were at most as long, see [`PERCENTILES`].
    pub percentiles: [f64; PERCENTILES.len()],
}

/// The parts that percentiles are of, with Mesos' names for them.
pub const PERCENTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
    ("p9999", 0.9999),
];

/// Times being taken.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    latest: VecDeque<f64>,
    count: u64,
}

impl Stopwatch {
    pub(super) fn note(&mut self, time: Duration) {
        if self.latest.len() == SAMPLES {
            self.latest.pop_front();
        }
        self.latest.push_back(time.as_secs_f64() * 1e3);
        self.count += 1;
    }

    /// `None` if nothing was timed.
    pub(super) fn read(&self) -> Option<Timing> {
        let mut sorted: Vec<f64> = self.latest.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Timing {
            last: *self.latest.back()?,
            count: self.count,
            min: *sorted.first()?,
            max: *sorted.last()?,
            percentiles: PERCENTILES.map(|(_, part)| percentile(&sorted, part)),
        })
    }
}

/// Between two times as far as the part lies between their places.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_times_make_percentiles() {
        let mut watch = Stopwatch::default();
        assert_eq!(watch.read(), None);
        for ms in (0..=SAMPLES as u64).rev() {
            watch.note(Duration::from_millis(ms));
        }
        let timing = watch.read().expect("times");
        let [p50, p90, .., p9999] = timing.percentiles;
        // The first of them, and the longest, is forgotten.
        assert_eq!((timing.count, timing.last), (SAMPLES as u64 + 1, 0.0));
        assert_eq!((timing.min, timing.max), (0.0, 999.0));
        assert_eq!((p50, p90), (499.5, 899.1));
        assert!((p9999 - 998.9001).abs() < 1e-9);
    }
}
