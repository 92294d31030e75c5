//! How much a connection has under way.
//!
//! The usual controller lets more and more out until something is lost. Between processes of one machine, and where
//! buffers are large, nothing is lost: then it fills the buffers, everything else waits behind that, and what is
//! worked on is in no cache any more. So here a connection has no more under way than a fast network holds.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quinn_proto::RttEstimator;
use quinn_proto::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};

/// Bytes that the fastest network carries in a second: ten gigabits.
const FASTEST: u64 = 10_000_000_000 / 8;

/// For so long the shortest round trip is believed to be that of the way; then it is looked for anew, as ways change. As
/// long as BBR does (draft-ietf-ccwg-bbr).
const BELIEVED: Duration = Duration::from_secs(10);

/// What may be under way in any case: enough that both ends of a loopback always have something to do. With more, they
/// do no more, and an answer takes longer beside a large transfer.
const LEAST: u64 = 40 * 1024;

#[derive(Default)]
pub(super) struct BoundedFactory(Arc<CubicConfig>);

impl ControllerFactory for BoundedFactory {
    fn build(self: Arc<Self>, now: Instant, mtu: u16) -> Box<dyn Controller> {
        Box::new(Bounded {
            inner: self.0.clone().build(now, mtu),
            shortest: None,
            closing: Arc::default(),
        })
    }
}

/// Lets a connection say that it is closed, however much it has under way: the protocol counts that word like all
/// others, and from then on hears of nothing that arrived.
pub(super) fn let_close(connection: &quinn_proto::Connection) {
    let controller = connection.congestion_state().clone_box().into_any();
    if let Ok(bounded) = controller.downcast::<Bounded>() {
        bounded.closing.store(true, Ordering::Relaxed);
    }
}

/// What the inner one allows, but no more than a fast network holds in the shortest round trip that was seen of late.
struct Bounded {
    inner: Box<dyn Controller>,
    /// None before the first.
    shortest: Option<Shortest>,
    /// Nothing matters any more but the last word. Clones have the same one.
    closing: Arc<AtomicBool>,
}

/// The shortest round trip of late.
#[derive(Clone, Copy)]
struct Shortest {
    time: Duration,
    seen: Instant,
    /// It is being looked for: what leaves from this time on finds nothing of ours in its way, because until then as
    /// little is sent as may be.
    looks_from: Option<Instant>,
}

impl Shortest {
    /// A packet was acknowledged; `usual` is how long that takes at the moment.
    fn acknowledged(&mut self, now: Instant, sent: Instant, usual: Duration) {
        let time = now.saturating_duration_since(sent);
        let found = match self.looks_from {
            Some(from) => sent >= from,
            None => false,
        };
        if time <= self.time || found {
            *self = Self::new(now, time);
        } else if self.looks_from.is_none() && now.saturating_duration_since(self.seen) > BELIEVED {
            self.looks_from = Some(now + usual);
        }
    }

    fn new(seen: Instant, time: Duration) -> Self {
        Self {
            time,
            seen,
            looks_from: None,
        }
    }

    fn bound(&self) -> u64 {
        match self.looks_from {
            Some(_) => LEAST,
            None => held_by_network(self.time),
        }
    }
}

fn held_by_network(round_trip: Duration) -> u64 {
    let bytes = round_trip.as_secs_f64() * FASTEST as f64;
    LEAST.max(bytes as u64)
}

impl Controller for Bounded {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        let first = || Shortest::new(now, rtt.min());
        let shortest = self.shortest.get_or_insert_with(first);
        shortest.acknowledged(now, sent, rtt.get());
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        self.inner
            .on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        self.inner
            .on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        match self.closing.load(Ordering::Relaxed) {
            true => u64::MAX,
            false => {
                let bound = self.shortest.as_ref().map_or(u64::MAX, Shortest::bound);
                self.inner.window().min(bound)
            }
        }
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.inner.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            inner: self.inner.clone_box(),
            shortest: self.shortest,
            closing: self.closing.clone(),
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_under_way_as_the_network_holds() {
        let held = |micros| held_by_network(Duration::from_micros(micros));
        assert_eq!(held(30), LEAST);
        assert_eq!(held(1_000), 1_250_000);
        let factory = Arc::<BoundedFactory>::default();
        let mut controller = factory.build(Instant::now(), 1_200);
        let initial = controller.window();
        assert_eq!(initial, controller.initial_window());
        // It is no less careful than the inner one.
        let now = Instant::now();
        controller.on_congestion_event(now, now, true, 1_200);
        assert!(controller.window() < initial);
    }

    /// A way of these round trips, and a queue of ours in it.
    struct Way {
        now: Instant,
        shortest: Shortest,
    }

    impl Way {
        /// Packets are sent and acknowledged for as long, each after `time`.
        fn takes(&mut self, time: Duration, long: Duration) {
            let end = self.now + long;
            while self.now < end {
                let sent = self.now;
                self.now += time;
                // With little under way there is no queue.
                let queue = match self.shortest.looks_from {
                    Some(from) if sent >= from => Duration::ZERO,
                    _ => QUEUE,
                };
                self.shortest
                    .acknowledged(self.now + queue, sent, time + queue);
                self.now += queue;
            }
        }
    }

    const MS: Duration = Duration::from_millis(1);
    const QUEUE: Duration = MS;

    #[test]
    fn a_way_that_has_become_longer_is_known_in_time_and_a_queue_is_not_part_of_it() {
        let now = Instant::now();
        let shortest = Shortest::new(now, MS);
        let mut way = Way { now, shortest };
        way.takes(MS, 5 * BELIEVED / 2);
        assert_eq!(way.shortest.time, MS);
        // It is believed for a while that this is a queue.
        way.takes(20 * MS, BELIEVED / 4);
        assert_eq!(way.shortest.time, MS);
        way.takes(20 * MS, 2 * BELIEVED);
        assert_eq!(way.shortest.time, 20 * MS);
        assert_eq!(way.shortest.bound(), held_by_network(20 * MS));
        // One that has become shorter is known at once.
        way.takes(MS, 10 * MS);
        assert!(way.shortest.time <= MS + QUEUE);
    }

    #[test]
    fn it_is_looked_for_in_one_round_trip() {
        let start = Instant::now();
        let mut shortest = Shortest::new(start, MS);
        let late = start + BELIEVED + MS;
        shortest.acknowledged(late, late - 3 * MS, 3 * MS);
        assert_eq!(shortest.bound(), LEAST);
        // Sent before there was nothing in its way.
        shortest.acknowledged(late + 3 * MS, late, 3 * MS);
        assert_eq!(shortest.bound(), LEAST);
        shortest.acknowledged(late + 5 * MS, late + 3 * MS, 3 * MS);
        assert_eq!(shortest.bound(), held_by_network(2 * MS));
    }
}
