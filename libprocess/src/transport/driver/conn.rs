//! One connection.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::{
    ConnectionError, ConnectionHandle, ConnectionStats, Dir, Event, StreamEvent, StreamId,
    Transmit, VarInt,
};
use tokio::sync::Notify;

use super::hub::{Hub, now};
use super::streams::{ReceiveStream, SendStream};
use crate::transport::congestion::let_close;

/// Bytes of datagrams that are handed to the system at once: nearly the 64 KiB that it takes at most.
const AT_ONCE: usize = 64_000;

/// Bytes after which a connection gives way to others of its endpoint.
const TURN: usize = 2 * AT_ONCE;

pub(super) struct Conn {
    pub(super) hub: Arc<Hub>,
    handle: ConnectionHandle,
    state: Mutex<State>,
    /// Told when it is up, at its end, and when lanes may be opened.
    changed: Notify,
    /// Handles and lanes in the hands of others.
    users: AtomicUsize,
}

pub(super) struct State {
    pub(super) quic: quinn_proto::Connection,
    pub(super) readers: Wakers,
    pub(super) writers: Wakers,
    /// Who waits for lanes of the peer.
    acceptor: Option<Waker>,
    connected: bool,
    pub(super) error: Option<ConnectionError>,
    /// When the endpoint's task looks at it, at the latest.
    armed: Option<Instant>,
    /// What the socket had no room for.
    unsent: Option<Box<(Transmit, Vec<u8>)>>,
}

/// Who waits for which lane. There are few of them.
#[derive(Default)]
pub(super) struct Wakers(Vec<(StreamId, Waker)>);

impl Wakers {
    pub(super) fn insert(&mut self, stream: StreamId, waker: &Waker) {
        match self.0.iter_mut().find(|(id, _)| *id == stream) {
            Some((_, known)) => known.clone_from(waker),
            None => self.0.push((stream, waker.clone())),
        }
    }

    pub(super) fn remove(&mut self, stream: StreamId) -> Option<Waker> {
        let place = self.0.iter().position(|(id, _)| *id == stream)?;
        Some(self.0.remove(place).1)
    }

    fn wake(&mut self, stream: StreamId) {
        if let Some(waker) = self.remove(stream) {
            waker.wake();
        }
    }

