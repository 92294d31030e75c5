//! Hostile peers around a node, for as long as somebody else works with it. In a simulated world, where it is exactly
//! known what that one notices of it.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use tokio::time::{Instant, sleep, timeout};

use super::tests::{Blob, BlobProtocol, FIRST, SOON, Scale, frames, hello, route};
use super::{CONNECT_TIMEOUT, MONITORS, VERSION};
use crate::node::Node;
use crate::pid::Pid;
use crate::sim::{self, Net};
use crate::transport::{
    Attached, Connection, DatagramNetwork, Endpoint, EndpointConfig, Liveness, Network, SendLane,
    bind,
};
use crate::wire::frame::{self, Asked, Control};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

const NODE: &str = "10.0.0.1:5050";
const HOSTILE: &str = "10.6.6.6:5050";

fn node_address() -> SocketAddr {
    NODE.parse().unwrap()
}

/// How many asks, one after the other, are answered in two seconds.
async fn answered(from: &Node, scale: &Pid<BlobProtocol>) -> u32 {
    let (end, mut answered) = (Instant::now() + 2 * SECOND, 0);
    while Instant::now() < end {
        let answer = from.ask(scale, Blob("four".into()), SOON).await;
        assert_eq!(answer, Ok(4));
        answered += 1;
    }
    answered
}

/// Lets `siege` go on beside a peer that asks, one that comes new, and one that was there and returns.
fn nobody_notices<F: Future<Output = ()> + 'static>(siege: impl FnOnce(Net) -> F + 'static) {
    sim::run(1, |net| async move {
        let node = net.node(NODE).await;
        let scale = node.spawn("scale", |_| Scale).unwrap();
        let honest = net.node("10.0.0.2:5050").await;
        answered(&honest, &scale).await;
        let alone = answered(&honest, &scale).await;

        let siege = tokio::task::spawn_local(siege(net.clone()));
        sleep(100 * MS).await;
        let beside = answered(&honest, &scale).await;
        assert!(!siege.is_finished(), "it gave up");
        assert!(
            beside * 100 >= alone * 98,
            "{alone} answers alone, {beside} beside it"
        );
        let returning = net.restart(&honest).await;
        for newcomer in [net.node("10.0.0.3:5050").await, returning] {
            let came = Instant::now();
            let answer = newcomer.ask(&scale, Blob("four".into()), SOON).await;
            assert_eq!(answer, Ok(4));
            assert!(came.elapsed() < SECOND, "{:?}", came.elapsed());
        }
        assert!(node.is_alive());
        // Nothing of it is left when it is over.
        siege.abort();
        assert!(siege.await.unwrap_err().is_cancelled(), "it gave up");
        sleep(2 * CONNECT_TIMEOUT).await;
        assert_eq!(node.links().len(), 2);
    });
}

/// An endpoint with a good certificate, and no good intentions.
fn hostile(net: &Net, network: Network) -> Endpoint {
    let config = EndpointConfig {
        address: HOSTILE.parse().unwrap(),
        identity: net.identity("node", "hostile"),
        trusts: Vec::new(),
        seed: Some(6),
        keys_dir: None,
        liveness: Liveness::default(),
        network,
    };
    bind(config).unwrap()
}

fn datagrams(net: &Net) -> Arc<dyn DatagramNetwork> {
    match net.network() {
        Network::Simulated(network) => network,
        other => panic!("{other:?}"),
    }
}

#[test]
fn garbage_from_anywhere() {
    nobody_notices(|net| async move {
        let network = datagrams(&net);
        let from: SocketAddr = HOSTILE.parse().unwrap();
        let attached = network.attach(from).unwrap();
        let mut random = StdRng::seed_from_u64(6);
        loop {
            for _ in 0..20 {
                let mut datagram = vec![0; 1 + random.next_u32() as usize % 1500];
                random.fill_bytes(&mut datagram);
                if random.next_u32() % 2 == 0 {
                    // What begins a connection in the version that is spoken here looks like this (RFC 9000 §17.2.2).
                    let head = [0xc3, 0, 0, 0, 1, 8];
                    let length = head.len().min(datagram.len());
                    datagram[..length].copy_from_slice(&head[..length]);
                    datagram.resize(1200, 0);
                }
                network.send(from, attached.number, node_address(), &datagram);
            }
            sleep(MS).await;
        }
    });
}

