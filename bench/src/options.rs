//! The command line.

use std::fmt;

/// What is asked for.
pub(crate) struct Options {
    pub(crate) benchmark: String,
    pub(crate) rounds: usize,
    /// Only tables whose name contains one of these; all if there are none.
    only: Vec<String>,
    /// Print one JSON object a table and line instead of Markdown.
    pub(crate) json: bool,
    /// Leave out the peers: for a look while tuning.
    pub(crate) alone: bool,
    /// Name the tables instead of measuring them.
    pub(crate) list: bool,
}

/// Enough for a median that one disturbance does not move.
const ROUNDS: usize = 5;

impl Options {
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, Mistake> {
        let mut arguments = arguments.into_iter();
        let mut options = Options {
            benchmark: arguments.next().ok_or(Mistake)?,
            rounds: ROUNDS,
            only: Vec::new(),
            json: false,
            alone: false,
            list: false,
        };
        while let Some(flag) = arguments.next() {
            match flag.as_str() {
                "--rounds" => {
                    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
                    options.rounds = rounds.filter(|rounds| *rounds > 0).ok_or(Mistake)?;
                }
                "--only" => options.only.push(arguments.next().ok_or(Mistake)?),
                "--json" => options.json = true,
                "--alone" => options.alone = true,
                "--list" => options.list = true,
                _ => return Err(Mistake),
            }
        }
        Ok(options)
    }

    pub(crate) fn includes(&self, table: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| table.contains(part.as_str()))
    }
}

/// A command line that is none.
pub(crate) struct Mistake;

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "usage: mesos-bench BENCHMARK [--rounds N] [--only PART]... [--alone] [--json] [--list]

  --rounds N    measure N times and take medians (5)
  --only PART   only tables whose name contains PART
  --alone       without the peers
  --json        one JSON object a table
  --list        only the names of the tables
",
        )
    }
}
