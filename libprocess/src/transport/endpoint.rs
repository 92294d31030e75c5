//! A node's end of the network.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use quinn::udp::UdpSocketState;
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, VarInt};
use thiserror::Error;

use super::config::Ways;
use super::driver::{self, ConnRef, HubRef};
use super::simulated::SimulatedSocket;
use super::{CloseReason, Connection, EndpointConfig, Liveness, Network, config, vacancy};
use crate::seat::Seat;
use crate::tls::{Identity, PeerVerifier, Trust, session_name};

/// What the system may keep of a node's datagrams: twice what a lane may have under way, because the system
/// counts its own overhead too. What does not fit is lost, and sent again much later.
const SOCKET_BUFFER: usize = 1 << 20;

/// Opens and accepts connections at one address. Clones are handles of the same endpoint.
#[derive(Clone)]
pub struct Endpoint {
    inner: HubRef,
    address: SocketAddr,
    seat: Seat,
    /// Its datagrams go through the system.
    real: bool,
    liveness: Liveness,
    /// Shared by all handles, and changed by [`rotate`](Endpoint::rotate).
    ways: Arc<RwLock<Ways>>,
}

/// A peer that wants to connect, before it proved who it is.
pub struct Incoming {
    inner: driver::Incoming,
    verifier: Arc<PeerVerifier>,
}

