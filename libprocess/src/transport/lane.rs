//! One-way ordered streams of bytes.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use quinn::WriteError;
use thiserror::Error;

use super::CloseReason;

/// The sending end of a lane. Dropped, it finishes the lane.
#[derive(Debug)]
pub struct SendLane(quinn::SendStream);

/// The receiving end of a lane. Dropped, it tells the sender to stop.
#[derive(Debug)]
pub struct ReceiveLane(quinn::RecvStream);

/// Pieces of a lane, each from one packet, that are read at once.
const CHUNKS: usize = 32;

/// Why nothing can be written any more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LaneError {
    /// The connection is over.
    #[error(transparent)]
    Connection(#[from] CloseReason),
    /// The peer does not want to hear more on this lane.
    #[error("the peer stopped reading the lane")]
    Stopped,
}

impl SendLane {
    pub(super) fn new(stream: quinn::SendStream) -> Self {
        SendLane(stream)
    }

    /// Hands `chunk` over for sending, without copying it. Waits while the lane or the connection
    /// has as much under way as the peer has room for.
    ///
    /// # Errors
    /// If the connection is over or the peer stopped reading.
    pub async fn write_chunk(&mut self, chunk: Bytes) -> Result<(), LaneError> {
        self.0
            .write_chunk(chunk)
            .await
            .map_err(|error| match error {
                WriteError::ConnectionLost(error) => LaneError::Connection(error.into()),
                WriteError::Stopped(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected => {
                    LaneError::Stopped
                }
            })
    }

    /// Lanes of higher priority are sent first; 0 until set.
    pub fn set_priority(&self, priority: i32) {
        // It fails only for a lane that the peer stopped: then there is nothing to send.
        let _ = self.0.set_priority(priority);
    }

    /// Nothing more will be written; what was will be sent.
    pub fn finish(&mut self) {
        // It fails only if that is already so.
        let _ = self.0.finish();
    }
}

impl ReceiveLane {
    pub(super) fn new(stream: quinn::RecvStream) -> Self {
        ReceiveLane(stream)
    }

    /// The next bytes, at most `max` of them and at least one. None once the lane is finished, or
    /// its connection is over: [`Connection::closed`](super::Connection::closed) knows why.
    pub async fn read(&mut self, max: usize) -> Option<Bytes> {
        let chunk = self.0.read_chunk(max, true).await.ok()??;
        Some(chunk.bytes)
    }

    /// Appends the next bytes to `buffer`: all that are there, but not much more than `most`. Waits if
    /// there are none. False once the lane is finished, or its connection is over.
    pub async fn read_into(&mut self, buffer: &mut BytesMut, most: usize) -> bool {
        poll_fn(|cx| self.poll_read(cx, buffer, most)).await
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        most: usize,
    ) -> Poll<bool> {
        // Here and not in a future that waits, where they would take memory from every idle lane.
        let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
        let mut read = 0;
        while read < most {
            let polled = pin!(self.0.read_chunks(&mut chunks)).poll(cx);
            let count = match polled {
                Poll::Ready(Ok(Some(count))) => count,
                // What was read comes first; the next call finds the same again.
                _ if read > 0 => break,
                Poll::Ready(_) => return Poll::Ready(false),
                Poll::Pending => return Poll::Pending,
            };
            let chunks = &chunks[..count];
            let length = chunks.iter().map(Bytes::len).sum();
            buffer.reserve(length);
            chunks
                .iter()
                .for_each(|chunk| buffer.extend_from_slice(chunk));
            read += length;
            if count < CHUNKS {
                break;
            }
        }
        Poll::Ready(true)
    }
}
