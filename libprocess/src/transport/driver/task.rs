//! The task of an endpoint: receives for all its connections, and keeps their time.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use quinn::UdpPoller;
use quinn::udp::{self, RecvMeta};
use quinn_proto::{ConnectionEvent, DatagramEvent, EcnCodepoint};
use tokio::time::{Sleep, sleep_until};

use super::conn::Conn;
use super::hub::{Hub, Quic, now};

/// Messages taken from the socket at once; each may be as many datagrams as the system has put together.
const MESSAGES: usize = 8;

/// No message is larger, however many datagrams it is.
const MESSAGE: usize = 64 * 1024;

/// Bytes received after which other tasks of the thread get their turn: some tenths of a millisecond.
const TURN: usize = 256 * 1024;

pub(super) struct Task {
    hub: Arc<Hub>,
    writable: Pin<Box<dyn UdpPoller>>,
    sleep: Option<Pin<Box<Sleep>>>,
    buffer: Box<[u8]>,
    /// What arrived for whom, in order; empty between turns.
    arrived: Vec<(Arc<Conn>, ConnectionEvent)>,
}

impl Task {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        let longest = hub.quic().endpoint.config().get_max_udp_payload_size();
        let message = longest as usize * hub.socket.max_receive_segments();
        let message = message.min(MESSAGE);
        Self {
            writable: hub.socket.clone().create_io_poller(),
            sleep: None,
            buffer: vec![0; message * MESSAGES].into(),
            arrived: Vec::new(),
            hub,
        }
    }

    /// Receives what is there. True if there may be more.
    fn receive(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let hub = self.hub.clone();
        let message = self.buffer.len() / MESSAGES;
        let mut metas = [RecvMeta::default(); MESSAGES];
        let mut received = 0;
        while received < TURN {
            let mut buffers = self.buffer.chunks_exact_mut(message).map(IoSliceMut::new);
            let mut slices: [_; MESSAGES] =
                std::array::from_fn(|_| buffers.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            let count = match hub.socket.poll_recv(cx, &mut slices, &mut metas) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(count)) => count,
                // Forged by anybody, and no concern of ours.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    continue;
                }
                Poll::Ready(Err(error)) => return Err(error),
            };
            drop(buffers);
            {
                let now = now();
                let mut quic = hub.quic();
                for (meta, slice) in metas.iter().zip(&slices).take(count) {
                    received += meta.len;
                    let mut datagrams = BytesMut::from(&slice[..meta.len]);
                    while !datagrams.is_empty() {
                        let length = meta.stride.clamp(1, datagrams.len());
                        let datagram = datagrams.split_to(length);
                        take(&hub, &mut quic, &mut self.arrived, now, meta, datagram);
                    }
                }
            }
            self.hand_over();
        }
        Ok(true)
    }

    /// Gives connections what arrived for them.
    fn hand_over(&mut self) {
        let mut arrived = self.arrived.drain(..).peekable();
        while let Some((conn, event)) = arrived.next() {
            let mut state = conn.lock();
            state.quic.handle_event(event);
            while let Some((_, event)) = arrived.next_if(|(other, _)| Arc::ptr_eq(other, &conn)) {
                state.quic.handle_event(event);
            }
            conn.settle(&mut state);
        }
    }

    /// Goes on with what connections had to leave. True if some of them wait for room in the socket.
    fn go_on(&mut self, cx: &mut Context<'_>) -> bool {
        let hub = &self.hub;
        let (mut events, more) = {
            let mut notes = hub.notes();
            (
                std::mem::take(&mut notes.events),
                std::mem::take(&mut notes.more),
            )
        };
        while !events.is_empty() {
            for (conn, event) in events {
                let drained = event.is_drained();
                let answer = hub.quic().endpoint.handle_event(conn.handle(), event);
                if let Some(answer) = answer {
                    conn.act(|state| state.quic.handle_event(answer));
                }
                if drained {
                    hub.forget(conn.handle());
                }
            }
            events = std::mem::take(&mut hub.notes().events);
        }
        more.iter().for_each(|conn| conn.act(|_| ()));
        let now = now();
        loop {
            let due = hub.notes().due(now);
            let Some(due) = due else {
                break;
            };
            let conn = hub.quic().connections.get(&due).cloned();
            if let Some(conn) = conn {
                conn.due();
            }
        }
        while !hub.notes().blocked.is_empty() {
            if self.writable.as_mut().poll_writable(cx).is_pending() {
                return true;
            }
            let blocked = std::mem::take(&mut hub.notes().blocked);
            blocked.iter().for_each(|conn| conn.act(|_| ()));
        }
        false
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.hub.notes().begin(cx.waker());
        let more = match this.receive(cx) {
            Ok(more) => more,
            Err(error) => {
                tracing::error!(%error, "the socket is of no more use");
                return Poll::Ready(());
            }
        };
        let waits_for_room = this.go_on(cx);
        if this.hub.is_done() {
            return Poll::Ready(());
        }
        let next = this.hub.notes().finish(waits_for_room);
        let Ok(next) = next else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        if let Some(at) = next {
            let at = tokio::time::Instant::from_std(at);
            let sleep = match &mut this.sleep {
                Some(sleep) => {
                    if sleep.deadline() != at {
                        sleep.as_mut().reset(at);
                    }
                    sleep
                }
                none => none.insert(Box::pin(sleep_until(at))),
            };
            if sleep.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        if more {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.hub.lost();
    }
}

/// Finds out what a datagram is.
fn take(
    hub: &Hub,
    quic: &mut Quic,
    arrived: &mut Vec<(Arc<Conn>, ConnectionEvent)>,
    now: Instant,
    meta: &RecvMeta,
    datagram: BytesMut,
) {
    let ecn = meta.ecn.map(|ecn| match ecn {
        udp::EcnCodepoint::Ect0 => EcnCodepoint::Ect0,
        udp::EcnCodepoint::Ect1 => EcnCodepoint::Ect1,
        udp::EcnCodepoint::Ce => EcnCodepoint::Ce,
    });
    let mut answer = Vec::new();
    let endpoint = &mut quic.endpoint;
    let event = endpoint.handle(now, meta.addr, meta.dst_ip, ecn, datagram, &mut answer);
    match event {
        Some(DatagramEvent::ConnectionEvent(handle, event)) => {
            if let Some(conn) = quic.connections.get(&handle.0) {
                arrived.push((conn.clone(), event));
            }
        }
        Some(DatagramEvent::NewConnection(incoming)) if quic.closed => {
            let refusal = endpoint.refuse(incoming, &mut answer);
            hub.respond(&refusal, &answer);
        }
        Some(DatagramEvent::NewConnection(incoming)) => {
            quic.incoming.push_back(incoming);
            hub.somebody_arrived();
        }
        Some(DatagramEvent::Response(transmit)) => hub.respond(&transmit, &answer),
        None => {}
    }
}
