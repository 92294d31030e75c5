//! Besieges a small data centre of real processes, in network namespaces of their own (as root):
//!
//! ```text
//! cargo build -p mesos-cli && cargo build -p mesos-frameworks --examples
//! cargo run -p tests --bin siege -- --seconds 600
//! ```

use std::time::Duration;

use clap::Parser;
use mesos_tests::siege::{Survived, siege};
use serde_json::json;

/// Lets one disaster after the other strike three masters, three ZooKeepers and five agents, while two frameworks go on.
#[derive(Parser)]
struct Arguments {
    /// For how long.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// What decides on the order of disasters and on whom they strike.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Tells what was survived as one line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let length = Duration::from_secs(arguments.seconds);
    let survived = siege(length, arguments.seed, |line| eprintln!("{line}"));
    if arguments.json {
        let Survived { struck, done, lost } = survived;
        let survived = json!({ "struck": struck, "done": done, "lost": lost });
        println!("{survived}");
    } else {
        print(&survived);
    }
}

fn print(survived: &Survived) {
    for (disaster, times) in &survived.struck {
        println!("{times:>3} times {disaster}");
    }
    let Survived { done, lost, .. } = survived;
    println!(
        "The service was never disturbed. {done} tasks of jobs were done once; {lost} were lost before they began, as was said."
    );
}
