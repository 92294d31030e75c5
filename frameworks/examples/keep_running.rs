//! Keeps N copies of a command running and replaces the lost.
//!
//!     cargo run -p mesos-frameworks --example keep_running -- 127.0.0.1:5050 3 'sleep 10'
//!
//! Kill a copy with `mesos task kill`: another takes its place. Ctrl-C ends them all.
//! The scheduler is `frameworks/src/keep_running/`; the same code is tested in a simulated network that breaks.

use mesos::resources::Resources;
use mesos_frameworks::connect::connect;
use mesos_frameworks::keep_running::{Service, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [master, copies, command] = arguments.as_slice() else {
        return Err("usage: keep_running HOST:PORT COPIES COMMAND".into());
    };
    let service = Service {
        name: "copy".to_owned(),
        command: command.clone(),
        copies: copies.parse()?,
        resources: Resources::parse("cpus:0.1;mem:32", "*")?,
    };
    let (node, config) = connect(master, "keep-running").await?;
    let (driver, mut copies) = start(&node, config, service)?;
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => break,
            changed = copies.changed() => if changed.is_err() { break },
        }
        let copies = copies.borrow_and_update();
        let running: Vec<String> = copies.running().map(ToString::to_string).collect();
        println!("running: {}; ended: {}", running.join(" "), copies.ended);
        if let Some(error) = &copies.error {
            return Err(error.clone().into());
        }
    }
    driver.teardown();
    driver.ended().await;
    node.shutdown(std::time::Duration::from_secs(3)).await;
    Ok(())
}
