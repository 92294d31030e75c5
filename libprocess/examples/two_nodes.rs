//! Two nodes in two processes: one serves a counter, the other asks it, and notices its end.
//!
//! `cargo run -p libprocess --example two_nodes` starts the other process itself. By hand, in two terminals:
//!
//! ```text
//! cargo run -p libprocess --example two_nodes -- serve 127.0.0.1:7000
//! cargo run -p libprocess --example two_nodes -- ask 127.0.0.1:7000
//! ```

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use libprocess::tls::Authority;

include!("shared/counter.rs");

const SECOND: Duration = Duration::from_secs(1);

/// Who may talk to whom is a matter of files: both processes find the same authority in the same folder.
fn authority() -> Result<Authority, Box<dyn Error>> {
    let folder: PathBuf = env::temp_dir().join("libprocess-two-nodes");
    Ok(Authority::load_or_create(&folder)?)
}

/// Serves a counter until standard input ends.
async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let identity = authority()?.issue("server", "the counting node");
    let node = Node::bind(address).identity(identity).start().await?;
    node.spawn("counter", |_| Counter(0))?;
    println!("serving at {}", node.address());
    tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await??;
    // Actors finish what they have, other nodes are told.
    node.shutdown(SECOND).await;
    Ok(())
}

/// Asks the counter at `address`; returns when it has gone.
async fn ask(address: &str, then: impl FnOnce()) -> Result<(), Box<dyn Error>> {
    let identity = authority()?.issue("client", "the asking node");
    let node = Node::bind("127.0.0.1:0").identity(identity).start().await?;
    let counter = Pid::<CounterProtocol>::named("counter", address.parse()?);
    let gone = node.monitor(&counter);
    for n in 1..=3 {
        let sum = node.ask(&counter, Add(n), SECOND).await?;
        println!("after adding {n} it has counted to {sum}");
    }
    let peer = node.links()[0].peer.clone();
    println!("the other side is {:?}", peer.map(|peer| peer.name));

    then();
    println!("then: {}", gone.await.reason);
    let refused = node.ask(&counter, Add(4), SECOND).await;
    println!("and adding 4: {}", refused.unwrap_err());
    Ok(())
}

/// Both: a copy of this program serves, this one asks.
async fn both() -> Result<(), Box<dyn Error>> {
    let mut server = Command::new(env::current_exe()?)
        .args(["serve", "127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let stdout = server.stdout.take().ok_or("it has no output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.trim().rsplit(' ').next().ok_or("it said nothing")?;
    let stdin = server.stdin.take();
    ask(address, || drop(stdin)).await?;
    server.wait()?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => both().await,
        ["serve", address] => serve(address).await,
        ["ask", address] => ask(address, || {}).await,
        _ => Err("give nothing, or `serve ADDRESS`, or `ask ADDRESS`".into()),
    }
}
