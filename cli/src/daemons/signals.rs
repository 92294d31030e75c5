//! The signals that end a daemon.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Waits for an interrupt (Ctrl-C) or a termination; says which.
pub(super) async fn end() -> io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        biased;
        _ = interrupt.recv() => "an interrupt",
        _ = terminate.recv() => "a termination signal",
    })
}
