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
    /// For a look while tuning.
    pub(crate) part: Part,
    /// Name the tables instead of measuring them.
    pub(crate) list: bool,
}

/// What of a table is measured.
#[derive(Default)]
pub(crate) struct Part {
    /// Leave out the peers.
    pub(crate) alone: bool,
    /// Only rows whose name contains this.
    pub(crate) row: Option<String>,
    /// Do only so small a part of the usual count: profilers slow things down.
    pub(crate) divide: Option<usize>,
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
            part: Part::default(),
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
                "--alone" => options.part.alone = true,
                "--row" => options.part.row = Some(arguments.next().ok_or(Mistake)?),
                "--divide" => {
                    let by = arguments.next().and_then(|by| by.parse().ok());
                    options.part.divide = Some(by.filter(|by| *by > 0).ok_or(Mistake)?);
                }
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
            "usage: mesos-bench BENCHMARK [--rounds N] [--only PART]... [--row PART] [--alone] [--divide N] [--json] [--list]

  --rounds N    measure N times and take medians (5)
  --only PART   only tables whose name contains PART
  --row PART    only rows whose name contains PART
  --alone       without the peers
  --divide N    do an Nth of it, for profilers
  --json        one JSON object a table
  --list        only the names of the tables
",
        )
    }
}
