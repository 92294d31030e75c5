//! Peers that do not keep to the protocol.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use super::{VERSION, code};
use crate::node::Node;
use crate::prelude::*;
use crate::protocol;
use crate::tls::Authority;
use crate::trace::Trace;
use crate::transport::{
    CloseReason, Connection, Endpoint, EndpointConfig, Liveness, Network, SendLane, bind,
};
use crate::wire::frame::{self, Control, Head, Hello, Route, Written};

pub(super) const SOON: Duration = Duration::from_secs(10);

#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Blob(pub(super) String);

/// Said back.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Echo(pub(super) String);

protocol! { pub(super) BlobProtocol = "blob" { 1 => Blob -> u64, 2 => Echo -> String } }

/// Measures what it gets.
pub(super) struct Scale;

impl Actor for Scale {
    type Context = Context<Self>;
}

impl Process for Scale {
    type Protocol = BlobProtocol;
}

impl Handler<Blob> for Scale {
    type Result = u64;
    fn handle(&mut self, Blob(text): Blob, _: &mut Context<Self>) -> u64 {
        text.len() as u64
    }
}

impl Handler<Echo> for Scale {
    type Result = String;
    fn handle(&mut self, Echo(text): Echo, _: &mut Context<Self>) -> String {
        text
    }
}

/// A node with an actor, and a peer that has a good certificate and nothing else.
pub(super) struct Scene {
    pub(super) node: Node,
    pub(super) scale: Pid<BlobProtocol>,
    pub(super) authority: Authority,
    pub(super) endpoint: Endpoint,
    pub(super) connection: Connection,
    pub(super) control: SendLane,
}

pub(super) async fn scene() -> Scene {
    let authority = Authority::generate("test");
    let node = Node::bind("127.0.0.1:0")
        .identity(authority.issue("node", "honest"))
        .start()
        .await
        .unwrap();
    let scale = node.spawn("scale", |_| Scale).unwrap();
    let endpoint = bind(EndpointConfig {
        address: "127.0.0.1:0".parse().unwrap(),
        identity: authority.issue("node", "rogue"),
        trusts: Vec::new(),
        seed: None,
        keys_dir: None,
        liveness: Liveness::default(),
        network: Network::Udp,
    })
    .unwrap();
    let connection = endpoint.connect(node.address()).await.unwrap();
    let control = connection.open_uni().await.unwrap();
    Scene {
        node,
        scale,
        authority,
        endpoint,
        connection,
        control,
    }
}

pub(super) fn frames(write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut frames = BytesMut::new();
    write(&mut frames);
    frames.freeze()
}

pub(super) fn hello(version: u32) -> Bytes {
    let hello = Hello {
        version,
        incarnation: 7,
        attempt: 1,
    };
    frames(|out| frame::put_control(out, &Control::Hello(hello)))
}

pub(super) fn route(to: &str) -> Route {
    Route {
        protocol: "blob".into(),
        version: 1,
        to: to.into(),
        to_incarnation: 0,
        from: None,
    }
}

pub(super) const FIRST: Head = Head {
    route: 0,
    tag: 1,
    trace: Trace { number: 0, span: 0 },
};

impl Scene {
    pub(super) async fn say(&mut self, bytes: Bytes) {
        // The node may have hung up already, which is what we are waiting for.
        let _ = self.control.write_chunk(bytes).await;
    }

    pub(super) async fn say_on_a_data_lane(&self, bytes: Bytes) {
        let mut lane = self.connection.open_uni().await.unwrap();
        let _ = lane.write_chunk(bytes).await;
    }

    /// The peer is shown the door, and the node serves others as before.
    pub(super) async fn expect_thrown_out(self) {
        let closed = timeout(SOON, self.connection.closed()).await.unwrap();
        match closed {
            CloseReason::Peer { code, .. } => assert_eq!(code, u64::from(code::PROTOCOL)),
            other => panic!("{other}"),
        }
        let other = Node::bind("127.0.0.1:0")
            .identity(self.authority.issue("node", "other"))
            .start()
            .await
            .unwrap();
        assert_eq!(
            other.ask(&self.scale, Blob("nine byte".into()), SOON).await,
            Ok(9)
        );
        assert!(self.node.links().len() <= 1);
    }
}

#[tokio::test]
async fn garbage_instead_of_a_hello() {
    let mut scene = scene().await;
    scene.say(Bytes::from(vec![255; 100])).await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn another_version() {
    let mut scene = scene().await;
    scene.say(hello(VERSION + 1)).await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn two_hellos() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    scene.say(hello(VERSION)).await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn a_message_on_the_control_lane() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    scene
        .say(frames(|out| frame::put_tell(out, FIRST, b"")))
        .await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn data_lanes_that_do_not_begin_as_such() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    scene
        .say_on_a_data_lane(frames(|out| frame::put_tell(out, FIRST, b"")))
        .await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn an_unknown_route() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    let lane = frames(|out| {
        frame::put_lane(out, 0);
        frame::put_tell(out, FIRST, b"");
    });
    scene.say_on_a_data_lane(lane).await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn a_name_without_end() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    let lane = frames(|out| {
        frame::put_lane(out, 0);
        frame::put_route(out, &route(&"n".repeat(100_000)));
    });
    scene.say_on_a_data_lane(lane).await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn a_lane_too_many() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    for index in 0..=super::DATA_LANES as u8 {
        scene
            .say_on_a_data_lane(frames(|out| frame::put_lane(out, index % 4)))
            .await;
    }
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn messages_beyond_the_credit() {
    let mut scene = scene().await;
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    scene
        .node
        .process("busy")
        .own_thread()
        .spawn(move |_| {
            let _ = opened.recv();
            Scale
        })
        .unwrap();
    scene.say(hello(VERSION)).await;
    let blob = crate::wire::encode(&Blob("x".repeat(1 << 20))).unwrap();
    let lane = frames(|out| {
        frame::put_lane(out, 0);
        frame::put_route(out, &route("busy"));
        for _ in 0..40 {
            frame::put_tell(out, FIRST, &blob);
        }
    });
    scene.say_on_a_data_lane(lane).await;
    scene.expect_thrown_out().await;
    drop(gate);
}

#[tokio::test]
async fn what_is_not_for_anybody_is_dropped_and_counted() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    let good = crate::wire::encode(&Blob("x".into())).unwrap();
    let lane = frames(|out| {
        frame::put_lane(out, 0);
        frame::put_route(out, &route("nobody"));
        frame::put_route(out, &route("scale"));
        frame::put_tell(out, FIRST, &good);
        frame::put_tell(out, Head { route: 1, ..FIRST }, &[9]);
        frame::put_tell(
            out,
            Head {
                route: 1,
                tag: 77,
                ..FIRST
            },
            &good,
        );
        frame::put_tell(out, Head { route: 1, ..FIRST }, &good);
        // Nobody asked or watched anything.
        let answer = Written {
            version: 1,
            bytes: &b""[..],
        };
        frame::put_answer(out, 1234, Ok(answer));
        frame::put_exited(out, 1234, &ExitReason::Normal);
        frame::put_cancel(out, 1234);
    });
    scene.say_on_a_data_lane(lane).await;
    let handled = timeout(SOON, async {
        while scene.node.processes()[0].handled == 0 {
            tokio::task::yield_now().await;
        }
    });
    handled.await.unwrap();
    assert_eq!(scene.node.undelivered(), 3);
    assert_eq!(scene.node.links().len(), 1);
}
