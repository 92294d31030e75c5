//! A node's end of the network.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, VarInt};
use thiserror::Error;

use super::simulated::{SimulatedRuntime, SimulatedSocket};
use super::{CloseReason, Connection, EndpointConfig, Network, config, vacancy};
use crate::seat::Seat;

/// Opens and accepts connections at one address. Clones are handles of the same endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    inner: quinn::Endpoint,
    address: SocketAddr,
    seat: Seat,
    /// Its datagrams go through the system.
    real: bool,
}

/// A peer that wants to connect, before it proved who it is.
#[derive(Debug)]
pub struct Incoming(quinn::Incoming);

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
    let (server, client) = config::quic(&config)?;
    let endpoint = config::endpoint(&config)?;
    let (socket, seat) = socket(&config).map_err(|source| refusal(config.address, source))?;
    let address = socket
        .local_addr()
        .map_err(|source| refusal(config.address, source))?;

    let runtime: Arc<dyn Runtime> = match seat.is_simulated() {
        true => Arc::new(SimulatedRuntime(seat.clone())),
        false => Arc::new(TokioRuntime),
    };
    let mut inner =
        quinn::Endpoint::new_with_abstract_socket(endpoint, Some(server), socket, runtime)
            .map_err(|source| refusal(config.address, source))?;
    inner.set_default_client_config(client);
    Ok(Endpoint {
        inner,
        address,
        seat,
        real: matches!(config.network, Network::Udp),
    })
}

fn socket(config: &EndpointConfig) -> io::Result<(Arc<dyn AsyncUdpSocket>, Seat)> {
    match &config.network {
        Network::Udp => {
            let socket = TokioRuntime.wrap_udp_socket(UdpSocket::bind(config.address)?)?;
            Ok((socket, Seat::default()))
        }
        Network::Simulated(network) => {
            let socket = SimulatedSocket::attach(network.clone(), config.address)?;
            let seat = socket.seat();
            Ok((Arc::new(socket), seat))
        }
    }
}

fn refusal(address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        _ => BindError::Refused { address, source },
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
        // The name is required by the protocol; ours are in certificates.
        let connecting = self
            .inner
            .connect(to, "node")
            .map_err(|error| match error {
                quinn::ConnectError::EndpointStopping => ConnectError::ShuttingDown,
                _ => ConnectError::InvalidAddress(to),
            })?;
        tokio::select! {
            biased;
            established = established(connecting, to) => established,
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
        self.inner.accept().await.map(Incoming)
    }

    /// The address bound, with the port that was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The node's part in a simulated world.
    pub(crate) fn seat(&self) -> Seat {
        self.seat.clone()
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
        self.0.remote_address()
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// If the peer fails to prove that it is somebody we believe.
    pub async fn accept(self) -> Result<Connection, ConnectError> {
        let address = self.0.remote_address();
        let connecting = self.0.accept().map_err(|error| ConnectError::Failed {
            address,
            reason: error.into(),
        })?;
        established(connecting, address).await
    }
}

async fn established(
    connecting: quinn::Connecting,
    address: SocketAddr,
) -> Result<Connection, ConnectError> {
    let failed = |reason| ConnectError::Failed { address, reason };
    let connection = connecting.await.map_err(|error| failed(error.into()))?;
    Connection::established(connection).ok_or(failed(CloseReason::Local))
}
