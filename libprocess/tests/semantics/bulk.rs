//! Large messages beside small ones: nobody waits for what is not for him, and nothing overtakes.

use std::time::Duration;

use crate::common::{Add, Counter, SOON, Total, soon};
use libprocess::prelude::*;
use libprocess::sim;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

const MEGABYTE: usize = 1 << 20;

/// A number, and as many bytes as one likes.
#[derive(Serialize, Deserialize)]
struct Parcel(u32, String);
#[derive(Serialize, Deserialize)]
struct Count;

protocol! { ParcelProtocol = "parcel" { 1 => Parcel -> u32, 2 => Count -> u32 } }

/// Reports what it gets, in the order in which it gets it.
struct Receiver(mpsc::UnboundedSender<u32>, u32);

impl Actor for Receiver {
    type Context = Context<Self>;
}

impl Process for Receiver {
    type Protocol = ParcelProtocol;
}

impl Handler<Parcel> for Receiver {
    type Result = u32;
    fn handle(&mut self, Parcel(number, _): Parcel, _: &mut Context<Self>) -> u32 {
        self.1 += 1;
        let _ = self.0.send(number);
        number
    }
}

impl Handler<Count> for Receiver {
    type Result = u32;
    fn handle(&mut self, _: Count, _: &mut Context<Self>) -> u32 {
        self.1
    }
}

#[test]
fn a_large_message_holds_up_nobody_else() {
    sim::run(11, |net| async move {
        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        let (report, mut received) = mpsc::unbounded_channel();
        let receiver = b.spawn("receiver", |_| Receiver(report, 0)).unwrap();
        // Enough of them to meet every lane.
        let counters: Vec<_> = (0..16)
            .map(|n| {
                let name = format!("counter{n}");
                b.spawn(name, |_| Counter::default()).unwrap()
            })
            .collect();
        for counter in &counters {
            assert_eq!(a.ask(counter, Total, SOON).await, Ok(0));
        }
        // The large one takes more than ten seconds.
        net.bandwidth(&[&a], &[&b], MEGABYTE as u64);
        a.tell(&receiver, Parcel(1, "x".repeat(12 * MEGABYTE)));
        for counter in &counters {
            a.tell(counter, Add(1));
            let asked = a.ask(counter, Total, Duration::from_millis(500));
            assert_eq!(asked.await, Ok(1));
        }
        assert!(received.try_recv().is_err(), "it was no large message");
        assert_eq!(received.recv().await, Some(1));
    });
}

#[test]
fn nothing_overtakes_a_large_message_between_the_same_two() {
    sim::run(12, |net| async move {
        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        net.latency(Duration::from_millis(1)..=Duration::from_millis(20));
        let (report, mut received) = mpsc::unbounded_channel();
        let receiver = b.spawn("receiver", |_| Receiver(report, 0)).unwrap();
        for number in 0..60 {
            // Large and small ones mixed, also at the borders between the lanes.
            let size = match number % 5 {
                0 | 1 => MEGABYTE / 8,
                _ => 10,
            };
            a.tell(&receiver, Parcel(number, "x".repeat(size)));
            if number % 7 == 0 {
                let asked = a.ask(&receiver, Count, SOON);
                assert_eq!(asked.await, Ok(number + 1));
            }
        }
        for number in 0..60 {
            assert_eq!(soon(received.recv()).await, Some(number));
        }
    });
}
