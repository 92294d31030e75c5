//! How a link comes up.
//!
//! ```text
//!   dialling node                                accepting node
//!        │ ── QUIC and mutual TLS ──────────────────► │
//!        │ ── control lane: hello(version, life) ───► │  decides: adopt, or close as a duplicate
//!        │ ◄── control lane: hello(version, life) ─── │  up
//!     up │ ── data lanes, when first used ──────────► │
//! ```
//!
//! The dialling side is up only with the other's hello: QUIC reports a connection before the peer has
//! seen the certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use super::carrier::Carrier;
use super::reader::{Attendance, Incoming};
use super::table::Decision;
use super::{CONNECT_TIMEOUT, Link, Links, READ, Up, VERSION, code, lanes};
use crate::error::ExitReason;
use crate::node::Node;
use crate::transport::{self, CloseReason, ConnectError, Connection, LaneError, SendLane};
use crate::wire::frame::{self, Control, Frame, FrameError, Hello};

/// Connections that may be shaking hands at once; each costs a signature. More have to try again.
const HANDSHAKES: usize = 1024;

/// How long the first attempt may take: the pauses between its packets double, and have grown to half a
/// second by then.
const FIRST_ATTEMPT: Duration = Duration::from_millis(1500);

/// How long it may take if the other node has connected to this one meanwhile: longer than two nodes
/// need that happen to connect to each other at once.
const CROSSING: Duration = Duration::from_millis(250);

/// Why a connection did not become a link.
#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Closed(#[from] CloseReason),
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error("no hello: {0}")]
    Frame(#[from] FrameError),
    #[error("no hello, but something else")]
    NoHello,
    #[error("wire format {0}, while this node has {VERSION}")]
    Version(u32),
    #[error("there is another connection")]
    Duplicate,
    #[error("the node has too many links, or is shut down")]
    NoRoom,
}

impl HandshakeError {
    /// Whether trying again is of no use until somebody changes certificates.
    fn is_distrust(&self) -> bool {
        matches!(
            self,
            HandshakeError::Closed(CloseReason::Refused(_))
                | HandshakeError::Connect(ConnectError::Failed {
                    reason: CloseReason::Refused(_),
                    ..
                })
        )
    }
}

/// Both hellos are exchanged; the control lanes are open.
struct Greeted {
    connection: Connection,
    outgoing: SendLane,
    incoming: Incoming,
    incarnation: u64,
}

/// Makes the connection of a link.
pub(super) async fn dial(link: Arc<Link>) {
    let made = tokio::select! {
        biased;
        () = link.ended() => return,
        made = timeout(CONNECT_TIMEOUT, connect(&link)) => made,
    };
    let refused = match made {
        Ok(Ok(greeted)) => return link.rise(greeted),
        Ok(Err(error)) => error,
        Err(_) => HandshakeError::Closed(CloseReason::Silent),
    };
    // The other node is connecting to this one, which is as good.
    let crossing = matches!(
        &refused,
        HandshakeError::Closed(CloseReason::Peer { code, .. }) if *code == u64::from(code::DUPLICATE)
    );
    if crossing {
        link.give_way();
        let _ = timeout(CONNECT_TIMEOUT, link.risen()).await;
    }
    if link.up.get().is_none() {
        if refused.is_distrust() {
            tracing::warn!(peer = %link.remote, reason = %refused, "no link");
        } else {
            tracing::debug!(peer = %link.remote, reason = %refused, "no link");
        }
        link.links.failed(&link);
        link.end(ExitReason::Disconnected);
    }
}

/// In two attempts. One alone would send its first packet again after ever longer pauses, and find a node
/// that has just started seconds late; or it would wait for the rest of a handshake that the other node
/// began in an earlier life.
async fn connect(link: &Link) -> Result<Greeted, HandshakeError> {
    tokio::select! {
        biased;
        made = attempt(link) => return made,
        () = first_is_over(link) => {}
    }
    attempt(link).await
}

async fn first_is_over(link: &Link) {
    let began = Instant::now();
    if timeout(FIRST_ATTEMPT, link.hurried()).await.is_ok() {
        sleep_until(began + CROSSING).await;
    }
}

async fn attempt(link: &Link) -> Result<Greeted, HandshakeError> {
    let endpoint = link.links.endpoint().ok_or(ConnectError::ShuttingDown)?;
    let connection = endpoint.connect(link.remote).await?;
    drop(endpoint);
    let outgoing = say_hello(&connection, &link.node, link.links.next_attempt()).await?;
    let (incoming, hello) = hear_hello(&connection).await?;
    Ok(Greeted {
        connection,
        outgoing,
        incoming,
        incarnation: hello.incarnation,
    })
}

/// Accepts links until the endpoint is closed.
pub(super) async fn accept(node: Node, links: Arc<Links>) {
    let _end = EndWithRuntime(links.clone());
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    let Some(endpoint) = links.endpoint() else {
        return;
    };
    while let Some(incoming) = endpoint.accept().await {
        if places.available_permits() < HANDSHAKES / 2 && !incoming.is_proven() {
            // It may be a flood with forged addresses: those never get a place.
            incoming.ask_for_proof();
            continue;
        }
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let (node, links) = (node.clone(), links.clone());
        links.runtime().clone().spawn(async move {
            let address = incoming.remote_address();
            let welcomed = timeout(CONNECT_TIMEOUT, welcome(&node, &links, incoming)).await;
            match welcomed {
                Ok(Err(error)) if error.is_distrust() => links.complaints.say(|more| {
                    tracing::warn!(peer = %address, %error, more, "no link");
                }),
                Ok(Err(error)) => tracing::debug!(peer = %address, %error, "no link"),
                Ok(Ok(())) | Err(_) => {}
            }
            drop(place);
        });
    }
}

