//! The doors of the fuzz targets in `fuzz/`: each takes any bytes, and panics only for a bug of ours.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{io, task};

use actix::{Actor, Handler};
use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::actor::Context;
use crate::error::{ExitReason, Exited};
use crate::limits;
use crate::link::Lanes;
use crate::node::Node;
use crate::parcel::Head;
use crate::pid::{AnyPid, Pid};
use crate::protocol;
use crate::protocol::{Accepts, Process, Protocol};
use crate::seat::Seat;
use crate::tls::PeerIdentity;
use crate::transport::{Attached, DatagramNetwork, Network};
use crate::wire::frame::{self, Control, Refuse, Route};
use crate::wire::{again, decode_exact, encode};

/// A lane's bytes: split and parsed, and what was parsed survives being written again.
pub fn frames(mut bytes: &[u8]) {
    while let Ok(Some((content, length))) = frame::split(bytes) {
        one_frame(content);
        bytes = &bytes[length..];
    }
}

/// One frame, without the length before it: a fuzzer finds its way in sooner.
pub fn one_frame(content: &[u8]) {
    let Ok(parsed) = frame::parse(content) else {
        return;
    };
    let mut written = BytesMut::new();
    again::put(&mut written, &parsed);
    let (content, length) = frame::split(&written).unwrap().unwrap();
    assert_eq!(length, written.len());
    let once = frame::parse(content).unwrap();
    // The first writing may cut texts, the second one has nothing left to cut.
    let mut rewritten = BytesMut::new();
    again::put(&mut rewritten, &once);
    assert_eq!(written, rewritten);
}

/// What links say of themselves, and pids, which travel inside of messages.
pub fn controls(bytes: &[u8]) {
    round_trip::<Control>(bytes);
    round_trip::<Route>(bytes);
    round_trip::<Refuse>(bytes);
    round_trip::<ExitReason>(bytes);
    round_trip::<AnyPid>(bytes);
    round_trip::<Pid<ShapesProtocol>>(bytes);
}

/// The body of a message, its number and version before it; and the answer to one.
pub fn bodies(bytes: &[u8]) {
    let Some(([tag, version], body)) = bytes.split_first_chunk() else {
        return;
    };
    // The protocol has version 2: what arrives is of an older, the same or a newer one.
    let version = u16::from(version % 4);
    let _ = ShapesProtocol::open(u32::from(*tag), version, body, Head::default(), None);
    let _ = <ShapesProtocol as Accepts<Scalars>>::decode_answer(version, body);
    let _ = <ShapesProtocol as Accepts<Texts>>::decode_answer(version, body);
    let _ = <ShapesProtocol as Accepts<Choices>>::decode_answer(version, body);
    round_trip::<Texts>(body);
    round_trip::<Choices>(body);
}

/// A message of any protocol: its number, the version of who wrote it, its body.
pub fn message<P: Protocol>(bytes: &[u8]) {
    if let Some(([tag, version], body)) = bytes.split_first_chunk() {
        let (tag, version) = (u32::from(*tag), u16::from(*version));
        let _ = P::open(tag, version, body, Head::default(), None);
    }
}

/// Who a peer is, out of a certificate: in the certificate's form, and in the form within it.
pub fn identities(bytes: &[u8]) {
    let _ = PeerIdentity::of_certificate(&CertificateDer::from(bytes));
    let identity = std::str::from_utf8(bytes)
        .ok()
        .and_then(PeerIdentity::from_uri);
    if let Some(identity) = identity {
        assert_eq!(PeerIdentity::from_uri(&identity.to_uri()), Some(identity));
    }
}

/// A living node on a network that leads nowhere, in a thread and a time of its own.
pub struct World {
    runtime: Runtime,
    local: LocalSet,
    node: Node,
    shapes: Pid<ShapesProtocol>,
}

impl World {
    /// A node with an actor that takes [`ShapesProtocol`].
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let local = LocalSet::new();
        let node = Node::bind(HERE)
            .seed(1)
            // The peer has no identity here.
            .allow_links(["nobody"])
            .network(Network::Simulated(Arc::new(Nowhere)));
        let node = local.block_on(&runtime, node.start()).unwrap();
        let shapes = node.spawn("shapes", |_| Shapes).unwrap();
        Self {
            runtime,
            local,
            node,
            shapes,
        }
    }

    /// All that a peer may send after its hello: chunks for the control lane and a data lane of a link.
    ///
    /// A chunk begins with a byte: its top bit chooses the lane, the next one whether the chunk is a frame to which
    /// the length is added here, the other six are its length.
    pub fn lanes(&self, bytes: &[u8]) {
        let read = async {
            let mut lanes = Lanes::new(&self.node.link(THERE.parse().unwrap()).unwrap());
            let mut rest = bytes;
            while let Some((how, after)) = rest.split_first() {
                let (chunk, after) = after.split_at(after.len().min(usize::from(how & 0x3f)));
                rest = after;
                let mut framed = Vec::new();
                if how & 0x40 != 0 {
                    framed.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
                }
                framed.extend_from_slice(chunk);
                if !lanes.feed(how & 0x80 != 0, &framed) {
                    break;
                }
            }
            lanes.check();
            drop(lanes);
            // The node serves as before, and no queue grew beyond its bound.
            let answer = self.node.ask(&self.shapes, Ping, Duration::from_secs(1));
            assert_eq!(answer.await, Ok(Ping));
            let depths = self
                .node
                .processes()
                .into_iter()
                .map(|process| process.depth);
            assert!(depths.max().unwrap_or(0) <= limits::MAILBOX);
        };
        self.local.block_on(&self.runtime, read);
    }
}

