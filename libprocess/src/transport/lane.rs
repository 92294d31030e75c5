//! One-way ordered streams of bytes.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::CloseReason;
use super::driver::{ReceiveStream, SendStream};

/// The sending end of a lane. Dropped, it finishes the lane.
pub struct SendLane(SendStream);

/// The receiving end of a lane. Dropped, it tells the sender to stop.
pub struct ReceiveLane(ReceiveStream);

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
    pub(super) fn new(stream: SendStream) -> Self {
        SendLane(stream)
    }

    /// Hands `chunk` over for sending, without copying it. Waits while the lane or the connection
    /// has as much under way as the peer has room for.
    ///
    /// # Errors
    /// If the connection is over or the peer stopped reading.
    pub async fn write_chunk(&mut self, mut chunk: Bytes) -> Result<(), LaneError> {
        while !chunk.is_empty() {
            let written = poll_fn(|cx| self.0.poll_write(cx, &mut chunk)).await;
            written.map_err(|error| match error {
                Some(error) => LaneError::Connection(error.into()),
                None => LaneError::Stopped,
            })?;
        }
        Ok(())
    }

    /// Lanes of higher priority are sent first; 0 until set.
    pub fn set_priority(&self, priority: i32) {
        self.0.set_priority(priority);
    }

    /// Nothing more will be written; what was will be sent.
    pub fn finish(&mut self) {
        self.0.finish();
    }
}

impl ReceiveLane {
    pub(super) fn new(stream: ReceiveStream) -> Self {
        ReceiveLane(stream)
    }

    /// The next bytes, at most `max` of them and at least one. None once the lane is finished, or
    /// its connection is over: [`Connection::closed`](super::Connection::closed) knows why.
    pub async fn read(&mut self, max: usize) -> Option<Bytes> {
        let mut buffer = BytesMut::new();
        let read = self.read_into(&mut buffer, max).await;
        read.then(|| buffer.freeze())
    }

    /// Appends the next bytes to `buffer`: all that are there, but not more than `most`. Waits if
    /// there are none. False once the lane is finished, or its connection is over.
    pub async fn read_into(&mut self, buffer: &mut BytesMut, most: usize) -> bool {
        poll_fn(|cx| self.poll_read_into(cx, buffer, most)).await
    }

    /// As [`read_into`](Self::read_into).
    pub(crate) fn poll_read_into(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        most: usize,
    ) -> Poll<bool> {
        self.0.poll_read(cx, buffer, most)
    }
}