/// Links cannot outlive the runtime that drives them. Without this, a node whose runtime is gone would stay in
/// memory for ever: node, links and each link hold one another until the link ends.
struct EndWithRuntime(Arc<Links>);

impl Drop for EndWithRuntime {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

async fn welcome(
    node: &Node,
    links: &Arc<Links>,
    incoming: transport::Incoming,
) -> Result<(), HandshakeError> {
    let connection = incoming.accept().await?;
    let (incoming, hello) = match hear_hello(&connection).await {
        Ok(heard) => heard,
        Err(error) => {
            connection.close(code::PROTOCOL, error.to_string().as_bytes());
            return Err(error);
        }
    };
    let decision = match hello.incarnation == node.incarnation() {
        // Another of this node's own addresses.
        true => Decision::Refuse,
        false => links.decide(node, canonical(connection.remote_address()), hello),
    };
    let link = match decision {
        Decision::Adopt(link) => link,
        Decision::Refuse => {
            connection.close(code::DUPLICATE, b"there is another connection");
            return Err(HandshakeError::Duplicate);
        }
        // Not as a duplicate: the peer would wait for a connection that nobody makes.
        Decision::Close(ExitReason::Overloaded) => {
            connection.close(code::OVERLOADED, b"too many links");
            return Err(HandshakeError::NoRoom);
        }
        Decision::Close(_) => {
            connection.close(code::NODE_DOWN, b"the node is shut down");
            return Err(HandshakeError::NoRoom);
        }
    };
    match say_hello(&connection, node, hello.attempt).await {
        Ok(outgoing) => {
            link.rise(Greeted {
                connection,
                outgoing,
                incoming,
                incarnation: hello.incarnation,
            });
            Ok(())
        }
        Err(error) => {
            link.end(ExitReason::Disconnected);
            Err(error)
        }
    }
}

/// A socket for both families shows IPv4 peers in IPv6 clothes.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

async fn say_hello(
    connection: &Connection,
    node: &Node,
    attempt: u64,
) -> Result<SendLane, HandshakeError> {
    let mut lane = connection.open_uni().await?;
    let mut first = BytesMut::new();
    let hello = Hello {
        version: VERSION,
        incarnation: node.incarnation(),
        attempt,
    };
    frame::put_control(&mut first, &Control::Hello(hello));
    lane.write_chunk(first.freeze()).await?;
    Ok(lane)
}

/// The first lane of the peer is its control lane, and begins with its hello.
async fn hear_hello(connection: &Connection) -> Result<(Incoming, Hello), HandshakeError> {
    let mut incoming = Incoming {
        stream: connection.accept_uni().await?,
        buffer: BytesMut::new(),
    };
    let (hello, length) = loop {
        if let Some((content, length)) = frame::split(&incoming.buffer)? {
            match frame::parse(content)? {
                Frame::Control(Control::Hello(hello)) => break (hello, length),
                _ => return Err(HandshakeError::NoHello),
            }
        }
        if !incoming.read().await {
            return Err(connection.closed().await.into());
        }
        // Anything longer is no hello.
        if incoming.buffer.len() > READ {
            return Err(HandshakeError::NoHello);
        }
    };
    if hello.version != VERSION {
        return Err(HandshakeError::Version(hello.version));
    }
    incoming.buffer.advance(length);
    Ok((incoming, hello))
}

impl Link {
    /// The link is up: starts what reads and writes it.
    fn rise(self: &Arc<Self>, greeted: Greeted) {
        let Greeted {
            connection,
            outgoing,
            incoming,
            incarnation,
        } = greeted;
        let up = Up {
            carrier: Carrier::Quic(connection.clone()),
            peer: connection.peer().clone(),
            incarnation,
            since: Instant::now(),
        };
        if self.up.set(up).is_err() {
            connection.close(code::DUPLICATE, b"there is another connection");
            return;
        }
        if self.outbox().ended().is_some() {
            connection.close(code::OVER, b"");
            return;
        }
        self.links.reached(self);
        tracing::debug!(peer = %self.remote, identity = %connection.peer(), "link up");
        lanes::keep_control(self, outgoing);
        Attendance::spawn(self, connection, incoming);
        let waiting = self.outbox().waiting_lanes();
        self.wake(waiting);
        self.changed.notify_waiters();
    }

    pub(super) fn connection_is_over(self: &Arc<Self>, reason: &CloseReason) {
        self.end(match reason {
            CloseReason::Peer { code, .. } if *code == u64::from(code::NODE_DOWN) => {
                ExitReason::NodeDown
            }
            CloseReason::Peer { code, .. } if *code == u64::from(code::OVERLOADED) => {
                ExitReason::Overloaded
            }
            _ => ExitReason::Disconnected,
        });
    }

    /// Waits until the link is up, or has ended.
    async fn risen(&self) {
        self.until(|link| link.up.get().is_some() || link.outbox().ended().is_some())
            .await;
    }

    /// The other node lives: it has connected to this one, and waits for the connection that this one makes.
    pub(super) fn hurry(&self) {
        self.in_a_hurry.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// The other node has sent the connection that this one made away for its own.
    pub(crate) fn give_way(&self) {
        self.give_way.store(true, Ordering::Release);
    }

    /// Whether a connection of the other node is waited for.
    pub(super) fn gives_way(&self) -> bool {
        self.give_way.load(Ordering::Acquire)
    }

    async fn hurried(&self) {
        self.until(|link| link.in_a_hurry.load(Ordering::Acquire))
            .await;
    }
}
