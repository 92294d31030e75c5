//! What a partition does to a counter: found out in a simulated world, in milliseconds of your time.
//!
//! `cargo run -p libprocess --example partition [SEED]`: the same seed gives the same run, to the datagram.

use std::time::Duration;

use libprocess::sim;
use tokio::time::{Instant, sleep};

include!("shared/counter.rs");

const SECOND: Duration = Duration::from_secs(1);

fn main() {
    let seed = std::env::args().nth(1);
    let seed = seed.map_or(7, |seed| seed.parse().expect("a seed is a number"));
    sim::run(seed, |net| async move {
        let begun = Instant::now();
        let at = || format!("{:4.1} s", begun.elapsed().as_secs_f64());
        net.latency(Duration::from_millis(1)..=Duration::from_millis(20));
        net.loss(0.05);

        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        let counter = b.spawn("counter", |_| Counter(0)).unwrap();
        let sum = a.ask(&counter, Add(1), SECOND).await;
        println!("{}  all is well: {sum:?}", at());

        net.partition_one_way(&[&b], &[&a]);
        println!("{}  nothing reaches A any more", at());
        let exited = a.monitor(&counter);
        // It arrives, and is handled. Only the answer does not.
        let sum = a.ask(&counter, Add(10), SECOND).await;
        println!("{}  A asks: {sum:?}", at());
        let reason = exited.await.reason;
        println!("{}  A hears of the counter: {reason}", at());

        sleep(10 * SECOND).await;
        net.heal();
        println!("{}  the network is whole again", at());
        let sum = a.ask(&counter, Add(100), 5 * SECOND).await;
        println!("{}  A asks: {sum:?}", at());
        println!("        so the ask that failed was handled: at most once is not at least once");
    });
}
