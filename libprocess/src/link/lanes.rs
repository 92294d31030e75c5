//! The writers of lanes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;

use super::outbox::Taken;
use super::{CONTROL_LANE, Link, SIDE_LANES, WRITE};
use crate::error::ExitReason;
use crate::transport::{Connection, LaneError, SendLane};
use crate::wire::frame;

/// Control goes first.
const CONTROL_PRIORITY: i32 = 1;

/// What is large goes last: everybody else is done sooner, and it hardly later.
const SIDE_PRIORITY: i32 = -1;

/// What idle lanes wait in: an idle lane has no task.
#[derive(Default)]
pub(super) struct Idle(Mutex<[Option<SendLane>; SIDE_LANES]>);

impl Idle {
    pub(super) fn put(&self, lane: usize, stream: SendLane) {
        self.lock()[lane] = Some(stream);
    }

    fn take(&self, lane: usize) -> Option<SendLane> {
        self.lock().get_mut(lane)?.take()
    }

    /// Drops them all.
    pub(super) fn clear(&self) {
        let lanes = std::mem::take(&mut *self.lock());
        drop(lanes);
    }

    // Nothing runs under the lock, so what it guards is whole even if a thread died.
    fn lock(&self) -> MutexGuard<'_, [Option<SendLane>; SIDE_LANES]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The control lane is there from the beginning: it carried the hello.
pub(super) fn keep_control(link: &Link, stream: SendLane) {
    stream.set_priority(CONTROL_PRIORITY);
    link.outbox().start(CONTROL_LANE);
    link.idle.put(CONTROL_LANE, stream);
}

/// Writes a lane until there is nothing more to write.
pub(super) fn spawn_writer(link: &Arc<Link>, connection: &Connection, lane: usize) {
    let (link, connection) = (link.clone(), connection.clone());
    let runtime = link.links.runtime().clone();
    runtime.spawn(async move {
        if write(&link, &connection, lane).await.is_err() {
            link.end(ExitReason::Disconnected);
        }
    });
}

async fn write(link: &Link, connection: &Connection, lane: usize) -> Result<(), LaneError> {
    let mut stream = match link.idle.take(lane) {
        Some(stream) => stream,
        None => open(connection, lane).await?,
    };
    loop {
        let taken = link.outbox().take(lane);
        match taken {
            Taken::Bytes(mut bytes) => {
                while !bytes.is_empty() {
                    let chunk = bytes.split_to(bytes.len().min(WRITE));
                    let length = chunk.len();
                    stream.write_chunk(chunk).await?;
                    if link.outbox().written(length) {
                        link.room.notify_waiters();
                    }
                }
            }
            Taken::Nothing => {
                // Back in its place first: who begins to write after this one rests finds it there.
                link.idle.put(lane, stream);
                if link.outbox().rest(lane) {
                    return Ok(());
                }
                match link.idle.take(lane) {
                    Some(there) => stream = there,
                    // The link has ended meanwhile.
                    None => return Ok(()),
                }
            }
            Taken::Finished => {
                stream.finish();
                return Ok(());
            }
            // The connection may have been refused with a word to the peer that must not be cut off.
            Taken::Ended => return Ok(()),
        }
    }
}

async fn open(connection: &Connection, lane: usize) -> Result<SendLane, LaneError> {
    let mut stream = connection.open_uni().await?;
    if lane >= SIDE_LANES {
        stream.set_priority(SIDE_PRIORITY);
        // It begins with its number, which waits in the outbox.
        return Ok(stream);
    }
    let mut first = BytesMut::new();
    frame::put_lane(&mut first, lane as u8);
    stream.write_chunk(first.freeze()).await?;
    Ok(stream)
}
