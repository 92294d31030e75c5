//! A connection with an authenticated peer.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use quinn::{ConnectionError, VarInt};
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use super::driver::ConnRef;
use super::{PeerIdentity, ReceiveLane, SendLane, refusal};
use crate::tls::PeerVerifier;

/// A connection with one peer. Clones are handles of the same connection; when the last one and the
/// last lane are dropped, it is closed.
#[derive(Clone)]
pub struct Connection {
    inner: ConnRef,
    peer: Arc<PeerIdentity>,
}

/// The code with which a connection is closed whose peer turns out not to be believed after all.
const DISTRUST: u32 = 16;

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The peer closed it on purpose.
    #[error("closed by the peer with code {code}: {}", String::from_utf8_lossy(.reason))]
    Peer {
        /// What the peer gave to [`Connection::close`].
        code: u64,
        /// Likewise.
        reason: Bytes,
    },
    /// This side closed it.
    #[error("closed by this node")]
    Local,
    /// The peer does not know the connection: it was restarted.
    #[error("the peer was restarted")]
    Restarted,
    /// Nothing was heard from the peer for the idle timeout.
    #[error("the peer fell silent")]
    Silent,
    /// Nobody has the port: its machine says so.
    #[error("nobody listens there")]
    Vacant,
    /// One side did not believe the other's certificate, or broke the protocol.
    #[error("refused: {0}")]
    Refused(String),
}

impl Connection {
    /// The connection, unless its peer is not to be believed: a certificate may have expired since the
    /// session began that this handshake resumed.
    pub(super) fn established(
        inner: ConnRef,
        verifier: &PeerVerifier,
    ) -> Result<Self, CloseReason> {
        let chain = inner.peer_identity().and_then(|chain| {
            let chain = chain.downcast::<Vec<CertificateDer<'static>>>();
            chain.ok()
        });
        // The handshake does not let it happen that there is none.
        let chain = chain.ok_or(CloseReason::Local)?;
        if let Err(error) = verifier.check_again(&chain) {
            inner.close(VarInt::from_u32(DISTRUST), refusal::PEERS.as_bytes());
            return Err(CloseReason::Refused(refusal::ours(&error)));
        }
        let identity = chain.first().and_then(PeerIdentity::of_certificate);
        let peer = identity.ok_or(CloseReason::Local)?;
        Ok(Connection {
            inner,
            peer: Arc::new(peer),
        })
    }

    /// Opens a lane to the peer. Waits while [`MAX_LANES`](super::MAX_LANES) are open. The peer
    /// learns of it with the first bytes.
    ///
    /// # Errors
    /// If the connection is over.
    pub async fn open_uni(&self) -> Result<SendLane, CloseReason> {
        Ok(SendLane::new(self.inner.open().await?))
    }

    /// The next lane that the peer opened. One task at a time may wait for it.
    ///
    /// # Errors
    /// If the connection is over.
    pub async fn accept_uni(&self) -> Result<ReceiveLane, CloseReason> {
        poll_fn(|cx| self.poll_accept_uni(cx)).await
    }

    /// As [`accept_uni`](Self::accept_uni).
    pub(crate) fn poll_accept_uni(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ReceiveLane, CloseReason>> {
        let accepted = ready!(self.inner.poll_accept(cx));
        Poll::Ready(accepted.map(ReceiveLane::new).map_err(CloseReason::from))
    }

    /// Ends the connection at once, also for what was written but did not arrive yet.
    pub fn close(&self, code: u32, reason: &[u8]) {
        self.inner.close(VarInt::from_u32(code), reason);
    }

    /// Waits until the connection is over.
    pub async fn closed(&self) -> CloseReason {
        self.inner.closed().await.into()
    }

    /// Who the other side is: proven by its certificate.
    pub fn peer(&self) -> &Arc<PeerIdentity> {
        &self.peer
    }

    /// The address the peer's packets come from.
    pub fn remote_address(&self) -> SocketAddr {
        self.inner.remote_address()
    }

    /// The current estimate of a round trip's duration.
    pub fn rtt(&self) -> Duration {
        self.inner.rtt()
    }

    /// What it carried so far.
    pub fn traffic(&self) -> Traffic {
        let stats = self.inner.stats();
        Traffic {
            bytes_out: stats.udp_tx.bytes,
            bytes_in: stats.udp_rx.bytes,
            lost_packets: stats.path.lost_packets,
            rtt: stats.path.rtt,
        }
    }
}

/// What a connection carried so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent, headers and what was sent again included.
    pub bytes_out: u64,
    /// Bytes received, likewise.
    pub bytes_in: u64,
    /// Packets that were lost on the way out.
    pub lost_packets: u64,
    /// The current estimate of a round trip's duration.
    pub rtt: Duration,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} at {})", self.peer, self.remote_address())
    }
}

impl From<ConnectionError> for CloseReason {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close)
                if close.error_code == VarInt::from_u32(DISTRUST) =>
            {
                CloseReason::Refused(refusal::theirs())
            }
            ConnectionError::ApplicationClosed(close) => CloseReason::Peer {
                code: close.error_code.into_inner(),
                reason: close.reason,
            },
            ConnectionError::LocallyClosed => CloseReason::Local,
            ConnectionError::Reset => CloseReason::Restarted,
            ConnectionError::TimedOut => CloseReason::Silent,
            other => CloseReason::Refused(refusal::explain(&other)),
        }
    }
}
