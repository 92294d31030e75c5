//! What went wrong, and how often.

use std::collections::BTreeMap;
use std::fmt;

/// Misfortunes by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// One more of a kind.
    pub fn add(&mut self, kind: String) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// Those of another run, too.
    pub fn extend(&mut self, other: &Tally) {
        for (kind, count) in &other.0 {
            *self.0.entry(kind.clone()).or_default() += count;
        }
    }

    /// How many of a kind there were.
    pub fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    /// In one line, kinds by their names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (kind, count) in &self.0 {
            write!(f, "{separator}{kind} {count}")?;
            separator = ", ";
        }
        Ok(())
    }
}
