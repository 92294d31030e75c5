//! What is printed: Markdown, so that it can be kept in BENCHMARKS.md as it is.

use std::fmt;

/// Contestants side by side.
pub(crate) struct Table {
    pub(crate) title: &'static str,
    /// Whose figure the first row is.
    pub(crate) own: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// One contestant's median.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Per second.
    pub(crate) rate: f64,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.rows.first().map_or(1.0, |row| row.rate);
        writeln!(
            f,
            "| {:<44} | {:>12} | {:>18} |",
            self.title,
            "per second",
            format!("{} is", self.own)
        )?;
        writeln!(f, "|:{:-<45}|{:->13}:|{:->19}:|", "", "", "")?;
        for Row { name, rate } in &self.rows {
            let ratio = format!("{:.2} times", own / rate);
            writeln!(f, "| {name:<44} | {:>12} | {ratio:>18} |", grouped(*rate))?;
        }
        Ok(())
    }
}

/// With thousands apart.
fn grouped(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
