//! A node as a daemon: signals, an orderly end, readiness, systemd, logs.
//!
//! ```no_run
//! use std::time::Duration;
//! use libprocess::daemon::{Daemon, Logs};
//! use libprocess::prelude::*;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! Logs::default().start()?;
//! let mut daemon = Daemon::start()?;
//! let node = Node::bind("0.0.0.0:5050").start().await?;
//! // Ended in this order, within one deadline: who accepts work first, the node last.
//! let ending = node.clone();
//! daemon.at_end("node", move |left| async move { ending.shutdown(left).await });
//! daemon.on_hang_up(|| tracing::info!("SIGHUP: here one would read certificates anew"));
//! daemon.ready("serving");
//! let ended = daemon.run(std::future::pending()).await;
//! std::process::exit(ended.exit_code());
//! # }
//! ```
//!
//! * **Signals.** SIGTERM and SIGINT begin the drain: the node is no longer [ready](Readiness), what was given to
//!   [`Daemon::at_end`] is ended in order, within one deadline. A second one ends it at once. SIGHUP calls the hook.
//! * **systemd.** With `NOTIFY_SOCKET` set (a `Type=notify` service) it is told `READY=1`, `STATUS=`, `STOPPING=1`
//!   and, if it asks for that, `WATCHDOG=1` as long as the [pulse](Daemon::pulse) beats.
//! * **Logs** are the binary's business: it chooses when, where and how, with one call of [`Logs::start`].

mod end;
mod logs;
mod notify;
mod signals;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

pub use crate::observe::{NotReady, Readiness};
pub use end::Ended;
pub use logs::{Format, Logs, LogsError};
pub use notify::{Notifier, NotifyError};

use end::Step;
use signals::{Asked, Signals};

/// How long a daemon takes to end, unless [`Daemon::end_within`] says otherwise: less than the 90 s after which
/// systemd kills, more than anything that ends in order needs.
pub const END_WITHIN: Duration = Duration::from_secs(30);

type Future<T> = Pin<Box<dyn std::future::Future<Output = T> + Send>>;
type Pulse = Arc<dyn Fn() -> Future<bool> + Send + Sync>;

/// A process that runs until it is told to end, and then ends in order.
pub struct Daemon {
    signals: Signals,
    notifier: Arc<Notifier>,
    readiness: Readiness,
    steps: Vec<Step>,
    end_within: Duration,
    /// None: a hang-up ends it.
    hang_up: Option<Box<dyn FnMut() + Send>>,
    pulse: Pulse,
    watchdog: Option<JoinHandle<()>>,
}

impl Daemon {
    /// From now on signals are the daemon's, and systemd hears of it. Must be called within a runtime.
    ///
    /// # Errors
    /// If the signals cannot be had, or `NOTIFY_SOCKET` names no socket.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&Readiness::new())
    }

    /// As [`start`](Self::start), with a readiness that others know of already.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(readiness: &Readiness) -> io::Result<Self> {
        let notifier = Notifier::from_environment().map_err(io::Error::other)?;
        Ok(Self::with(Signals::take()?, notifier, readiness))
    }

    fn with(signals: Signals, notifier: Notifier, readiness: &Readiness) -> Self {
        Self {
            signals,
            notifier: Arc::new(notifier),
            readiness: readiness.clone(),
            steps: Vec::new(),
            end_within: END_WITHIN,
            hang_up: Some(Box::new(|| tracing::info!("SIGHUP: nothing to renew"))),
            pulse: Arc::new(|| Box::pin(async { true })),
            watchdog: None,
        }
    }

    /// Whether the daemon takes work: to be asked by observers and load balancers.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// The most that the end may take. What has not ended by then is left behind.
    pub fn end_within(&mut self, deadline: Duration) {
        self.end_within = deadline;
    }

    /// Adds something to be ended. Ends happen in the order in which they were added; each is told how much
    /// time is left.
    pub fn at_end<F>(
        &mut self,
        name: &'static str,
        end: impl FnOnce(Duration) -> F + Send + 'static,
    ) where
        F: std::future::Future<Output = ()> + Send + 'static,
    {
        let end = Box::new(move |left| -> Future<()> { Box::pin(end(left)) });
        self.steps.push(Step { name, end });
    }

    /// What SIGHUP does: reading certificates anew, opening log files anew. It must not block.
    pub fn on_hang_up(&mut self, hook: impl FnMut() + Send + 'static) {
        self.hang_up = Some(Box::new(hook));
    }

    /// Lets SIGHUP end it like SIGTERM: for what runs at a terminal, and is to go when that is closed.
    pub fn end_on_hang_up(&mut self) {
        self.hang_up = None;
    }

    /// What has to succeed for the watchdog to be told that the daemon lives, such as an ask of its main actor.
    /// Without one, that its runtime runs is enough.
    pub fn pulse<F>(&mut self, pulse: impl Fn() -> F + Send + Sync + 'static)
    where
        F: std::future::Future<Output = bool> + Send + 'static,
    {
        self.pulse = Arc::new(move || Box::pin(pulse()));
    }

    /// It serves. Says so to whoever asks and to systemd, and begins to feed the watchdog.
    pub fn ready(&mut self, status: &str) {
        self.readiness.ready();
        self.notifier.ready(status);
        if let Some(every) = self.notifier.watchdog() {
            let (notifier, pulse) = (self.notifier.clone(), self.pulse.clone());
            self.watchdog = Some(tokio::spawn(feed(notifier, pulse, every)));
        }
    }

    /// One line on what it does, for `systemctl status`.
    pub fn status(&self, status: &str) {
        self.notifier.status(status);
    }

    /// Runs until a signal comes or `failed` says why there is no sense in going on; then ends in order.
    pub async fn run(mut self, failed: impl std::future::Future<Output = String>) -> Ended {
        let why = self.until_end(failed).await;
        self.readiness.draining();
        self.notifier.stopping();
        let steps = std::mem::take(&mut self.steps);
        let drained = end::in_order(steps, self.end_within, self.signals.end()).await;
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.abort();
        }
        match (drained, why) {
            (end::Drained::AtOnce, _) => Ended::AtOnce,
            (_, Err(why)) => Ended::Failed(why),
            (end::Drained::Late(what), Ok(_)) => Ended::Late(what),
            (end::Drained::InTime, Ok(signal)) => Ended::Signal(signal),
        }
    }

    async fn until_end(
        &mut self,
        failed: impl std::future::Future<Output = String>,
    ) -> Result<&'static str, String> {
        let mut failed = std::pin::pin!(failed);
        loop {
            tokio::select! {
                biased;
                asked = self.signals.next() => {
                    let signal = match (asked, &mut self.hang_up) {
                        (Asked::Renew, Some(renew)) => {
                            renew();
                            continue;
                        }
                        (Asked::Renew, None) => "a hang-up",
                        (Asked::End(signal), _) => signal,
                    };
                    tracing::info!("ending after {signal}");
                    return Ok(signal);
                }
                why = &mut failed => return Err(why),
            }
        }
    }
}

/// Tells the watchdog that the daemon lives, as long as it does. Pulses follow each other, so that one that
/// hangs keeps the news from going out.
async fn feed(notifier: Arc<Notifier>, pulse: Pulse, every: Duration) {
    // Twice as often as it is asked for, as systemd advises.
    let mut beats = tokio::time::interval(every / 2);
    loop {
        beats.tick().await;
        if pulse().await {
            notifier.alive();
        }
    }
}
