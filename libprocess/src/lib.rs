//! Distributed actors: the same code whether two actors share a thread or an ocean is between them.
//!
//! The local engine is [actix](https://docs.rs/actix): `Actor`, `Handler<M>` and `Message` are its own
//! traits, unchanged. libprocess adds what actix does not have: an address that works from another
//! machine ([`Pid`]), the list of what may be sent to it ([`protocol!`]), links between nodes (QUIC,
//! mutual TLS), failure detection (`monitor`, `link`), [supervision](supervise), [groups](group) across nodes, and a
//! simulated world (feature `sim`).
//!
//! # What it is not
//!
//! * Not reliable delivery: a message arrives at most once. What must happen is asked again, by the
//!   protocols above; what went wrong is always visible.
//! * Not a cluster membership or a consensus: a node knows whom it talks to; members of a [group] agree in the
//!   end, and never on an order.
//! * Not a process-wide runtime: a [`Node`] is a value. Two in one process are the normal case in tests.
//!
//! # Where to start
//!
//! The manual below: a quick start, then what is guaranteed and what is not. In the reference: [`Node`] (start
//! one, spawn, send), [`Context`] (what a handler can do), [`protocol!`] (what can be sent), [`supervise`] (who
//! keeps actors alive), [`group`] and [`names`] (how they find each other), [`tls`] (who may talk to whom), [`limits`] (the bounds of actors; those of links are in `link/mod.rs`).
//!
//! # How it is built
//!
//! ```text
//!   protocol  pid  error  limits       what authors see, with node/ and actor/
//!   actor/     one actor: context, mailbox drained in turns, futures, its end
//!   node/      spawn, send, watch; arbiter: the threads
//!   slot  mailbox  parcel  line        what a node keeps of an actor; a message on its way; who waits to send
//!   wire/      bytes: frames, and the one file that knows the encoding
//!   supervise/ trees that keep actors alive: a pure core, and the actor around it
//!   group/     sets of actors under a name: ordinary actors over all the rest
//!   link/      two nodes: connection, lanes, credit, what ends when a link ends
//!   transport/ QUIC, and the seam below which it is simulated
//!   daemon/    signals, an orderly end, systemd, logs (feature `daemon`)
//!   http/      actors as HTTP resources, pages of a node (feature `http`)
//!   observe/   views of nodes and clusters, metrics, readiness
//!   tls/       authorities, identities, roles
//!   sim/       the simulated world
//! ```
//!
//! What one will not find: quinn outside of `transport/`, bincode outside of `wire/codec.rs`,
//! `actix::dev` outside of `actor/context.rs` and `actor/dispatch.rs`, a static with state, a clock
//! other than tokio's, a queue without a bound.
//!
//! # The manual
// The README, so that there is one copy; its examples are compiled and run as tests of the documentation.
#![doc = include_str!("../README.md")]

mod actor;
mod allow;
mod arbiter;
#[cfg(feature = "daemon")]
pub mod daemon;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod group;
#[cfg(feature = "http")]
pub mod http;
pub mod limits;
mod line;
mod link;
mod mailbox;
pub mod names;
mod node;
pub mod observe;
mod parcel;
mod pid;
pub mod prelude;
mod protocol;
mod seat;
#[cfg(feature = "sim")]
pub mod sim;
mod slot;
pub mod supervise;
pub mod tls;
mod trace;
pub mod transport;
pub mod wire;

pub use actix::Message;

pub use actor::{Context, Peer};
pub use allow::Allow;
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
    pub use crate::parcel::{Head, OpenError, Parcel, Replier, open, refuse};
    pub use crate::protocol::{assert_distinct, version};
    pub use crate::wire::{Age, Body, DecodeError, EncodeError, decode, encode_into};
}
