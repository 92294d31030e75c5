//! Whether the other node is still there.
//!
//! ```text
//!   heard ────── ping_every ──────► ping ── ping_every ──► ping ── … ──► the end
//!     ▲                               │                                    │
//!     └── data, credit, ping, pong ◄──┘         silent_after since heard ──┘
//! ```
//!
//! Whatever arrives is a sign of life, so a busy link has no need of pings. A quiet one is pinged by
//! whichever side first finds it so; the answer is a sign of life for one side and the ping was one for the
//! other. Pings travel on the control lane, ahead of data.
//!
//! A node with many links would do nothing else: it wants its links pinged less often ([`pace`]), and says so in
//! each answer. The longer wish of the two holds, unless it is longer than the silence allows.
//!
//! Each side judges by what *it* hears. So a network that carries only one direction ends a link on the
//! deaf side, which says so to the other; and should that get lost, the other hears nothing more either.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::{Link, code};
use crate::error::ExitReason;
use crate::transport::Liveness;
use crate::wire::frame::Control;

/// A busy link is pinged, too, if seldom: for the round-trip time. Apart by so many times what is usual.
const MEASURE: u32 = 5;

/// The part of that by which one side waits longer than the other: more than a datagram takes.
const TURN: u32 = 8;

/// Pings that fit into the silence that ends a link, however many links there are: so that a lost one, or a
/// late answer, is not the end.
const PINGS_IN_SILENCE: u32 = 4;

/// The share of each link in a node's pinging. Three datagrams are a ping, its answer and the acknowledgement of
/// that, and a core handles some ten thousands a second of them: half of one core is the most that idle links use.
const SHARE: Duration = Duration::from_micros(100);

/// How long a link may be quiet before it is pinged, as a node with so many links wants it.
fn pace(liveness: Liveness, links: usize) -> Duration {
    let crowded = SHARE * u32::try_from(links).unwrap_or(u32::MAX);
    liveness.ping_every.max(crowded.min(slowest(liveness)))
}

/// The most that is done for a wish to be pinged less.
fn slowest(liveness: Liveness) -> Duration {
    liveness.silent_after / PINGS_IN_SILENCE
}

/// What is known of the other node's life.
pub(super) struct Pulse {
    liveness: Liveness,
    /// How long the peer wants the link to be quiet before it is pinged, in milliseconds.
    wished: AtomicU32,
    /// The beginning of the times below, which are in microseconds.
    born: Instant,
    /// When something was last heard.
    heard: AtomicU64,
    /// When the last ping was sent; also its number. 0 for none.
    pinged: AtomicU64,
    /// When the peer's last ping arrived; 0 for none.
    was_pinged: AtomicU64,
    /// The last round trip measured; 0 for none.
    round_trip: AtomicU64,
    /// The system is being asked whether anybody listens there.
    asking: AtomicBool,
}

impl Pulse {
    pub(super) fn new(liveness: Liveness) -> Self {
        Self {
            liveness,
            wished: AtomicU32::new(0),
            born: Instant::now(),
            heard: AtomicU64::new(0),
            pinged: AtomicU64::new(0),
            was_pinged: AtomicU64::new(0),
            round_trip: AtomicU64::new(0),
            asking: AtomicBool::new(false),
        }
    }

    /// Something arrived.
    pub(super) fn heard(&self) {
        self.heard_at(Instant::now());
    }

    /// Something arrived just now, at this time.
    pub(super) fn heard_at(&self, now: Instant) {
        let micros = (now - self.born).as_micros() as u64;
        self.heard.store(micros, Ordering::Relaxed);
    }

    /// A ping arrived.
    fn was_pinged(&self) {
        self.was_pinged.store(self.now(), Ordering::Relaxed);
    }

    /// How long the link may be quiet before either side asks, if this one wants to wait for `pace`.
    fn every(&self, pace: Duration) -> Duration {
        let wished = Duration::from_millis(self.wished.load(Ordering::Relaxed).into());
        pace.max(wished.min(slowest(self.liveness)))
    }

    /// How long of that this side waits. The two take turns: whoever asked last leaves the other time to do
    /// so, or both would ask each time.
    fn patience(&self, every: Duration) -> Duration {
        match self.pinged.load(Ordering::Relaxed) >= self.was_pinged.load(Ordering::Relaxed) {
            true => every + every / TURN,
            false => every,
        }
    }

    /// The answer to a ping arrived, with the peer's wish. Numbers that were never sent, or long ago, measure
    /// nothing.
    pub(super) fn answered(&self, number: u64, wished: u32) {
        self.wished.store(wished, Ordering::Relaxed);
        if number != 0 && number == self.pinged.load(Ordering::Relaxed) {
            // A microsecond at least: it was measured.
            let round_trip = self.now().saturating_sub(number).max(1);
            self.round_trip.store(round_trip, Ordering::Relaxed);
        }
    }

    /// Whether the last ping was sent long ago and nothing was heard since.
    fn unanswered(&self, now: Instant) -> bool {
        let pinged = self.pinged.load(Ordering::Relaxed);
        pinged > self.heard.load(Ordering::Relaxed)
            && now >= self.at(pinged) + self.liveness.ping_every
    }

