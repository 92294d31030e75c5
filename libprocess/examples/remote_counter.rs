//! The same counter, asked from another node: over QUIC, with mutual TLS.
//!
//! `cargo run -p libprocess --example remote_counter`

use std::error::Error;
use std::time::Duration;

use libprocess::tls::Authority;

include!("shared/counter.rs");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let authority = Authority::generate("demo");
    let [server, client] = ["server", "client"].map(|name| authority.issue("demo", name));

    let node = Node::bind("127.0.0.1:0").identity(server).start().await?;
    node.spawn("counter", |_| Counter(0))?;

    let client = Node::bind("127.0.0.1:0").identity(client).start().await?;
    let counter = Pid::<CounterProtocol>::named("counter", node.address());
    let second = Duration::from_secs(1);
    let sum = client.ask(&counter, Add(40), second).await?;
    println!("{counter} has counted to {sum}");

    client.shutdown(second).await;
    node.shutdown(second).await;
    Ok(())
}
