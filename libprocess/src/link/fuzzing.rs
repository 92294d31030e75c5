//! The readers of lanes without a connection, for the fuzz targets.

use std::sync::Arc;

use bytes::BytesMut;

use super::inbound::{Breach, DataLane, LaneKind, handle_control};
use super::{ASKS, Link, MONITORS, OUTBOX, SIDES, TARGETS};
use crate::error::ExitReason;

/// What a node reads of one link: its control lane and one data lane.
pub(crate) struct Lanes {
    link: Arc<Link>,
    control: BytesMut,
    data: (BytesMut, DataLane),
    /// What the data lane is, once its first frame came.
    opened: Option<LaneKind>,
}

impl Lanes {
    /// Of a link beside `other`, which no connection carries.
    pub(crate) fn new(other: &Link) -> Self {
        let link = Link::new(other.node.clone(), other.links.clone(), other.remote, None);
        Self {
            control: BytesMut::new(),
            data: (BytesMut::new(), DataLane::new(link.clone())),
            opened: None,
            link,
        }
    }

    /// Reads `chunk` from one of the lanes, as if it had just arrived. False if it was a breach: then the link has ended.
    pub(crate) fn feed(&mut self, control: bool, chunk: &[u8]) -> bool {
        let fed = match control {
            true => {
                self.control.extend_from_slice(chunk);
                handle_control(&self.link, &mut self.control)
            }
            false => self.feed_data(chunk),
        };
        if let Err(breach) = &fed {
            self.link.breached(breach);
        }
        fed.is_ok()
    }

    fn feed_data(&mut self, chunk: &[u8]) -> Result<(), Breach> {
        let (buffer, lane) = &mut self.data;
        buffer.extend_from_slice(chunk);
        if self.opened.is_none() {
            self.opened = lane.open(buffer)?;
        }
        match self.opened {
            Some(_) => lane.handle(buffer),
            None => Ok(()),
        }
    }

    /// Whatever arrived, what the link keeps of it is bounded.
    pub(crate) fn check(&self) {
        let outbox = self.link.outbox();
        assert!(outbox.waiting() <= OUTBOX, "{}", outbox.waiting());
        drop(outbox);
        let tables = self.link.tables();
        assert!(tables.serving.places() <= ASKS);
        assert!(tables.places.len() <= SIDES);
        assert!(tables.watched.len() <= MONITORS);
        // One more than the bound while the idle ones are being taken out.
        assert!(tables.accounts.len() <= TARGETS + 1);
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.link.end(ExitReason::Disconnected);
    }
}
