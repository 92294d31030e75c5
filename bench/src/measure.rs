//! Measuring contestants fairly: in turns, and by medians.

use std::time::{Duration, Instant};

use crate::condition::Condition;
use crate::cpu;
use crate::options::Part;
use crate::table::{Row, Table, Unit, Wanted};

/// What is measured beside each other and becomes one table.
pub(crate) struct Contest {
    /// By which the command line selects it.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) conditions: &'static [Condition],
    /// No more rounds than this, where one says as much as many.
    pub(crate) rounds: usize,
    /// The first is ours, with whom the others are compared.
    pub(crate) contestants: Vec<Contestant>,
}

/// One way of doing what a table compares.
pub(crate) struct Contestant {
    name: &'static str,
    run: Run,
    wanted: Option<Wanted>,
}

enum Run {
    /// Does so many of it, and tells how long that took.
    Timed(fn(usize) -> Duration, usize),
    /// Measures by itself, in the table's unit; or says why it cannot here.
    Direct(Box<dyn Fn() -> Result<f64, String>>),
}

/// Of a measured count, what the warming up does.
const WARM_UP: usize = 10;

impl Contest {
    pub(crate) fn new(id: &'static str, title: &'static str, unit: Unit) -> Self {
        Self {
            id,
            title,
            unit,
            conditions: &[Condition::Quiet],
            rounds: usize::MAX,
            contestants: Vec::new(),
        }
    }

    /// Measured twice: latencies say nothing without whether the cores slept.
    pub(crate) fn quiet_and_awake(mut self) -> Self {
        self.conditions = &[Condition::Quiet, Condition::Awake];
        self
    }

    /// As [`quiet_and_awake`](Self::quiet_and_awake), with the threads on cores of their own, and once more with all
    /// of them on one.
    pub(crate) fn apart_and_together(mut self) -> Self {
        self.conditions = &[Condition::Quiet, Condition::Awake, Condition::Together];
        self
    }

    /// Measured at most so often.
    pub(crate) fn at_most_rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    pub(crate) fn with(mut self, contestant: Contestant) -> Self {
        self.contestants.push(contestant);
        self
    }

    /// Lets the contestants run in turns, so that a disturbance of the machine meets all of them.
    pub(crate) fn run(mut self, rounds: usize, part: &Part) -> Table {
        self.restrict(part);
        let mut rows: Vec<Row> = self.contestants.iter().map(Contestant::row).collect();
        for condition in self.conditions {
            let held = condition.hold();
            let medians = self.medians(rounds.min(self.rounds));
            drop(held);
            for (row, median) in rows.iter_mut().zip(medians) {
                match median {
                    Ok(value) => {
                        row.values.push(value.figure);
                        row.cpu = row.cpu.or(value.cpu);
                    }
                    Err(why) => {
                        eprintln!("SKIPPED {}: {}: {why}", self.id, row.name);
                        row.skipped = Some(why);
                    }
                }
            }
        }
        Table {
            id: self.id,
            title: self.title,
            unit: self.unit,
            conditions: self.conditions.to_vec(),
            rows,
        }
    }

    fn restrict(&mut self, part: &Part) {
        if part.alone {
            self.contestants.truncate(1);
        }
        if let Some(row) = &part.row {
            self.contestants.retain(|it| it.name.contains(row.as_str()));
            // What is wanted may be said of a row that is left out.
            self.contestants.iter_mut().for_each(|it| it.wanted = None);
        }
        for contestant in &mut self.contestants {
            if let (Run::Timed(_, count), Some(divide)) = (&mut contestant.run, part.divide) {
                *count = (*count / divide).max(1);
            }
        }
    }

    fn medians(&self, rounds: usize) -> Vec<Result<Measured, String>> {
        for contestant in &self.contestants {
            if let Run::Timed(run, count) = contestant.run {
                run((count / WARM_UP).max(1));
            }
        }
        let mut all = vec![Ok(Vec::new()); self.contestants.len()];
        for _ in 0..rounds {
            for (contestant, measured) in self.contestants.iter().zip(&mut all) {
                let Ok(values) = measured else { continue };
                match contestant.measure(self.unit) {
                    Ok(value) => values.push(value),
                    Err(why) => *measured = Err(why),
                }
            }
        }
        let medians = |values: Vec<Measured>| Measured {
            figure: median(values.iter().map(|value| value.figure)),
            cpu: values[0]
                .cpu
                .map(|_| median(values.iter().filter_map(|value| value.cpu))),
        };
        all.into_iter().map(|values| values.map(medians)).collect()
    }
}

/// One contestant's one result.
#[derive(Clone)]
struct Measured {
    /// In the table's unit.
    figure: f64,
    /// Microseconds of processor time that one of what was counted took, in all threads and
    /// processes. It hardly varies with what else the machine does.
    cpu: Option<f64>,
}

impl Contestant {
    /// `run` does `count` of it: about half a second's worth.
    pub(crate) fn timed(name: &'static str, count: usize, run: fn(usize) -> Duration) -> Self {
        Self {
            name,
            run: Run::Timed(run, count),
            wanted: None,
        }
    }

    /// `run` measures by itself, in the unit of the table.
    pub(crate) fn direct(
        name: &'static str,
        run: impl Fn() -> Result<f64, String> + 'static,
    ) -> Self {
        Self {
            name,
            run: Run::Direct(Box::new(run)),
            wanted: None,
        }
    }

    /// What we want to reach in comparison with this one; of ours itself, an absolute figure.
    pub(crate) fn wanted(mut self, wanted: Wanted) -> Self {
        self.wanted = Some(wanted);
        self
    }

    fn measure(&self, unit: Unit) -> Result<Measured, String> {
        match &self.run {
            Run::Timed(run, count) => {
                let before = cpu::used();
                let figure = unit.of(*count, run(*count));
                let used = cpu::used().saturating_sub(before);
                let cpu = Some(used.as_secs_f64() * 1e6 / *count as f64);
                Ok(Measured { figure, cpu })
            }
            Run::Direct(run) => run().map(|figure| Measured { figure, cpu: None }),
        }
    }

    fn row(&self) -> Row {
        Row {
            name: self.name,
            values: Vec::new(),
            cpu: None,
            wanted: self.wanted,
            skipped: None,
        }
    }
}

/// How long `work` takes, without what it takes to drop its result.
pub(crate) async fn time<F: Future>(work: F) -> Duration {
    let start = Instant::now();
    let _result = work.await;
    start.elapsed()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}
