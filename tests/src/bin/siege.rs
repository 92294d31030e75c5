//! Besieges a small data centre of real processes, in network namespaces of their own (as root):
//!
//! ```text
//! cargo build -p mesos-cli && cargo build -p mesos-frameworks --examples
//! cargo run -p tests --bin siege -- --seconds 600
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Parser;
use mesos_tests::siege::siege;

/// Lets one disaster after the other strike three masters, three ZooKeepers and five agents, while two frameworks go on.
#[derive(Parser)]
struct Arguments {
    /// For how long.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// What decides on the order of disasters and on whom they strike.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Tells how often each disaster struck as one line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let length = Duration::from_secs(arguments.seconds);
    let struck = siege(length, arguments.seed, |line| eprintln!("{line}"));
    if arguments.json {
        println!("{}", serde_json::json!(struck));
    } else {
        print(&struck);
    }
}

fn print(struck: &BTreeMap<String, usize>) {
    for (disaster, times) in struck {
        println!("{times:>3} times {disaster}");
    }
    println!("no task was disturbed, every job was done once");
}
