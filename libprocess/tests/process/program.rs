//! What tests start as a process of its own: a node to be killed or stopped, or a daemon to be sent signals.
//!
//! ```text
//! a_process witness FOLDER ADDRESS    a node with a witness, until its standard input ends
//! a_process daemon polite|stubborn    a daemon that writes a line about everything that happens to it
//! ```

#[path = "mod.rs"]
mod other;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use libprocess::prelude::*;
use libprocess::tls::Identity;
use other::{LISTENING, LIVENESS, Witness};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["witness", folder, address] => witness(Path::new(folder), address),
        #[cfg(feature = "daemon")]
        ["daemon", manners] => daemon(manners == "stubborn"),
        _ => {
            eprintln!("it is what tests start: see tests/process/program.rs");
            ExitCode::from(2)
        }
    }
}

fn witness(folder: &Path, address: &str) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let node = runtime.block_on(async {
        let identity = Identity::read(&folder.join("identity.pem")).expect("an identity");
        let node = Node::bind(address)
            .identity(identity)
            .keys_dir(folder)
            .liveness(LIVENESS);
        let node = node.start().await.expect("a node");
        let witness = node.spawn("witness", |_| Witness::default());
        witness.expect("a name that is free");
        node
    });
    println!("{LISTENING}{}", node.address());
    // Whatever it is: the end is what is waited for.
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

#[cfg(feature = "daemon")]
fn daemon(stubborn: bool) -> ExitCode {
    use libprocess::daemon::{Daemon, Logs};

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(async {
        Logs::default().start().expect("nobody else logs");
        let mut daemon = Daemon::start().expect("signals");
        let readiness = daemon.readiness().clone();
        println!("{:?}", readiness.standing());
        let node = Node::local();
        daemon.on_hang_up(|| println!("renewed"));
        daemon.at_end("door", move |_| async move {
            println!("door {:?}", readiness.standing());
            if stubborn {
                std::future::pending::<()>().await;
            }
        });
        daemon.at_end("node", move |left| async move {
            node.shutdown(left).await;
            println!("node");
        });
        daemon.ready("serving");
        println!("{:?}", daemon.readiness().standing());
        daemon.run(std::future::pending()).await
    });
    println!("{ended:?}");
    // At once: the runtime may still hold what does not end.
    std::process::exit(ended.exit_code())
}
