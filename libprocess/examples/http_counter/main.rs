//! An actor as an HTTP resource, with the pages of its node, as a daemon.
//!
//! ```sh
//! cargo run -p libprocess --features http,daemon --example http_counter &
//! curl -d '{"by": 40}' -H 'Content-Type: application/json' localhost:8080/counter/add    # 40
//! curl localhost:8080/counter/total                                                      # 40
//! curl -H 'Accept: text/plain' localhost:8080/processes
//! curl localhost:8080/metrics localhost:8080/ready
//! kill %1                                                                                # drains, then ends
//! ```

use std::time::Duration;

use actix_web::{App, HttpServer};
use libprocess::daemon::{Daemon, Logs};
use libprocess::http::{Pages, Resource};
use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Add {
    by: u64,
}
#[derive(Serialize, Deserialize)]
struct Total;

protocol! { CounterProtocol = "counter" { 1 => Add -> u64, 2 => Total -> u64 } }

struct Counter(u64);

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Process for Counter {
    type Protocol = CounterProtocol;
}

impl Handler<Add> for Counter {
    type Result = u64;
    fn handle(&mut self, add: Add, _: &mut Context<Self>) -> u64 {
        self.0 += add.by;
        self.0
    }
}

impl Handler<Total> for Counter {
    type Result = u64;
    fn handle(&mut self, _: Total, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Logs::default().start()?;
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let mut daemon = Daemon::start()?;
    let node = Node::local();
    let counter = node.spawn("counter", |_| Counter(0))?;

    // What is not listed here cannot be reached over HTTP.
    let resource = Resource::of(&node, &counter)
        .deadline(Duration::from_secs(1))
        .post::<Add>("/add")
        .get::<Total>("/total");
    let pages = Pages::new(&node, daemon.readiness());
    let door = move || {
        App::new()
            .configure(|config| pages.mount(config))
            .service(resource.mount("/counter"))
    };
    let server = HttpServer::new(door)
        .workers(1)
        .disable_signals()
        .bind(&address)?;
    for address in server.addrs() {
        println!("serving on http://{address}");
    }
    let server = server.run();
    let http = server.handle();
    tokio::spawn(server);

    // No new requests first; the actors, which running requests need, last.
    daemon.at_end("http", move |_| async move { http.stop(true).await });
    daemon.at_end("node", move |left| async move { node.shutdown(left).await });
    daemon.ready("serving");
    let ended = daemon.run(std::future::pending()).await;
    std::process::exit(ended.exit_code());
}