/// Gives each datagram another sender, who never existed.
#[derive(Debug)]
struct Forging {
    network: Arc<dyn DatagramNetwork>,
    senders: AtomicU16,
}

impl DatagramNetwork for Forging {
    fn attach(&self, address: SocketAddr) -> io::Result<Attached> {
        self.network.attach(address)
    }

    fn detach(&self, address: SocketAddr, attachment: u64) {
        self.network.detach(address, attachment);
    }

    fn send(&self, _: SocketAddr, _: u64, to: SocketAddr, datagram: &[u8]) {
        let [high, low] = self.senders.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let sender = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 7, high, low)), 5050);
        let attached = self.network.attach(sender).unwrap();
        self.network.send(sender, attached.number, to, datagram);
        self.network.detach(sender, attached.number);
    }

    fn poll_receive(
        &self,
        address: SocketAddr,
        attachment: u64,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<u8>, SocketAddr)> {
        self.network.poll_receive(address, attachment, cx)
    }
}

#[test]
fn handshakes_from_addresses_that_do_not_exist() {
    nobody_notices(|net| async move {
        let network = Arc::new(Forging {
            network: datagrams(&net),
            senders: AtomicU16::new(0),
        });
        let endpoint = hostile(&net, Network::Simulated(network));
        loop {
            // More in a second than may shake hands at once, and each would take its place for five.
            for _ in 0..30 {
                let first_packet = endpoint.connect(node_address());
                assert!(timeout(Duration::ZERO, first_packet).await.is_err());
            }
            sleep(10 * MS).await;
        }
    });
}

/// Remembers what a node sends.
#[derive(Debug)]
struct Listening {
    network: Arc<dyn DatagramNetwork>,
    heard: Mutex<Vec<Heard>>,
}

/// A datagram: the sender, its attachment, the receiver.
type Heard = (SocketAddr, u64, SocketAddr, Vec<u8>);

impl DatagramNetwork for Listening {
    fn attach(&self, address: SocketAddr) -> io::Result<Attached> {
        self.network.attach(address)
    }

    fn detach(&self, address: SocketAddr, attachment: u64) {
        self.network.detach(address, attachment);
    }

    fn send(&self, from: SocketAddr, attachment: u64, to: SocketAddr, datagram: &[u8]) {
        let heard = (from, attachment, to, datagram.to_vec());
        self.heard.lock().unwrap().push(heard);
        self.network.send(from, attachment, to, datagram);
    }

    fn poll_receive(
        &self,
        address: SocketAddr,
        attachment: u64,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<u8>, SocketAddr)> {
        self.network.poll_receive(address, attachment, cx)
    }
}

/// All that a node said since it began to shake hands, again and again, from its own address and from another one.
#[test]
fn a_conversation_that_was_recorded() {
    nobody_notices(|net| async move {
        let network = Arc::new(Listening {
            network: datagrams(&net),
            heard: Mutex::default(),
        });
        let recorded = Node::bind("10.0.0.4:5050")
            .seed(4)
            .identity(net.identity("node", "recorded"))
            .network(Network::Simulated(network.clone()))
            .start()
            .await
            .unwrap();
        let scale = Pid::named("scale", node_address());
        answered(&recorded, &scale).await;
        net.crash(&recorded);
        let heard: Vec<_> = network.heard.lock().unwrap().iter().cloned().collect();
        assert!(heard.len() > 10);
        let again = network.attach(heard[0].0).unwrap().number;
        let elsewhere: SocketAddr = HOSTILE.parse().unwrap();
        let attached = network.attach(elsewhere).unwrap().number;
        loop {
            for (from, _, to, datagram) in &heard[..heard.len().min(100)] {
                network.network.send(*from, again, *to, datagram);
                network.network.send(elsewhere, attached, *to, datagram);
                sleep(MS / 10).await;
            }
        }
    });
}

