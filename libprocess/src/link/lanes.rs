//! The writers of lanes.

use std::sync::Arc;

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

/// Starts writing a lane. The control lane is there already: it carried the hello.
pub(super) fn spawn_writer(
    link: &Arc<Link>,
    connection: &Connection,
    lane: usize,
    stream: Option<SendLane>,
) {
    let (link, connection) = (link.clone(), connection.clone());
    let runtime = link.links.runtime().clone();
    runtime.spawn(async move {
        if write(&link, &connection, lane, stream).await.is_err() {
            link.end(ExitReason::Disconnected);
        }
    });
}

async fn write(
    link: &Link,
    connection: &Connection,
    lane: usize,
    stream: Option<SendLane>,
) -> Result<(), LaneError> {
    let mut stream = match stream {
        Some(stream) => stream,
        None => open(connection, lane).await?,
    };
    match lane {
        CONTROL_LANE => stream.set_priority(CONTROL_PRIORITY),
        SIDE_LANES.. => stream.set_priority(SIDE_PRIORITY),
        _ => {}
    }
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
            Taken::Nothing => link.wake[lane].notified().await,
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
        // It begins with its number, which waits in the outbox.
        return Ok(stream);
    }
    let mut first = BytesMut::new();
    frame::put_lane(&mut first, lane as u8);
    stream.write_chunk(first.freeze()).await?;
    Ok(stream)
}
