//! What moves QUIC: the protocol itself is quinn-proto, which does neither input nor output.
//!
//! ```text
//!   writers, readers ──► Conn ── packets ──────────────────────────► socket
//!                         ▲  └─ what has to wait ─► Notes ──┐
//!                         └────── datagrams, timers ─── Driver ◄──── socket
//! ```
//!
//! * Whoever writes to a lane also encrypts and sends, on its own thread: [`conn`] does all that can be done
//!   now, and leaves to others only what has to wait.
//! * One task per endpoint, the [`task`], receives, keeps the time of all connections in one table, and goes on
//!   with what had to wait ([`notes`]).
//! * Between two packets a connection has no task, no channel, no timer and no buffer of its own: an idle one
//!   costs little more than its keys.

mod conn;
mod hub;
mod notes;
mod streams;
mod task;

pub(super) use conn::ConnRef;
pub(super) use hub::{HubRef, Incoming};
pub(super) use streams::{ReceiveStream, SendStream};
