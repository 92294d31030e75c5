//! What is printed: Markdown, so that it can be kept in BENCHMARKS.md as it is.

use std::fmt::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::condition::Condition;

/// Contestants side by side.
pub(crate) struct Table {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) conditions: Vec<Condition>,
    /// The first is ours.
    pub(crate) rows: Vec<Row>,
}

/// One contestant's medians.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// In the order of the table's conditions.
    pub(crate) values: Vec<f64>,
    /// Microseconds of processor time for each.
    pub(crate) cpu: Option<f64>,
    pub(crate) wanted: Option<Wanted>,
    /// Why there are no values.
    pub(crate) skipped: Option<String>,
}

/// What figures mean.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    PerSecond,
    Microseconds,
    Milliseconds,
    Bytes,
    /// Simulated seconds per second.
    #[cfg_attr(not(feature = "sim"), allow(dead_code))]
    TimesReal,
    /// A power.
    #[cfg_attr(not(feature = "allocator"), allow(dead_code))]
    Exponent,
}

/// What we want to reach: of our own row an absolute figure, of another's ours divided by it.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// At least.
    Least(f64),
    /// At most.
    Most(f64),
    /// No more than this above it.
    MoreBy(f64),
}

impl Unit {
    /// The figure of `count` things that took so long together.
    pub(crate) fn of(self, count: usize, took: Duration) -> f64 {
        let seconds = took.as_secs_f64();
        match self {
            Unit::PerSecond => count as f64 / seconds,
            Unit::Microseconds => seconds * 1e6 / count as f64,
            Unit::Milliseconds => seconds * 1e3 / count as f64,
            Unit::Bytes | Unit::TimesReal | Unit::Exponent => {
                unreachable!("not measured by counting")
            }
        }
    }

    fn label(self) -> &'static str {
        match self {
            Unit::PerSecond => "per second",
            Unit::Microseconds => "µs",
            Unit::Milliseconds => "ms",
            Unit::Bytes => "bytes",
            Unit::TimesReal => "× real time",
            Unit::Exponent => "exponent",
        }
    }

    fn format(self, value: f64) -> String {
        match self {
            Unit::PerSecond | Unit::Bytes => grouped(value),
            Unit::Exponent => format!("{value:.2}"),
            Unit::Milliseconds if value < 10.0 => format!("{value:.3}"),
            Unit::Microseconds | Unit::Milliseconds | Unit::TimesReal if value < 100.0 => {
                format!("{value:.1}")
            }
            _ => grouped(value),
        }
    }
}

impl Table {
    /// One object, in a line.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let values = self.conditions.iter().zip(&row.values);
                let values: serde_json::Map<String, Value> = values
                    .map(|(condition, value)| (condition.name().to_owned(), json!(value)))
                    .collect();
                json!({"name": row.name, "values": values, "cpu": row.cpu, "skipped": row.skipped})
            })
            .collect();
        json!({"id": self.id, "title": self.title, "unit": self.unit.label(), "rows": rows})
    }

    fn verdict(&self, row: &Row) -> String {
        let (Some(wanted), Some(own)) = (row.wanted, self.rows.first()) else {
            return String::new();
        };
        let itself = std::ptr::eq(row, own);
        let reached: Vec<bool> = row
            .values
            .iter()
            .zip(&own.values)
            .map(|(value, own)| wanted.reached(*own, (!itself).then_some(*value)))
            .collect();
        if reached.is_empty() {
            return "–".to_owned();
        }
        let names: Vec<&str> = self
            .conditions
            .iter()
            .zip(&reached)
            .filter(|(_, reached)| **reached)
            .map(|(condition, _)| condition.name())
            .collect();
        match names.len() {
            0 => "no".to_owned(),
            count if count == reached.len() => "yes".to_owned(),
            _ => format!("only {}", names.join(", ")),
        }
    }
}

impl Wanted {
    fn reached(self, own: f64, other: Option<f64>) -> bool {
        match (self, other) {
            (Wanted::Least(least), other) => own / other.unwrap_or(1.0) >= least,
            (Wanted::Most(most), other) => own / other.unwrap_or(1.0) <= most,
            (Wanted::MoreBy(more), other) => own - other.unwrap_or(0.0) <= more,
        }
    }

    fn describe(self, own: bool, unit: Unit) -> String {
        let times = if own { "" } else { " times" };
        let plain = |value: f64| {
            match own {
                true => unit.format(value),
                // Two decimals, as the figures have.
                false => ((value * 100.0).round() / 100.0).to_string(),
            }
        };
        match self {
            Wanted::Least(least) => format!("≥ {}{times}", plain(least)),
            Wanted::Most(most) => format!("≤ {}{times}", plain(most)),
            Wanted::MoreBy(more) => format!("≤ {} more", unit.format(more)),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = self.conditions.len() > 1;
        let mut heads = vec![format!("{} (`{}`)", self.title, self.id)];
        for condition in &self.conditions {
            let suffix = if several { condition.name() } else { "" };
            heads.push(format!("{} {suffix}", self.unit.label()).trim().to_owned());
        }
        for condition in &self.conditions {
            let suffix = if several { condition.name() } else { "" };
            heads.push(format!("ours is {suffix}").trim().to_owned());
        }
        let with_cpu = self.rows.iter().any(|row| row.cpu.is_some());
        if with_cpu {
            heads.push("µs of CPU each".to_owned());
        }
        heads.push("wanted".to_owned());
        heads.push("reached".to_owned());

        let mut lines = vec![heads];
        for (index, row) in self.rows.iter().enumerate() {
            let mut cells = vec![row.name.to_owned()];
            for at in 0..self.conditions.len() {
                let value = row.values.get(at);
                cells.push(value.map_or("–".to_owned(), |value| self.unit.format(*value)));
            }
            for at in 0..self.conditions.len() {
                let own = self.rows.first().and_then(|own| own.values.get(at));
                cells.push(match (own, row.values.get(at)) {
                    (Some(own), Some(value)) if index > 0 => format!("{:.2} times", own / value),
                    _ => String::new(),
                });
            }
            if with_cpu {
                cells.push(row.cpu.map_or("–".to_owned(), |cpu| format!("{cpu:.2}")));
            }
            let wanted = row.wanted;
            cells.push(wanted.map_or(String::new(), |it| it.describe(index == 0, self.unit)));
            cells.push(self.verdict(row));
            lines.push(cells);
        }
        f.write_str(&aligned(&lines))
    }
}

/// Markdown whose columns also stand below each other as text.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = match at {
                0 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if index == 0 {
            for (at, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width + 1);
                text.push_str(&match at {
                    0 => format!("|:{dashes}"),
                    _ => format!("|{dashes}:"),
                });
            }
            text.push_str("|\n");
        }
    }
    text
}

/// With thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
