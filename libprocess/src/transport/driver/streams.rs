//! Lanes, as the protocol has them: streams in one direction.

use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use quinn_proto::{ConnectionError, FinishError, ReadError, StreamId, VarInt, WriteError};

use super::conn::ConnRef;

/// The sending end of a stream. Dropped, it finishes it.
pub(in crate::transport) struct SendStream {
    conn: ConnRef,
    id: StreamId,
}

/// The receiving end of a stream. Dropped before its end, it stops it.
pub(in crate::transport) struct ReceiveStream {
    conn: ConnRef,
    id: StreamId,
    /// Nothing more will come.
    ended: bool,
}

impl SendStream {
    pub(super) fn new(conn: ConnRef, id: StreamId) -> Self {
        Self { conn, id }
    }

    /// Writes as much of `chunk` as there is room for, and takes that away from it; waits if there is none.
    /// None if the peer wants no more.
    pub(in crate::transport) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut Bytes,
    ) -> Poll<Result<(), Option<ConnectionError>>> {
        self.conn.conn().act(|state| {
            if let Some(error) = &state.error {
                return Poll::Ready(Err(Some(error.clone())));
            }
            let mut chunks = [std::mem::take(chunk)];
            let written = state.quic.send_stream(self.id).write_chunks(&mut chunks);
            let [left] = chunks;
            *chunk = left;
            match written {
                Ok(_) => Poll::Ready(Ok(())),
                Err(WriteError::Blocked) => {
                    state.writers.insert(self.id, cx.waker());
                    Poll::Pending
                }
                Err(WriteError::Stopped(_) | WriteError::ClosedStream) => Poll::Ready(Err(None)),
            }
        })
    }

    pub(in crate::transport) fn set_priority(&self, priority: i32) {
        let mut state = self.conn.conn().lock();
        // It fails only for a stream that the peer stopped: then there is nothing to send.
        let _ = state.quic.send_stream(self.id).set_priority(priority);
    }

    pub(in crate::transport) fn finish(&mut self) {
        self.conn.conn().act(|state| {
            if state.error.is_some() {
                return;
            }
            let mut stream = state.quic.send_stream(self.id);
            match stream.finish() {
                // The peer gave it up: so do we.
                Err(FinishError::Stopped(code)) => drop(stream.reset(code)),
                // Or it is finished already.
                Ok(()) | Err(FinishError::ClosedStream) => {}
            }
        });
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        self.conn.conn().lock().writers.remove(self.id);
        self.finish();
    }
}

impl ReceiveStream {
    pub(super) fn new(conn: ConnRef, id: StreamId) -> Self {
        Self {
            conn,
            id,
            ended: false,
        }
    }

    /// Appends what is there to `buffer`, at most `most` bytes; waits if there is nothing. False once the
    /// stream, or its connection, is at its end.
    pub(in crate::transport) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        most: usize,
    ) -> Poll<bool> {
        if self.ended {
            return Poll::Ready(false);
        }
        let (id, ended) = (self.id, &mut self.ended);
        let conn = self.conn.conn();
        let mut guard = conn.lock();
        let state = &mut *guard;
        let mut stream = state.quic.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else {
            *ended = true;
            return Poll::Ready(false);
        };
        let before = buffer.len();
        let end = loop {
            let left = (before + most).saturating_sub(buffer.len());
            if left == 0 {
                break None;
            }
            match chunks.next(left) {
                Ok(Some(chunk)) => buffer.extend_from_slice(&chunk.bytes),
                Ok(None) => break Some(None),
                Err(error) => break Some(Some(error)),
            }
        };
        let transmit = chunks.finalize().should_transmit();
        let read = buffer.len() > before;
        let polled = match end {
            Some(Some(ReadError::Blocked)) if !read => match state.error {
                Some(_) => Poll::Ready(false),
                None => {
                    state.readers.insert(id, cx.waker());
                    Poll::Pending
                }
            },
            // What was read comes first; the next call finds the same again.
            None | Some(Some(ReadError::Blocked)) => Poll::Ready(true),
            Some(_) => {
                *ended = true;
                Poll::Ready(read)
            }
        };
        if transmit {
            conn.settle(state);
        }
        polled
    }
}

impl Drop for ReceiveStream {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.conn.conn().act(|state| {
            state.readers.remove(self.id);
            if state.error.is_none() {
                // It fails if all was received, which is as good.
                let _ = state.quic.recv_stream(self.id).stop(VarInt::from_u32(0));
            }
        });
    }
}
