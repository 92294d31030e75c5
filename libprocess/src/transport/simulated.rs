//! A simulated network's datagrams in the shape quinn expects of a socket.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::network::DatagramNetwork;
use crate::seat::Seat;

#[derive(Debug)]
pub(super) struct SimulatedSocket {
    network: Arc<dyn DatagramNetwork>,
    address: SocketAddr,
    attachment: u64,
    seat: Seat,
}

impl SimulatedSocket {
    pub(super) fn attach(
        network: Arc<dyn DatagramNetwork>,
        address: SocketAddr,
    ) -> io::Result<Self> {
        let attached = network.attach(address)?;
        Ok(SimulatedSocket {
            network,
            address: attached.address,
            attachment: attached.number,
            seat: attached.seat,
        })
    }

    pub(super) fn seat(&self) -> Seat {
        self.seat.clone()
    }
}

impl Drop for SimulatedSocket {
    fn drop(&mut self) {
        self.network.detach(self.address, self.attachment);
    }
}

impl AsyncUdpSocket for SimulatedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let size = transmit.segment_size.unwrap_or(transmit.contents.len());
        for datagram in transmit.contents.chunks(size.max(1)) {
            self.network.send(
                self.address,
                self.attachment,
                transmit.destination,
                datagram,
            );
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (datagram, from) = ready!(self.network.poll_receive(self.address, self.attachment, cx));
        let length = datagram.len().min(buffers[0].len());
        buffers[0][..length].copy_from_slice(&datagram[..length]);
        metas[0] = RecvMeta {
            addr: from,
            len: length,
            stride: length,
            ecn: None,
            dst_ip: None,
        };
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    // One datagram per send and no fragments: sizes then follow from the protocol alone.
    fn max_transmit_segments(&self) -> usize {
        1
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
