//! Following a file in a sandbox, over the agent's `files` actor.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::files::{FilesError, Read};
use mesos::protocols::{FilesProtocol, names};
use tokio::sync::watch;

/// An agent answers a read at once; one that is restarting gets some patience.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a file is looked at for more: quick enough to feel live, slow enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Reads that may fail in a row, while the agent restarts, before the rest of a file is given up.
const FAILURES: u32 = 30;

/// Where a followed file is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) agent: SocketAddr,
    pub(super) path: String,
}

/// Copies a file to `out` as it grows, until `ended` is true and everything up to then has been copied.
///
/// A file that does not exist is empty: a task need not write anything.
pub(super) async fn follow(
    node: Node,
    place: Place,
    mut ended: watch::Receiver<bool>,
    mut out: impl Write,
) -> Result<(), String> {
    let files: Pid<FilesProtocol> = Pid::named(names::FILES, place.agent);
    let (mut offset, mut failures) = (0, 0);
    loop {
        // Looked at before the read: what was written before the end is then read after it.
        let last = *ended.borrow();
        let read = Read {
            path: place.path.clone(),
            offset: Some(offset),
            length: None,
        };
        match node.ask(&files, read, READ_TIMEOUT).await {
            Ok(Ok(chunk)) if !chunk.data.is_empty() => {
                failures = 0;
                offset += chunk.data.len() as u64;
                out.write_all(&chunk.data)
                    .and_then(|()| out.flush())
                    .map_err(|error| error.to_string())?;
                continue;
            }
            Ok(Ok(_)) | Ok(Err(FilesError::NotFound(_))) if last => return Ok(()),
            Ok(Ok(_)) | Ok(Err(FilesError::NotFound(_))) => failures = 0,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(error) => {
                failures += 1;
                if failures >= FAILURES {
                    return Err(format!(
                        "the agent at {} does not answer: {error}",
                        place.agent
                    ));
                }
            }
        }
        tokio::select! {
            biased;
            changed = ended.changed(), if !last => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
