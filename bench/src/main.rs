//! Benchmarks. Each is measured beside its peers in the same run, because a rate means little
//! without the machine it was measured on; a ratio does.
//!
//! ```text
//! cargo run --release -p mesos-bench -- runtime      messages between actors
//! cargo run --release -p mesos-bench -- sim          simulated worlds
//! cargo run --release -p mesos-bench -- allocator    runs of the allocator
//! cargo run --release -p mesos-bench -- master       failovers, launches, reads and admissions of large clusters
//! cargo run --release -p mesos-bench -- launch       tasks on one agent
//! cargo run --release -p mesos-bench -- resources    arithmetic of resources
//! ```
//!
//! While tuning libprocess, `--no-default-features` leaves the cluster's crates unbuilt, and
//! `runtime --only local-tell --alone --rounds 3` measures one table's first row.
//!
//! A benchmark is a folder with one file per contestant; it returns [`measure::Contest`]s. To add one,
//! give it a line in `BENCHMARKS`.

#[cfg(feature = "allocator")]
mod allocator;
mod child;
mod condition;
mod cores;
mod cpu;
#[cfg(feature = "cluster")]
mod launch;
#[cfg(feature = "master")]
mod master;
mod measure;
mod memory;
mod options;
#[cfg(feature = "resources")]
mod resources;
mod runtime;
#[cfg(any(feature = "allocator", feature = "master"))]
mod samples;
#[cfg(feature = "sim")]
mod simulation;
mod table;

use std::process::ExitCode;

use measure::Contest;
use options::Options;

/// What makes a benchmark's tables.
type Benchmark = fn() -> Vec<Contest>;

const BENCHMARKS: &[(&str, &str, Benchmark)] = &[
    (
        "runtime",
        "what actors cost, near and far",
        runtime::contests,
    ),
    #[cfg(feature = "sim")]
    (
        "sim",
        "how fast simulated worlds run, and what their nodes cost",
        simulation::contests,
    ),
    #[cfg(feature = "allocator")]
    (
        "allocator",
        "what a run of the allocator costs",
        allocator::contests,
    ),
    #[cfg(feature = "master")]
    (
        "master",
        "failovers, launches, reads and admissions of large clusters",
        master::contests,
    ),
    #[cfg(feature = "cluster")]
    (
        "launch",
        "tasks per second on one agent; needs `cargo build --release` before",
        launch::contests,
    ),
    #[cfg(feature = "resources")]
    (
        "resources",
        "parsing, adding, subtracting and comparing resources",
        resources::contests,
    ),
];

/// As in the daemon, where it is the daemon that is measured. libprocess is measured with the system's, as its peers are.
#[cfg(any(feature = "allocator", feature = "master"))]
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((play, rest)) = role(&arguments) {
        play(rest);
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(mistake) => return usage(&mistake),
    };
    let benchmark = BENCHMARKS.iter().find(|it| it.0 == options.benchmark);
    let Some((.., contests)) = benchmark else {
        return usage(&options::Mistake);
    };
    if cfg!(debug_assertions) {
        eprintln!("This is a debug build: run it with --release for figures that mean something.");
    }
    for contest in contests() {
        if !options.includes(contest.id) {
            continue;
        }
        if options.list {
            println!("{:<24} {}", contest.id, contest.title);
            continue;
        }
        let table = contest.run(options.rounds, &options.part);
        if options.json {
            println!("{}", table.json());
        } else {
            println!("{table}");
        }
    }
    ExitCode::SUCCESS
}

/// What to play, and the arguments for it.
type Part<'a> = (fn(&[String]), &'a [String]);

/// What this process does for another one of this program.
fn role(arguments: &[String]) -> Option<Part<'_>> {
    let (name, rest) = arguments.split_first()?;
    let mut roles = runtime::roles();
    #[cfg(feature = "sim")]
    roles.extend(simulation::roles());
    #[cfg(feature = "allocator")]
    roles.push(allocator::ROLE);
    #[cfg(feature = "master")]
    roles.extend([master::READERS, master::LEADER]);
    roles.push(condition::SPIN);
    let found = roles.into_iter().find(|role| role.0 == name)?;
    Some((found.1, rest))
}

fn usage(mistake: &options::Mistake) -> ExitCode {
    eprintln!("{mistake}");
    for (name, about, _) in BENCHMARKS {
        eprintln!("  {name:<10} {about}");
    }
    ExitCode::from(2)
}
