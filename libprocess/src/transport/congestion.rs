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

/// What may be under way in any case: enough that both ends of a loopback always have something to do. With more, they
/// do no more, and an answer takes longer beside a large transfer.
const LEAST: u64 = 40 * 1024;

#[derive(Default)]
pub(super) struct BoundedFactory(Arc<CubicConfig>);

impl ControllerFactory for BoundedFactory {
    fn build(self: Arc<Self>, now: Instant, mtu: u16) -> Box<dyn Controller> {
        Box::new(Bounded {
            inner: self.0.clone().build(now, mtu),
            bound: u64::MAX,
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

/// What the inner one allows, but no more than a fast network holds in the shortest round trip that was seen.
struct Bounded {
    inner: Box<dyn Controller>,
    bound: u64,
    /// Nothing matters any more but the last word. Clones have the same one.
    closing: Arc<AtomicBool>,
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
        self.bound = held_by_network(rtt.min());
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
            false => self.inner.window().min(self.bound),
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
            bound: self.bound,
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
}
