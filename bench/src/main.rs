//! Benchmarks. Each is measured beside its peers in the same run, because a rate means little
//! without the machine it was measured on; a ratio does.
//!
//! ```text
//! cargo run --release -p mesos-bench -- runtime      messages between actors
//! cargo run --release -p mesos-bench -- launch       tasks on one agent
//! ```
//!
//! A benchmark is a folder with one file per contestant; it returns [`table::Table`]s. To add one,
//! give it a line in `BENCHMARKS`.

mod launch;
mod measure;
mod runtime;
mod table;

use std::process::ExitCode;

use table::Table;

/// What makes a benchmark's tables, given how many rounds to measure.
type Benchmark = fn(rounds: usize) -> Vec<Table>;

const BENCHMARKS: [(&str, &str, Benchmark); 2] = [
    (
        "runtime",
        "tells and asks per second, local and remote",
        runtime::run,
    ),
    (
        "launch",
        "tasks per second on one agent; needs `cargo build --release` before",
        launch::run,
    ),
];

/// Enough for a median that one disturbance does not move.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rounds) = match arguments.as_slice() {
        [name] => (name, Some(ROUNDS)),
        [name, flag, rounds] if flag == "--rounds" => (name, rounds.parse().ok()),
        _ => return usage(),
    };
    let benchmark = BENCHMARKS.iter().find(|(known, ..)| known == name);
    let (Some((.., benchmark)), Some(rounds)) = (benchmark, rounds) else {
        return usage();
    };
    if cfg!(debug_assertions) {
        eprintln!("This is a debug build: run it with --release for figures that mean something.");
    }
    for table in benchmark(rounds.max(1)) {
        println!("{table}");
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: mesos-bench BENCHMARK [--rounds N]\n");
    for (name, about, _) in BENCHMARKS {
        eprintln!("  {name:<10} {about}");
    }
    ExitCode::from(2)
}