/// Why an endpoint could not be made.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process, or another node of this one, has the address.
    #[error(
        "{address} is taken: stop what uses this UDP port, or choose another port (0: any that is \
         free)"
    )]
    InUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The system refuses the address for another reason.
    #[error("cannot bind {address}: {source}")]
    Refused {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The node's certificate and key cannot be used.
    #[error("the node's identity cannot be used: {reason}")]
    Identity {
        /// What is wrong with it.
        reason: String,
    },
    /// The keys that survive restarts could not be read or written.
    #[error("the endpoint's keys in {path}: {source}")]
    Keys {
        /// The file that holds them.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// No node can have this address.
    #[error("{0} is not an address of a node")]
    InvalidAddress(SocketAddr),
    /// This endpoint was closed.
    #[error("this node is shutting down")]
    ShuttingDown,
    /// The handshake failed: nobody answered, or one side did not believe the other.
    #[error("no connection with {address}: {reason}")]
    Failed {
        /// The other side.
        address: SocketAddr,
        /// What became of the attempt.
        reason: CloseReason,
    },
}

/// Makes an endpoint. Needs a tokio runtime around it.
///
/// # Errors
/// If the address cannot be had, or the identity or the keys are unusable.
pub fn bind(config: EndpointConfig) -> Result<Endpoint, BindError> {
    let real = config.network.is_real();
    let ways = config::ways(&config.identity, &config.trusts, config.liveness, real)?;
    let endpoint = config::endpoint(&config)?;
    let (socket, seat) = socket(&config).map_err(|source| BindError::of(config.address, source))?;
    let address = socket
        .local_addr()
        .map_err(|source| BindError::of(config.address, source))?;

    let (inner, task) = HubRef::new(socket, address, endpoint, ways.server.clone());
    match seat.is_simulated() {
        true => drop(tokio::spawn(seat.hosted(Box::pin(task)))),
        false => drop(tokio::spawn(task)),
    }
    Ok(Endpoint {
        inner,
        address,
        seat,
        real,
        liveness: config.liveness,
        ways: Arc::new(RwLock::new(ways)),
    })
}

fn socket(config: &EndpointConfig) -> io::Result<(Arc<dyn AsyncUdpSocket>, Seat)> {
    match &config.network {
        Network::Udp => {
            let socket = UdpSocket::bind(config.address)?;
            let buffers = UdpSocketState::new((&socket).into())?;
            // The system may allow less, which is no reason not to start.
            let _ = buffers.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
            let _ = buffers.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
            let socket = TokioRuntime.wrap_udp_socket(socket)?;
            Ok((socket, Seat::default()))
        }
        Network::Simulated(network) => {
            let socket = SimulatedSocket::attach(network.clone(), config.address)?;
            let seat = socket.seat();
            Ok((Arc::new(socket), seat))
        }
        #[cfg(feature = "sim")]
        Network::Messages(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

impl BindError {
    /// What the system said when the address was asked for.
    pub(crate) fn of(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address },
            _ => BindError::Refused { address, source },
        }
    }
}

impl Endpoint {
    /// Connects to the node at `to`.
    ///
    /// The other side may still refuse *us* after this returned: a connection is up only once it
    /// has sent something of its own.
    ///
    /// # Errors
    /// If nobody answers there in time or the system says that nobody will, or if one side does not believe
    /// the other.
    pub async fn connect(&self, to: SocketAddr) -> Result<Connection, ConnectError> {
        let (client, verifier) = {
            let ways = self.ways();
            (ways.client.clone(), ways.verifier.clone())
        };
        // Ours are in certificates; this is the one under which a session is remembered.
        let connecting = self
            .inner
            .connect(client, to, &session_name(to))
            .map_err(|error| match error {
                quinn::ConnectError::EndpointStopping => ConnectError::ShuttingDown,
                _ => ConnectError::InvalidAddress(to),
            })?;
        tokio::select! {
            biased;
            established = established(connecting, to, &verifier) => established,
            () = self.vacant(to) => Err(ConnectError::Failed {
                address: to,
                reason: CloseReason::Vacant,
            }),
        }
    }

    /// Waits until the system says that nobody listens at `to`: for ever if it does not, or if the
    /// network is simulated.
    pub async fn vacant(&self, to: SocketAddr) {
        match self.real {
            true => vacancy::vacant(to).await,
            false => std::future::pending().await,
        }
    }

    /// The next peer that wants to connect; None once the endpoint was closed.
    pub async fn accept(&self) -> Option<Incoming> {
        let inner = self.inner.accept().await?;
        let verifier = self.ways().verifier.clone();
        Some(Incoming { inner, verifier })
    }

    /// The address bound, with the port that was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Connections made from now on present another identity and, if there are any, believe other `trusts`;
    /// those that are up stay as they are.
    ///
    /// # Errors
    /// If the identity cannot be used; then everything stays as it was.
    pub fn rotate(&self, identity: &Identity, trusts: &[Trust]) -> Result<(), BindError> {
        let ways = config::ways(identity, trusts, self.liveness, self.real)?;
        let mut current = self.ways.write().unwrap_or_else(PoisonError::into_inner);
        self.inner.set_server_config(ways.server.clone());
        *current = ways;
        Ok(())
    }

    fn ways(&self) -> RwLockReadGuard<'_, Ways> {
        self.ways.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's part in a simulated world.
    pub(crate) fn seat(&self) -> Seat {
        self.seat.clone()
    }

    /// Lets nothing out any more, not even that connections end, as if the node had died.
    pub fn mute(&self) {
        self.inner.mute();
    }

    /// Closes all connections with `reason`, accepts no more, and waits until the peers know or
    /// are past caring (three round trips).
    pub async fn close(&self, reason: &[u8]) {
        self.inner.close(VarInt::from_u32(0), reason);
        self.inner.wait_idle().await;
    }
}

impl Incoming {
    /// Who asks. Not yet proven.
    pub fn remote_address(&self) -> SocketAddr {
        self.inner.remote_address()
    }

    /// Whether it was seen that the peer gets what is sent to this address.
    pub fn is_proven(&self) -> bool {
        self.inner.remote_address_validated()
    }

    /// Asks the peer to come back with proof of its address. Nothing is kept of it until then.
    pub fn ask_for_proof(self) {
        self.inner.retry();
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// If the peer fails to prove that it is somebody we believe.
    pub async fn accept(self) -> Result<Connection, ConnectError> {
        let address = self.inner.remote_address();
        let connecting = self.inner.accept().map_err(|error| ConnectError::Failed {
            address,
            reason: error.into(),
        })?;
        established(connecting, address, &self.verifier).await
    }
}

async fn established(
    connecting: ConnRef,
    address: SocketAddr,
    verifier: &PeerVerifier,
) -> Result<Connection, ConnectError> {
    let failed = |reason| ConnectError::Failed { address, reason };
    let connected = connecting.connected().await;
    connected.map_err(|error| failed(error.into()))?;
    Connection::established(connecting, verifier).map_err(failed)
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.address)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({})", self.remote_address())
    }
}
