//! What carries a link that is up.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Link;
use crate::transport::{Connection, Traffic};

pub(super) enum Carrier {
    Quic(Connection),
    /// The message network of a simulated world.
    #[cfg(feature = "sim")]
    Memory(super::memory::End),
}

impl Carrier {
    /// Ends the connection at once, and tells the peer why.
    pub(super) fn close(&self, code: u32, why: &[u8]) {
        match self {
            Self::Quic(connection) => connection.close(code, why),
            #[cfg(feature = "sim")]
            Self::Memory(end) => end.close(code),
        }
    }

    /// Where the peer's packets come from, if they come from a socket.
    pub(super) fn remote_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Quic(connection) => Some(connection.remote_address()),
            #[cfg(feature = "sim")]
            Self::Memory(_) => None,
        }
    }

    pub(super) fn traffic(&self) -> Option<Traffic> {
        match self {
            Self::Quic(connection) => Some(connection.traffic()),
            #[cfg(feature = "sim")]
            Self::Memory(_) => None,
        }
    }

    /// There is something to be sent on a lane.
    pub(super) fn wake(&self, link: &Arc<Link>, lane: usize) {
        match self {
            Self::Quic(connection) => {
                if link.outbox().run(lane) {
                    super::lanes::spawn_writer(link, connection, lane);
                }
            }
            #[cfg(feature = "sim")]
            Self::Memory(end) => end.wake(link, lane),
        }
    }
}
