//! What the connections of one endpoint share.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, SocketAddrV6};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use quinn::AsyncUdpSocket;
use quinn::udp;
use quinn_proto::{
    ClientConfig, ConnectError, ConnectionError, ConnectionHandle, EcnCodepoint, EndpointConfig,
    ServerConfig, Transmit, VarInt,
};
use tokio::sync::Notify;

use super::conn::{Conn, ConnRef};
use super::notes::Notes;
use super::task::Task;

/// Buffers for packets that are kept: as many as there are threads that send at the same time.
const BUFFERS: usize = 4;

pub(super) struct Hub {
    pub(super) socket: Arc<dyn AsyncUdpSocket>,
    quic: Mutex<Quic>,
    notes: Mutex<Notes>,
    buffers: Mutex<Vec<Vec<u8>>>,
    /// Told when somebody wants to connect, and when nobody can any more.
    arrived: Notify,
    /// Told when the last connection is gone.
    idle: Notify,
    /// Handles in the hands of others.
    users: AtomicUsize,
    /// The node died: nothing gets out any more.
    muted: AtomicBool,
    ipv6: bool,
}

pub(super) struct Quic {
    pub(super) endpoint: quinn_proto::Endpoint,
    pub(super) connections: BTreeMap<usize, Arc<Conn>>,
    /// Those who want to connect; the protocol bounds their number.
    pub(super) incoming: VecDeque<quinn_proto::Incoming>,
    /// It was closed.
    pub(super) closed: bool,
    /// Its task is gone.
    lost: bool,
}

/// The time, as the runtime has it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Hub {
    // No foreign code runs under these locks, so what they guard is whole even if a thread died.

    pub(super) fn quic(&self) -> MutexGuard<'_, Quic> {
        self.quic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty buffer for packets.
    pub(super) fn buffer(&self) -> Vec<u8> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < BUFFERS {
            buffers.push(buffer);
        }
    }

    pub(super) fn max_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    /// Hands packets to the socket. False if it has no room.
    pub(super) fn try_send(&self, transmit: &Transmit, buffer: &[u8]) -> bool {
        if self.muted.load(Ordering::Acquire) {
            return true;
        }
        let sent = self.socket.try_send(&udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.map(|ecn| match ecn {
                EcnCodepoint::Ect0 => udp::EcnCodepoint::Ect0,
                EcnCodepoint::Ect1 => udp::EcnCodepoint::Ect1,
                EcnCodepoint::Ce => udp::EcnCodepoint::Ce,
            }),
            contents: &buffer[..transmit.size],
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        });
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            // Other errors are about one packet or one peer: as good as lost on the way.
            _ => true,
        }
    }

    /// An answer to somebody with whom there is no connection: it may get lost.
    pub(super) fn respond(&self, transmit: &Transmit, buffer: &[u8]) {
        let _ = self.try_send(transmit, buffer);
    }

    pub(super) fn somebody_arrived(&self) {
        self.arrived.notify_waiters();
    }

    /// A connection is gone.
    pub(super) fn forget(&self, handle: ConnectionHandle) {
        let gone = {
            let mut quic = self.quic();
            let gone = quic.connections.remove(&handle.0);
            if quic.connections.is_empty() {
                self.idle.notify_waiters();
            }
            gone
        };
        drop(gone);
    }

    /// Nobody holds the endpoint, and it has no connections.
    pub(super) fn is_done(&self) -> bool {
        self.users.load(Ordering::Acquire) == 0 && self.quic().connections.is_empty()
    }

    /// The task that moves all this is gone: so is everything.
    pub(super) fn lost(&self) {
        let connections = {
            let mut quic = self.quic();
            quic.lost = true;
            while let Some(incoming) = quic.incoming.pop_front() {
                quic.endpoint.ignore(incoming);
            }
            std::mem::take(&mut quic.connections)
        };
        for conn in connections.values() {
            conn.terminate(&mut conn.lock(), ConnectionError::LocallyClosed);
        }
        *self.notes() = Notes::default();
        self.arrived.notify_waiters();
        self.idle.notify_waiters();
    }

    fn add(
        self: &Arc<Self>,
        quic: &mut Quic,
        handle: ConnectionHandle,
        connection: quinn_proto::Connection,
    ) -> ConnRef {
        let conn = Conn::new(self.clone(), handle, connection);
        quic.connections.insert(handle.0, conn.clone());
        ConnRef::new(&conn)
    }

    fn wake_task(&self) {
        let waker = self.notes().added();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A handle of the endpoint in the hands of a user.
pub(in crate::transport) struct HubRef(Arc<Hub>);

impl HubRef {
    /// An endpoint, and the task that moves it.
    pub(in crate::transport) fn new(
        socket: Arc<dyn AsyncUdpSocket>,
        address: SocketAddr,
        config: EndpointConfig,
        server: ServerConfig,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let endpoint = quinn_proto::Endpoint::new(
            Arc::new(config),
            Some(Arc::new(server)),
            !socket.may_fragment(),
            None,
        );
        let hub = Arc::new(Hub {
            socket,
            quic: Mutex::new(Quic {
                endpoint,
                connections: BTreeMap::new(),
                incoming: VecDeque::new(),
                closed: false,
                lost: false,
            }),
            notes: Mutex::default(),
            buffers: Mutex::default(),
            arrived: Notify::new(),
            idle: Notify::new(),
            users: AtomicUsize::new(1),
            muted: AtomicBool::new(false),
            ipv6: address.is_ipv6(),
        });
        let task = Task::new(hub.clone());
        (Self(hub), task)
    }

    pub(in crate::transport) fn connect(
        &self,
        config: ClientConfig,
        to: SocketAddr,
        name: &str,
    ) -> Result<ConnRef, ConnectError> {
        let to = match (self.0.ipv6, to) {
            (false, SocketAddr::V6(_)) => return Err(ConnectError::InvalidRemoteAddress(to)),
            (true, SocketAddr::V4(v4)) => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            _ => to,
        };
        let conn = {
            let mut quic = self.0.quic();
            if quic.closed || quic.lost {
                return Err(ConnectError::EndpointStopping);
            }
            let (handle, connection) = quic.endpoint.connect(now(), config, to, name)?;
            self.0.add(&mut quic, handle, connection)
        };
        conn.conn().act(|_| ());
        Ok(conn)
    }

    /// The next that wants to connect; None if nobody can any more.
    pub(in crate::transport) async fn accept(&self) -> Option<Incoming> {
        loop {
            let mut arrived = std::pin::pin!(self.0.arrived.notified());
            arrived.as_mut().enable();
            {
                let mut quic = self.0.quic();
                if let Some(incoming) = quic.incoming.pop_front() {
                    drop(quic);
                    return Some(Incoming {
                        hub: self.clone(),
                        incoming: Some(incoming),
                    });
                }
                if quic.closed || quic.lost {
                    return None;
                }
            }
            arrived.await;
        }
    }

    pub(in crate::transport) fn set_server_config(&self, config: ServerConfig) {
        let mut quic = self.0.quic();
        quic.endpoint.set_server_config(Some(Arc::new(config)));
    }

    /// Closes all connections, and lets nobody connect any more.
    pub(in crate::transport) fn close(&self, code: VarInt, reason: &[u8]) {
        let connections = {
            let mut quic = self.0.quic();
            quic.closed = true;
            quic.connections.values().cloned().collect::<Vec<_>>()
        };
        let reason = Bytes::copy_from_slice(reason);
        for conn in connections {
            conn.close(code, reason.clone());
        }
        self.0.arrived.notify_waiters();
    }

    /// Lets nothing out any more, as if the node had died.
    pub(in crate::transport) fn mute(&self) {
        self.0.muted.store(true, Ordering::Release);
    }

    /// Waits until there is no connection any more.
    pub(in crate::transport) async fn wait_idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.0.idle.notified());
            idle.as_mut().enable();
            if self.0.quic().connections.is_empty() {
                return;
            }
            idle.await;
        }
    }
}

