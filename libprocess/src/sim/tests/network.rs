//! What each fault does to datagrams.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::sim::{Net, Packet, Verdict, run};
use crate::transport::{Attached, DatagramNetwork, Network};

const MS: Duration = Duration::from_millis(1);

/// One end of the network without a node behind it.
struct Plug {
    network: Arc<dyn DatagramNetwork>,
    at: Attached,
}

impl Plug {
    fn new(net: &Net, address: &str) -> Self {
        let Network::Simulated(network) = net.network() else {
            panic!("it is simulated");
        };
        let at = network.attach(address.parse().unwrap()).unwrap();
        Plug { network, at }
    }

    fn address(&self) -> SocketAddr {
        self.at.address
    }

    fn send(&self, to: &Plug, number: u8, size: usize) {
        let mut datagram = vec![0; size.max(1)];
        datagram[0] = number;
        let (from, attachment) = (self.address(), self.at.number);
        self.network.send(from, attachment, to.address(), &datagram);
    }

    /// The numbers of all that arrives until nothing does for a minute, and when the last did.
    async fn received(&self) -> (Vec<u8>, Instant) {
        let (mut numbers, mut last) = (Vec::new(), Instant::now());
        let (address, attachment) = (self.address(), self.at.number);
        let next = || poll_fn(|cx| self.network.poll_receive(address, attachment, cx));
        while let Ok((datagram, _)) = timeout(60_000 * MS, next()).await {
            numbers.push(datagram[0]);
            last = Instant::now();
        }
        (numbers, last)
    }
}

fn plugs(net: &Net) -> (Plug, Plug) {
    (
        Plug::new(net, "10.0.0.1:5050"),
        Plug::new(net, "10.0.0.2:5050"),
    )
}

fn all() -> Vec<u8> {
    (0..100).collect()
}

#[test]
fn reordered_packets_arrive_later_and_are_not_lost() {
    run(1, |net| async move {
        net.reorder(0.2, 50 * MS);
        let (a, b) = plugs(&net);
        for number in all() {
            a.send(&b, number, 100);
            net.advance(MS).await;
        }
        let (mut numbers, _) = b.received().await;
        assert_ne!(numbers, all());
        numbers.sort_unstable();
        assert_eq!(numbers, all());
    });
}

#[test]
fn a_bandwidth_makes_packets_wait_and_loses_what_its_queue_does_not_hold() {
    run(1, |net| async move {
        let (a, b) = plugs(&net);
        net.bandwidth(&[a.address()], &[b.address()], 100_000);
        let begin = Instant::now();
        all().iter().for_each(|n| a.send(&b, *n, 1000));
        let (numbers, last) = b.received().await;
        // In order, 100 kB at 100 kB/s.
        assert_eq!(numbers, all());
        assert!((1000 * MS..1010 * MS).contains(&(last - begin)));

        // Twice what the queue holds and more, at once.
        (0..6).for_each(|_| all().iter().for_each(|n| a.send(&b, *n, 1000)));
        let (numbers, _) = b.received().await;
        assert!((256..270).contains(&numbers.len()), "{}", numbers.len());

        // The other way, and the same way again without a limit, are free.
        net.bandwidth(&[a.address()], &[b.address()], u64::MAX);
        for (from, to) in [(&a, &b), (&b, &a)] {
            let begin = Instant::now();
            all().iter().for_each(|n| from.send(to, *n, 1000));
            let (numbers, last) = to.received().await;
            assert_eq!(numbers, all());
            assert!(last - begin < 3 * MS);
        }
    });
}

#[test]
fn a_slow_reader_takes_one_packet_at_a_time_and_its_socket_overflows() {
    run(1, |net| async move {
        let (a, b) = plugs(&net);
        net.slow_reader(&b.address(), 10 * MS);
        let begin = Instant::now();
        all().iter().for_each(|n| a.send(&b, *n, 100));
        let (numbers, last) = b.received().await;
        assert_eq!(numbers, all());
        assert!((990 * MS..1010 * MS).contains(&(last - begin)));

        (0..5).for_each(|_| all().iter().for_each(|n| a.send(&b, *n, 100)));
        assert!((128..140).contains(&b.received().await.0.len()));

        net.slow_reader(&b.address(), Duration::ZERO);
        (0..5).for_each(|_| all().iter().for_each(|n| a.send(&b, *n, 100)));
        assert_eq!(b.received().await.0.len(), 500);
    });
}

#[test]
fn a_rule_holds_as_long_as_its_guard() {
    run(1, |net| async move {
        let (a, b) = plugs(&net);
        let to = b.address();
        // Rules are asked in order: the second sees nothing of what the first drops.
        let dropping = net.rule(|packet: &Packet| match packet.size {
            100 => Verdict::Drop,
            _ => Verdict::Pass,
        });
        let delaying = net.rule(move |packet: &Packet| {
            assert_ne!(packet.size, 100);
            assert_eq!(packet.to, to);
            Verdict::Delay(20 * MS)
        });
        let begin = Instant::now();
        a.send(&b, 1, 100);
        a.send(&b, 2, 200);
        let (numbers, last) = b.received().await;
        assert_eq!(numbers, [2]);
        // Behind the network's own latency.
        assert_eq!(last - begin, 21 * MS);

        drop(delaying);
        drop(dropping);
        let begin = Instant::now();
        a.send(&b, 1, 100);
        let (numbers, last) = b.received().await;
        assert_eq!((numbers, last - begin), (vec![1], MS));

        net.rule(|_: &Packet| Verdict::Duplicate).keep();
        a.send(&b, 7, 100);
        assert_eq!(b.received().await.0, [7, 7]);
    });
}

#[test]
fn what_is_under_way_when_a_partition_comes_is_lost() {
    run(1, |net| async move {
        let (a, b) = plugs(&net);
        net.latency(10 * MS..=10 * MS);
        a.send(&b, 1, 100);
        b.send(&a, 2, 100);
        net.advance(5 * MS).await;
        net.partition_one_way(&[a.address()], &[b.address()]);
        assert_eq!(b.received().await.0, [0u8; 0]);
        assert_eq!(a.received().await.0, [2]);
        net.heal();
        a.send(&b, 3, 100);
        assert_eq!(b.received().await.0, [3]);
    });
}
