//! An actor runtime whose actors have addresses: local or on another machine, the same code.

mod actor;
mod arbiter;
mod error;
pub mod limits;
mod link;
mod mailbox;
mod node;
mod parcel;
mod pid;
pub mod prelude;
mod protocol;
#[cfg(feature = "sim")]
pub mod sim;
mod slot;
pub mod tls;
pub mod transport;
pub mod wire;

pub use actix::Message;

pub use actor::{Context, Peer};
pub use error::{AskError, ExitReason, Exited, SendError, SpawnError};
pub use link::LinkInfo;
pub use node::{Ask, LOCAL_ADDRESS, Monitor, Node, NodeBuilder, ProcessBuilder, ProcessInfo};
pub use pid::{ANY_INCARNATION, AnyPid, Pid};
pub use protocol::{Accepts, Process, Protocol, Serves};
pub use transport::BindError;

/// What the code that [`protocol!`] writes calls.
#[doc(hidden)]
pub mod __private {
    pub use actix::{Actor, Handler};

    pub use crate::actor::{dispatch, dispatch_unlisted};
    pub use crate::parcel::{OpenError, Parcel, Replier, open};
    pub use crate::protocol::assert_distinct;
    pub use crate::wire::{DecodeError, EncodeError, decode_exact, encode};
}