#[test]
fn connections_that_say_nothing() {
    nobody_notices(|net| async move {
        let endpoint = hostile(&net, net.network());
        let mut silent = Vec::new();
        while silent.len() < 200 {
            silent.push(endpoint.connect(node_address()).await.unwrap());
        }
        std::future::pending().await
    });
}

/// As slow as can be, but never silent: it may not keep its place among those who shake hands.
#[test]
fn a_hello_a_byte_at_a_time() {
    sim::run(1, |net| async move {
        let _node = net.node(NODE).await;
        let endpoint = hostile(&net, net.network());
        let connection = endpoint.connect(node_address()).await.unwrap();
        let mut lane = connection.open_uni().await.unwrap();
        let mut next = Bytes::from_static(&[100, 0, 0, 0]);
        let since = Instant::now();
        while lane.write_chunk(next).await.is_ok() {
            next = Bytes::from_static(&[0]);
            sleep(SECOND).await;
            assert!(since.elapsed() < CONNECT_TIMEOUT + 2 * SECOND);
        }
        assert!(since.elapsed() >= CONNECT_TIMEOUT);
    });
}

/// A connection of somebody who is believed, and its control lane, with a hello.
async fn greeted(endpoint: &Endpoint) -> (Connection, SendLane) {
    let connection = endpoint.connect(node_address()).await.unwrap();
    let mut control = connection.open_uni().await.unwrap();
    let _ = control.write_chunk(hello(VERSION)).await;
    (connection, control)
}

/// Says `controls` on the control lane and `words` on a data lane, and the same again and again on new connections.
fn nobody_notices_one_who_says(words: Bytes, controls: Bytes) {
    nobody_notices(|net| async move {
        let endpoint = hostile(&net, net.network());
        loop {
            let (connection, mut control) = greeted(&endpoint).await;
            let _ = control.write_chunk(controls.clone()).await;
            if let Ok(mut lane) = connection.open_uni().await {
                let _ = timeout(10 * MS, lane.write_chunk(words.clone())).await;
            }
            sleep(50 * MS).await;
        }
    });
}

#[test]
fn a_giant_frame() {
    let giant = frames(|out| {
        frame::put_lane(out, 0);
        out.put_u32_le(u32::MAX);
        out.put_bytes(4, 100_000);
    });
    nobody_notices_one_who_says(giant, Bytes::new());
}

/// That too many are refused is tested in `hostile.rs`. These cost something for as long as the connection lives.
#[test]
fn monitors_without_end() {
    let monitors = frames(|out| {
        for monitor in 0..MONITORS as u64 / 8 {
            let monitor = Control::Monitor {
                monitor,
                name: "scale".into(),
                incarnation: 0,
                watcher: String::new(),
            };
            frame::put_control(out, &monitor);
        }
    });
    nobody_notices_one_who_says(Bytes::new(), monitors);
}

/// Asks for a megabyte, again and again, and reads nothing.
#[test]
fn asks_whose_answers_nobody_reads() {
    let body = crate::wire::encode(&super::tests::Echo("x".repeat(1 << 20))).unwrap();
    let asks = frames(|out| {
        frame::put_lane(out, 0);
        frame::put_route(out, &route("scale"));
        let head = frame::Head { tag: 2, ..FIRST };
        for id in 0..4 {
            let milliseconds = 60_000;
            frame::put_ask(out, head, Asked { id, milliseconds }, &body);
        }
    });
    nobody_notices_one_who_says(asks, Bytes::new());
}

#[test]
fn streams_without_end() {
    nobody_notices(|net| async move {
        let endpoint = hostile(&net, net.network());
        loop {
            let (connection, _control) = greeted(&endpoint).await;
            let mut streams = Vec::new();
            while let Ok(Ok(mut stream)) = timeout(10 * MS, connection.open_uni()).await {
                let _ = stream
                    .write_chunk(frames(|out| frame::put_lane(out, 0)))
                    .await;
                streams.push(stream);
            }
            assert!(streams.len() < 200, "{}", streams.len());
        }
    });
}