    fn wake_all(&mut self) {
        for (_, waker) in self.0.drain(..) {
            waker.wake();
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Conn {
    pub(super) fn new(
        hub: Arc<Hub>,
        handle: ConnectionHandle,
        quic: quinn_proto::Connection,
    ) -> Arc<Self> {
        Arc::new(Self {
            hub,
            handle,
            state: Mutex::new(State {
                quic,
                readers: Wakers::default(),
                writers: Wakers::default(),
                acceptor: None,
                connected: false,
                error: None,
                armed: None,
                unsent: None,
            }),
            changed: Notify::new(),
            users: AtomicUsize::new(0),
        })
    }

    pub(super) fn handle(&self) -> ConnectionHandle {
        self.handle
    }

    // No foreign code runs under the lock, so what it guards is whole even if a thread died.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the connection, then does what follows from it.
    pub(super) fn act<R>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let changed = change(&mut state);
        self.settle(&mut state);
        changed
    }

    /// The time has come for which it was noted.
    pub(super) fn due(self: &Arc<Self>) {
        self.act(|state| state.armed = None);
    }

    /// Does all that there is to do now: sends, looks at the time, wakes, and notes what has to wait.
    pub(super) fn settle(self: &Arc<Self>, state: &mut State) {
        let now = now();
        loop {
            self.send(state, now);
            match state.quic.poll_timeout() {
                Some(at) if at <= now => state.quic.handle_timeout(now),
                _ => break,
            }
        }
        self.tell(state);
        let mut waker = None;
        if let Some(event) = state.quic.poll_endpoint_events() {
            let mut notes = self.hub.notes();
            notes.events.push((self.clone(), event));
            while let Some(event) = state.quic.poll_endpoint_events() {
                notes.events.push((self.clone(), event));
            }
            waker = notes.added();
        }
        if state.quic.is_drained() {
            self.hub.notes().disarm(self.handle, state.armed.take());
        } else if let Some(at) = state.quic.poll_timeout()
            // What was noted for sooner will find that there is nothing to do yet.
            && state.armed.is_none_or(|armed| at < armed)
        {
            let before = state.armed.replace(at);
            waker = self.hub.notes().arm(self.handle, before, at).or(waker);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn send(self: &Arc<Self>, state: &mut State, now: Instant) {
        let hub = &self.hub;
        if let Some(unsent) = state.unsent.take()
            && !hub.try_send(&unsent.0, &unsent.1)
        {
            state.unsent = Some(unsent);
            return;
        }
        let mut buffer = hub.buffer();
        let fitting = AT_ONCE / usize::from(state.quic.current_mtu());
        let most = hub.max_segments().min(fitting);
        let mut sent = 0;
        while let Some(transmit) = state.quic.poll_transmit(now, most, &mut buffer) {
            if !hub.try_send(&transmit, &buffer) {
                state.unsent = Some(Box::new((transmit, std::mem::take(&mut buffer))));
                self.note(|notes| &mut notes.blocked);
                break;
            }
            sent += transmit.size;
            buffer.clear();
            if sent >= TURN {
                self.note(|notes| &mut notes.more);
                break;
            }
        }
        hub.give_back(buffer);
    }

    fn note(self: &Arc<Self>, list: impl FnOnce(&mut super::notes::Notes) -> &mut Vec<Arc<Self>>) {
        let waker = {
            let mut notes = self.hub.notes();
            list(&mut notes).push(self.clone());
            notes.added()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Tells those who wait what has happened.
    fn tell(&self, state: &mut State) {
        while let Some(event) = state.quic.poll() {
            match event {
                Event::Connected => {
                    state.connected = true;
                    self.changed.notify_waiters();
                }
                Event::ConnectionLost { reason } => self.terminate(state, reason),
                Event::Stream(StreamEvent::Readable { id }) => state.readers.wake(id),
                Event::Stream(StreamEvent::Writable { id } | StreamEvent::Stopped { id, .. }) => {
                    state.writers.wake(id)
                }
                Event::Stream(StreamEvent::Opened { .. }) => wake(&mut state.acceptor),
                Event::Stream(StreamEvent::Available { .. }) => self.changed.notify_waiters(),
                Event::Stream(StreamEvent::Finished { .. })
                | Event::HandshakeDataReady
                | Event::DatagramReceived
                | Event::DatagramsUnblocked => {}
            }
        }
    }

    /// It is over for those who use it.
    pub(super) fn terminate(&self, state: &mut State, reason: ConnectionError) {
        state.error.get_or_insert(reason);
        state.readers.wake_all();
        state.writers.wake_all();
        wake(&mut state.acceptor);
        self.changed.notify_waiters();
    }

    pub(super) fn close(self: &Arc<Self>, code: VarInt, reason: Bytes) {
        self.act(|state| {
            if state.error.is_none() {
                let_close(&state.quic);
                state.quic.close(now(), code, reason);
                self.terminate(state, ConnectionError::LocallyClosed);
            }
        });
    }
}

/// A handle in the hands of a user. When the last one is dropped, the connection is closed.
pub(in crate::transport) struct ConnRef(Arc<Conn>);

impl ConnRef {
    pub(super) fn new(conn: &Arc<Conn>) -> Self {
        conn.users.fetch_add(1, Ordering::Relaxed);
        Self(conn.clone())
    }

    pub(super) fn conn(&self) -> &Arc<Conn> {
        &self.0
    }

    /// Waits until `look` finds what it looks for.
    async fn until<R>(&self, mut look: impl FnMut(&mut State) -> Option<R>) -> R {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = self.0.act(&mut look) {
                return found;
            }
            changed.await;
        }
    }

    /// Waits until both sides have shaken hands.
    pub(in crate::transport) async fn connected(&self) -> Result<(), ConnectionError> {
        let look = |state: &mut State| match &state.error {
            Some(error) => Some(Err(error.clone())),
            None => state.connected.then_some(Ok(())),
        };
        self.until(look).await
    }

    /// Waits for the end.
    pub(in crate::transport) async fn closed(&self) -> ConnectionError {
        self.until(|state| state.error.clone()).await
    }

    pub(in crate::transport) async fn open(&self) -> Result<SendStream, ConnectionError> {
        let look = |state: &mut State| match &state.error {
            Some(error) => Some(Err(error.clone())),
            None => state.quic.streams().open(Dir::Uni).map(Ok),
        };
        let stream = self.until(look).await?;
        Ok(SendStream::new(self.clone(), stream))
    }

    /// The next lane of the peer. One task may wait for it.
    pub(in crate::transport) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ReceiveStream, ConnectionError>> {
        let mut state = self.0.lock();
        if let Some(stream) = state.quic.streams().accept(Dir::Uni) {
            // The peer may be told that it may open more.
            self.0.settle(&mut state);
            drop(state);
            return Poll::Ready(Ok(ReceiveStream::new(self.clone(), stream)));
        }
        // What the peer opened before the end could be read after it.
        if let Some(error) = &state.error {
            return Poll::Ready(Err(error.clone()));
        }
        if !state
            .acceptor
            .as_ref()
            .is_some_and(|w| w.will_wake(cx.waker()))
        {
            state.acceptor = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(in crate::transport) fn close(&self, code: VarInt, reason: &[u8]) {
        self.0.close(code, Bytes::copy_from_slice(reason));
    }

    pub(in crate::transport) fn remote_address(&self) -> SocketAddr {
        self.0.lock().quic.remote_address()
    }

    pub(in crate::transport) fn rtt(&self) -> Duration {
        self.0.lock().quic.rtt()
    }

    pub(in crate::transport) fn stats(&self) -> ConnectionStats {
        self.0.lock().quic.stats()
    }

    /// What TLS found out about the peer.
    pub(in crate::transport) fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.0.lock().quic.crypto_session().peer_identity()
    }
}

impl Clone for ConnRef {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for ConnRef {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close(VarInt::from_u32(0), Bytes::new());
        }
    }
}