impl Clone for HubRef {
    fn clone(&self) -> Self {
        self.0.users.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for HubRef {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.wake_task();
        }
    }
}

/// Somebody who wants to connect. Dropped, it is refused.
pub(in crate::transport) struct Incoming {
    hub: HubRef,
    incoming: Option<quinn_proto::Incoming>,
}

impl Incoming {
    pub(in crate::transport) fn remote_address(&self) -> SocketAddr {
        self.ask(quinn_proto::Incoming::remote_address)
    }

    pub(in crate::transport) fn remote_address_validated(&self) -> bool {
        self.ask(quinn_proto::Incoming::remote_address_validated)
    }

    fn ask<R>(&self, question: impl FnOnce(&quinn_proto::Incoming) -> R) -> R {
        let incoming = self.incoming.as_ref();
        question(incoming.expect("it is there until it is used up"))
    }

    pub(in crate::transport) fn accept(mut self) -> Result<ConnRef, ConnectionError> {
        let Some(incoming) = self.incoming.take() else {
            return Err(ConnectionError::LocallyClosed);
        };
        let hub = &self.hub.0;
        let mut buffer = hub.buffer();
        let accepted = {
            let mut quic = hub.quic();
            let accepted = quic.endpoint.accept(incoming, now(), &mut buffer, None);
            accepted.map(|(handle, connection)| hub.add(&mut quic, handle, connection))
        };
        let conn = accepted.map_err(|error| {
            if let Some(transmit) = error.response {
                hub.respond(&transmit, &buffer);
            }
            error.cause
        });
        hub.give_back(buffer);
        let conn = conn?;
        conn.conn().act(|_| ());
        if hub.quic().closed {
            conn.close(VarInt::from_u32(0), b"");
        }
        Ok(conn)
    }

    /// Asks the peer to come back with a proof of its address, if it has none.
    pub(in crate::transport) fn retry(mut self) {
        let Some(incoming) = self.incoming.take() else {
            return;
        };
        let hub = &self.hub.0;
        let mut buffer = hub.buffer();
        let retry = hub.quic().endpoint.retry(incoming, &mut buffer);
        match retry {
            Ok(transmit) => hub.respond(&transmit, &buffer),
            Err(error) => self.incoming = Some(error.into_incoming()),
        }
        hub.give_back(buffer);
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            let hub = &self.hub.0;
            let mut buffer = hub.buffer();
            let refusal = hub.quic().endpoint.refuse(incoming, &mut buffer);
            hub.respond(&refusal, &buffer);
            hub.give_back(buffer);
        }
    }
}
