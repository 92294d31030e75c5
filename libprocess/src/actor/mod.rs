//! One actor from birth to end: its context, how its mailbox is drained, how its end becomes known.

mod bonds;
mod context;
mod dispatch;
mod door;
mod drain;
mod futures;
mod life;
mod running;

pub use context::{Context, Peer};
pub use dispatch::{dispatch, dispatch_unlisted};
pub(crate) use drain::Ready;
pub(crate) use life::{Life, Placed};
