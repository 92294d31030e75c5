//! Looks for histories that break a simulated cluster: one seed after the other, each with misfortunes of its own.
//!
//! ```text
//! cargo run -p tests --bin soak -- --seeds 1000 --from 5000
//! ```
//!
//! Of a seed that fails it shows the shortest run of misfortunes that does, what does not hold, the last messages, and
//! the command that repeats it. A seed is worth as much as the next; only how many were tried counts.

use std::io::{IsTerminal, Write, stderr};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::Parser;
use mesos::historic::{Historic, Museum};
use mesos_tests::sim::{Failure, Scenario, Tally, exhibit, search, survey};

/// Lets clusters live through random misfortunes in virtual time, until one does not survive as it must.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to try.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Misfortunes in each run.
    #[arg(long, default_value_t = Scenario::default().steps)]
    steps: usize,
    /// Masters in each cluster; one or three, by the seed, unless said.
    #[arg(long, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=9))]
    masters: Option<usize>,
    /// One service only, and no operator.
    #[arg(long)]
    small: bool,
    /// Agents in each cluster.
    #[arg(long, default_value_t = Scenario::default().agents, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=200))]
    agents: usize,
    /// Tasks that the first service keeps running.
    #[arg(long, default_value_t = Scenario::default().tasks)]
    tasks: usize,
    /// Puts a failure of old on show, by its number (B8), to see it found.
    #[arg(long, value_parser = exhibit)]
    historic: Option<Historic>,
    /// Seeds tried at a time; as many as there are processors unless said.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Tries all seeds whatever fails, and says of each that does no more than what does not hold.
    #[arg(long)]
    survey: bool,
    /// Tells the outcome as one line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let scenario = Scenario {
        masters: arguments.masters,
        small: arguments.small,
        agents: arguments.agents,
        tasks: arguments.tasks,
        steps: arguments.steps,
        museum: arguments
            .historic
            .map_or_else(Museum::default, Museum::showing),
    };
    let threads = arguments
        .threads
        .or_else(|| std::thread::available_parallelism().ok())
        .map_or(1, NonZero::get);
    let began = Instant::now();
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    // A run that fails says so by a panic, which is told once, by us.
    let tally = Mutex::default();
    std::panic::set_hook(Box::new(|_| {}));
    if arguments.survey {
        let failed = AtomicU64::new(0);
        survey(scenario, seeds, threads, &tally, |failure| {
            let Failure { seed, why, .. } = failure;
            failed.fetch_add(1, Ordering::Relaxed);
            println!("seed {seed} fails: {why}");
        });
        println!("{}", told(&tally));
        println!(
            "{} of {} seeds failed",
            failed.load(Ordering::Relaxed),
            arguments.seeds
        );
        return ExitCode::from(u8::from(failed.into_inner() > 0));
    }
    let failure = search(scenario, seeds.clone(), threads, &tally, |done| {
        progress(done, arguments.seeds, began);
    });
    if stderr().is_terminal() {
        eprintln!();
    }
    match &failure {
        Some(failure) if arguments.json => println!("{}", as_json(failure)),
        Some(failure) => println!("{failure}"),
        None if arguments.json => {
            println!(
                "{}",
                serde_json::json!({ "seeds": arguments.seeds, "failed": null })
            );
        }
        None => println!(
            "{} seeds from {} on, none failed, in {:.0} s\n{}",
            arguments.seeds,
            seeds.start,
            began.elapsed().as_secs_f64(),
            told(&tally)
        ),
    }
    match failure {
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}

/// What went wrong in the runs that did not fail.
fn told(tally: &Mutex<Tally>) -> String {
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    format!("what went wrong: {tally}")
}

/// One line that is written over; nothing where nobody looks.
fn progress(done: u64, of: u64, began: Instant) {
    let mut terminal = stderr();
    if terminal.is_terminal() {
        let rate = done as f64 / began.elapsed().as_secs_f64();
        // Who cannot be told has gone.
        let _ = write!(terminal, "\r{done} of {of} seeds, {rate:.1} a second ");
    }
}

fn as_json(failure: &Failure) -> serde_json::Value {
    let steps = failure.plan.steps.iter();
    let steps = steps.map(|step| {
        serde_json::json!({
            "misfortune": step.misfortune.to_string(),
            "pause_secs": step.pause.as_secs_f64(),
        })
    });
    serde_json::json!({
        "failed": failure.seed,
        "why": failure.why,
        "plan": steps.collect::<Vec<_>>(),
        "last_messages": failure.last_lines,
    })
}