const HERE: &str = "10.0.0.1:5050";
const THERE: &str = "10.0.0.2:5050";

/// Takes every datagram and delivers none.
#[derive(Debug)]
struct Nowhere;

impl DatagramNetwork for Nowhere {
    fn attach(&self, address: SocketAddr) -> io::Result<Attached> {
        Ok(Attached {
            address,
            number: 0,
            seat: Seat::default(),
        })
    }

    fn detach(&self, _: SocketAddr, _: u64) {}

    fn send(&self, _: SocketAddr, _: u64, _: SocketAddr, _: &[u8]) {}

    fn poll_receive(
        &self,
        _: SocketAddr,
        _: u64,
        _: &mut task::Context<'_>,
    ) -> task::Poll<(Vec<u8>, SocketAddr)> {
        task::Poll::Pending
    }
}

/// What decodes, encodes, to something that decodes to the same.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = decode_exact::<T>(bytes) {
        let encoded = encode(&value).unwrap();
        let again = decode_exact::<T>(&encoded).unwrap();
        // By their bytes, because a float need not equal itself.
        assert_eq!(encode(&again).unwrap(), encoded);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Ping;
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Scalars {
    small: (u8, i8, u16, i16),
    large: (u32, i32, u64, i64, u128, i128),
    other: (f32, f64, bool, char),
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Texts {
    text: String,
    lines: Vec<String>,
    maybe: Option<Box<str>>,
    bytes: bytes::Bytes,
    by_name: BTreeMap<String, Vec<u64>>,
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choices {
    Nothing,
    One(Box<Scalars>),
    Many { each: Vec<Choices> },
    Whom(AnyPid, Option<ExitReason>),
}
#[derive(Serialize, Deserialize)]
struct Generic<T>(T, HashMap<u8, [u16; 3]>);
#[derive(Serialize, Deserialize)]
struct Stop;

protocol! {
    /// Messages of many shapes.
    ShapesProtocol = "shapes" version 2 {
        1 => Ping -> Ping,
        2 => Scalars -> Scalars,
        3 => Texts -> Result<Texts, String>,
        4 => Choices -> Vec<Choices>,
        5 => Generic<Option<u64>> -> Option<u64>,
        6 => Stop -> (),
    }
}

/// Gives back what it gets.
struct Shapes;

impl Actor for Shapes {
    type Context = Context<Self>;

    /// It lives on when those who linked to it are gone.
    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.trap_exits();
    }
}

impl Handler<Exited> for Shapes {
    type Result = ();
    fn handle(&mut self, _: Exited, _: &mut Context<Self>) {}
}

impl Process for Shapes {
    type Protocol = ShapesProtocol;
}

impl Handler<Ping> for Shapes {
    type Result = actix::MessageResult<Ping>;
    fn handle(&mut self, ping: Ping, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(ping)
    }
}

impl Handler<Scalars> for Shapes {
    type Result = actix::MessageResult<Scalars>;
    fn handle(&mut self, scalars: Scalars, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(scalars)
    }
}

impl Handler<Texts> for Shapes {
    type Result = Result<Texts, String>;
    fn handle(&mut self, texts: Texts, _: &mut Context<Self>) -> Self::Result {
        Ok(texts)
    }
}

impl Handler<Choices> for Shapes {
    type Result = Vec<Choices>;
    fn handle(&mut self, choice: Choices, ctx: &mut Context<Self>) -> Self::Result {
        // As an actor does with a pid that a stranger names: it may be anybody's.
        if let Choices::Whom(pid, _) = &choice {
            // Two addresses only, or the node would have ever more links.
            let address = if pid.address().port() % 2 == 0 {
                HERE
            } else {
                THERE
            };
            let pid = Pid::<ShapesProtocol>::named(pid.name(), address.parse().unwrap());
            ctx.tell(&pid, Ping);
        }
        vec![choice]
    }
}

impl Handler<Generic<Option<u64>>> for Shapes {
    type Result = Option<u64>;
    fn handle(&mut self, generic: Generic<Option<u64>>, _: &mut Context<Self>) -> Option<u64> {
        generic.0
    }
}

impl Handler<Stop> for Shapes {
    type Result = ();
    fn handle(&mut self, _: Stop, _: &mut Context<Self>) {}
}
