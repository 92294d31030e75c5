//! The signals that a daemon understands.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT and SIGHUP, taken away from the system's defaults.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end; by which signal.
    End(&'static str),
    /// To renew what it read at its start.
    Renew,
}

impl Signals {
    /// Within a runtime.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            Some(()) = self.interrupt.recv() => Asked::End("an interrupt"),
            Some(()) = self.terminate.recv() => Asked::End("a termination signal"),
            Some(()) = self.hang_up.recv() => Asked::Renew,
            // The runtime is about to end.
            else => std::future::pending().await,
        }
    }

    /// Waits for a signal to end; says which. There is nothing to renew any more.
    pub(super) async fn end(&mut self) -> &'static str {
        loop {
            if let Asked::End(signal) = self.next().await {
                return signal;
            }
        }
    }
}