    /// The last round trip measured.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        match self.round_trip.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    fn now(&self) -> u64 {
        self.born.elapsed().as_micros() as u64
    }

    fn at(&self, micros: u64) -> Instant {
        self.born + Duration::from_micros(micros)
    }
}

/// Looks after the life of one link.
pub(super) struct Watchdog {
    link: Arc<Link>,
    timer: std::pin::Pin<Box<Sleep>>,
    /// Silence before this does not count: this node did not listen.
    awake_since: Instant,
}

impl Watchdog {
    pub(super) fn new(link: Arc<Link>) -> Self {
        let now = Instant::now();
        let first = now + link.pulse.liveness.ping_every;
        link.pulse.heard();
        Self {
            link,
            timer: Box::pin(sleep_until(first)),
            awake_since: now,
        }
    }

    /// Waits for the next moment to look, and looks: pings, or ends the link. To be called again.
    pub(super) fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.as_mut().poll(cx));
        self.look();
        Poll::Ready(())
    }

    fn look(&mut self) {
        let now = Instant::now();
        let pulse = &self.link.pulse;
        let Liveness {
            ping_every,
            silent_after,
        } = pulse.liveness;
        if now > self.timer.deadline() + ping_every {
            // This process was stopped, or starved: what arrived meanwhile is yet to be read.
            self.awake_since = now;
        }
        let heard = pulse.at(pulse.heard.load(Ordering::Relaxed));
        let quiet_since = heard.max(self.awake_since);
        if now >= quiet_since + silent_after {
            return self.link.fell_silent();
        }
        let pinged = pulse.at(pulse.pinged.load(Ordering::Relaxed));
        let every = pulse.every(self.link.pace());
        let patience = pulse.patience(every);
        let quiet = now >= quiet_since + patience;
        let again = now >= pinged + ping_every;
        if quiet && pulse.unanswered(now) {
            self.link.ask_the_system();
        }
        if (quiet && again) || now >= pinged + every * MEASURE {
            self.link.ping();
        }
        let next = match quiet {
            true => now + ping_every,
            false => quiet_since + patience,
        };
        self.timer
            .as_mut()
            .reset(next.min(quiet_since + silent_after));
    }
}

impl Link {
    /// How long this node wants to be quiet before the link is pinged.
    fn pace(&self) -> Duration {
        pace(self.pulse.liveness, self.links.count())
    }

    /// Answers a ping.
    pub(super) fn pong(self: &Arc<Self>, number: u64) {
        self.pulse.was_pinged();
        let every = u32::try_from(self.pace().as_millis()).unwrap_or(u32::MAX);
        self.control(&Control::Pong { number, every });
    }

    fn ping(self: &Arc<Self>) {
        let number = self.pulse.now().max(1);
        self.pulse.pinged.store(number, Ordering::Relaxed);
        self.control(&Control::Ping { number });
    }

    /// The last ping was not answered: perhaps the peer's machine says that nobody listens there.
    fn ask_the_system(self: &Arc<Self>) {
        if let Some(endpoint) = self.links.endpoint()
            && let Some(up) = self.up.get()
            && let Some(address) = up.carrier.remote_address()
            && !self.pulse.asking.swap(true, Ordering::Relaxed)
        {
            let link = self.clone();
            let patience = self.pulse.liveness.ping_every;
            self.links.runtime().spawn(async move {
                let vacant = timeout(patience, endpoint.vacant(address)).await;
                link.pulse.asking.store(false, Ordering::Relaxed);
                if vacant.is_ok() {
                    tracing::debug!(peer = %link.remote, "nobody listens there any more");
                    link.end(ExitReason::Disconnected);
                }
            });
        }
    }

    pub(crate) fn fell_silent(self: &Arc<Self>) {
        let silence = self.pulse.liveness.silent_after;
        tracing::debug!(peer = %self.remote, ?silence, "nothing was heard");
        if let Some(up) = self.up.get() {
            up.carrier
                .close(code::SILENT, b"nothing was heard from this node");
        }
        self.end(ExitReason::Disconnected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowded_node_is_pinged_less_often_but_often_enough() {
        let usual = Liveness::default();
        assert_eq!(pace(usual, 1), usual.ping_every);
        assert_eq!(pace(usual, 4_000), usual.ping_every);
        assert_eq!(pace(usual, 8_000), 2 * usual.ping_every);
        assert_eq!(pace(usual, 65_536), usual.silent_after / 4);
        let seldom = Liveness {
            ping_every: usual.silent_after / 2,
            ..usual
        };
        assert_eq!(pace(seldom, 65_536), seldom.ping_every);
    }

    #[test]
    fn a_wish_holds_as_far_as_silence_allows() {
        let usual = Liveness::default();
        let pulse = Pulse::new(usual);
        let own = usual.ping_every;
        assert_eq!(pulse.every(own), own);
        for (wished, every) in [
            (1, own),
            (700, Duration::from_millis(700)),
            (u32::MAX, usual.silent_after / 4),
        ] {
            pulse.answered(0, wished);
            assert_eq!(pulse.every(own), every);
        }
    }
}
