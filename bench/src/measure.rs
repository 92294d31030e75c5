//! Measuring contestants fairly: in turns, and by medians.

use std::time::{Duration, Instant};

use crate::table::{Row, Table};

/// One way of doing what a table compares.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// Does `count` of it, and tells how long that took.
    pub(crate) run: fn(count: usize) -> Duration,
    /// How many per round: about half a second's worth.
    pub(crate) count: usize,
}

/// Lets the contestants run in turns, so that a disturbance of the machine meets all of them. The
/// first is what the others are compared with.
pub(crate) fn compete(title: &'static str, rounds: usize, contestants: &[Contestant]) -> Table {
    let mut rates = vec![Vec::new(); contestants.len()];
    for round in 0..=rounds {
        for (contestant, rates) in contestants.iter().zip(&mut rates) {
            let took = (contestant.run)(contestant.count);
            // The first round warms up.
            if round > 0 {
                rates.push(contestant.count as f64 / took.as_secs_f64());
            }
        }
    }
    let rows = contestants
        .iter()
        .zip(rates)
        .map(|(contestant, rates)| Row {
            name: contestant.name,
            rate: median(rates),
        });
    Table {
        title,
        own: "libprocess",
        rows: rows.collect(),
    }
}

/// How long `work` takes.
pub(crate) async fn time<F: Future>(work: F) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}
