//! The seam: what a node needs of a network is that it carries datagrams.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::seat::Seat;

/// Where a node's datagrams go.
#[derive(Clone, Debug, Default)]
pub enum Network {
    /// A UDP socket of the operating system.
    #[default]
    Udp,
    /// A network inside this process; see the module `sim`.
    Simulated(Arc<dyn DatagramNetwork>),
    /// A network inside this process that carries messages, not datagrams; see [`sim`](crate::sim).
    #[cfg(feature = "sim")]
    Messages(crate::sim::Messages),
}

impl Network {
    /// Whether datagrams go through the system.
    pub(super) fn is_real(&self) -> bool {
        matches!(self, Self::Udp)
    }
}

/// A node's place on a simulated network.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The address taken.
    pub address: SocketAddr,
    /// Tells this attachment from later ones of the same address.
    pub number: u64,
    #[doc(hidden)]
    pub seat: Seat,
}

/// A network of datagrams, which may lose, delay, repeat and reorder them.
///
/// One value carries the datagrams of all nodes that were given it.
pub trait DatagramNetwork: Debug + Send + Sync + 'static {
    /// Attaches a node. Port 0 asks for any free port.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if some node has the address.
    fn attach(&self, address: SocketAddr) -> io::Result<Attached>;

    /// Detaches a node; what is under way to it is lost. Without effect on later attachments.
    fn detach(&self, address: SocketAddr, attachment: u64);

    /// Sends one datagram. It may get lost; that is no error.
    fn send(&self, from: SocketAddr, attachment: u64, to: SocketAddr, datagram: &[u8]);

    /// The next datagram that arrived, with its sender, or wakes `cx` when one arrives. An
    /// attachment has one receiver.
    fn poll_receive(
        &self,
        address: SocketAddr,
        attachment: u64,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<u8>, SocketAddr)>;
}
