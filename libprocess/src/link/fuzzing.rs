//! The readers of lanes without a connection, for the fuzz targets.

use std::sync::Arc;

use bytes::BytesMut;

use super::reader::{ControlLane, DataLane, feed};
use super::{ASKS, Link, MONITORS, OUTBOX, TARGETS};
use crate::error::ExitReason;

/// What a node reads of one link: its control lane and one data lane.
pub(crate) struct Lanes {
    link: Arc<Link>,
    control: (BytesMut, ControlLane),
    data: (BytesMut, DataLane),
}

impl Lanes {
    /// Of a link beside `other`, which no connection carries.
    pub(crate) fn new(other: &Link) -> Self {
        let link = Link::new(other.node.clone(), other.links.clone(), other.remote, None);
        Self {
            control: (BytesMut::new(), ControlLane(link.clone())),
            data: (BytesMut::new(), DataLane::new(link.clone())),
            link,
        }
    }

    /// Reads `chunk` from one of the lanes, as if it had just arrived. False if it was a breach: then the link has ended.
    pub(crate) fn feed(&mut self, control: bool, chunk: &[u8]) -> bool {
        let fed = match control {
            true => feed(&mut self.control.0, chunk, &mut self.control.1),
            false => feed(&mut self.data.0, chunk, &mut self.data.1),
        };
        if let Err(breach) = &fed {
            self.link.breached(breach);
        }
        fed.is_ok()
    }

    /// Whatever arrived, what the link keeps of it is bounded.
    pub(crate) fn check(&self) {
        let outbox = self.link.outbox();
        assert!(outbox.waiting() <= OUTBOX, "{}", outbox.waiting());
        drop(outbox);
        let tables = self.link.tables();
        assert!(tables.serving.len() <= ASKS);
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
