//! Distributed actors: the same code whether two actors share a thread or an ocean is between them.
//!
//! The local engine is [actix](https://docs.rs/actix): `Actor`, `Handler<M>` and `Message` are its own
//! traits, unchanged. libprocess adds what actix does not have: an address that works from another
//! machine ([`Pid`]), the list of what may be sent to it ([`protocol!`]), links between nodes (QUIC,
//! mutual TLS), failure detection (`monitor`), and a simulated world (feature `sim`).
//!
//! # What it is not
//!
//! * Not reliable delivery: a message arrives at most once. What must happen is asked again, by the
//!   protocols above; what went wrong is always visible.
//! * Not a registry, a cluster membership or a consensus: a node knows whom it talks to, no more.
//! * Not a process-wide runtime: a [`Node`] is a value. Two in one process are the normal case in tests.
//!
//! # Where to start
//!
//! ```
//! use libprocess::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! pub struct Add(pub u64);
//!
//! protocol! { pub CounterProtocol = "counter" { 1 => Add -> u64 } }
//!
//! #[derive(Default)]
//! struct Counter(u64);
//!
//! impl Actor for Counter { type Context = Context<Self>; }
//! impl Process for Counter { type Protocol = CounterProtocol; }
//! impl Handler<Add> for Counter {
//!     type Result = u64;
//!     fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) -> u64 {
//!         self.0 += n;
//!         self.0
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let node = Node::local();
//! let counter = node.spawn("counter", |_| Counter::default()).unwrap();
//! node.tell(&counter, Add(1));
//! let sum = node.ask(&counter, Add(2), std::time::Duration::from_secs(1)).await;
//! assert_eq!(sum, Ok(3));
//! # }
//! ```
//!
//! Then: [`Node`] (start one, spawn, send), [`Context`] (what a handler can do), [`protocol!`] (what can be
//! sent), [`tls`] (who may talk to whom), [`limits`] (the bounds of actors; those of links are in `link/mod.rs`).
//!
//! # What is guaranteed
//!
//! | Topic     | Guaranteed | *Not* guaranteed |
//! |-----------|------------|------------------|
//! | identity  | A pid from `spawn` means one life of one actor; later lives of its name answer [`ExitReason::NoProcess`] for it. [`Pid::named`] means whoever holds the name | that a `named` pid reaches the same life twice |
//! | order     | What one actor sends to another is handled in the order in which it was sent: tells, asks, answers and exit notices together, on one node or between two | order between different senders or receivers; across the break of a link; of an answer that a handler gives later, by a future, against messages its actor sends meanwhile |
//! | delivery  | At most once. A message of an unknown number or protocol is dropped and counted, an ask of it refused | that a tell arrives; that an ask that timed out was not handled |
//! | `tell`    | Never blocks. What does not fit into a bounded queue is dropped, and everyone on this node who monitors the receiver hears [`ExitReason::Overloaded`] | |
//! | `ask`     | Ends at its deadline at the latest, as one [`AskError`] or an answer. The deadline travels along: after it, and once the ask is dropped, the message is not handled if it still waits | that a handler that has begun is interrupted |
//! | `monitor` | Exactly one [`Exited`] per monitor: the actor ended, the link to it broke, or it was not there. It comes after everything else that actor sent | that an actor that is `Disconnected` does not live on |
//! | pressure  | A slow actor holds up those who send to it, and nobody else; every queue is bounded | |
//! | turns     | After [`limits::MESSAGES_PER_TURN`] messages other actors of the thread have their turn; a handler is never interrupted | progress of actors that share a thread with a handler that blocks |
//! | panics    | End that actor alone, as [`ExitReason::Panicked`]; asks that waited for it hear the same | for a `ResponseFuture`, which is no part of its actor: its panic refuses that ask only, and it outlives the actor |
//! | liveness  | A node that fell silent is noticed within [`transport::Liveness`]; one that stops in order, or was restarted with its `keys_dir`, at once | that a node with a blocked actor is noticed: links live on threads of their own |
//! | peers     | [`Context::peer`] is proven by a certificate; nodes that do not believe each other exchange nothing | |
//!
//! An actor that waits (`ctx.wait`, `AtomicResponse`) for an answer from another node gets it behind
//! what the answering actor told it before; if its mailbox is full of messages from that node, the wait ends
//! with the deadline. Plain handlers with [`Context::ask_then`] do not have this problem.
//!
//! # How it is built
//!
//! ```text
//!   protocol  pid  error  limits       what authors see, with node/ and actor/
//!   actor/     one actor: context, mailbox drained in turns, futures, its end
//!   node/      spawn, send, watch; arbiter: the threads
//!   slot  mailbox  parcel              what a node keeps of an actor; a message on its way
//!   wire/      bytes: frames, and the one file that knows the encoding
//!   link/      two nodes: connection, lanes, credit, what ends when a link ends
//!   transport/ QUIC, and the seam below which it is simulated
//!   tls/       authorities, identities, roles
//!   sim/       the simulated world
//! ```
//!
//! What one will not find: quinn outside of `transport/`, bincode outside of `wire/codec.rs`,
//! `actix::dev` outside of `actor/context.rs` and `actor/dispatch.rs`, a static with state, a clock
//! other than tokio's, a queue without a bound.

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
    pub use crate::parcel::{OpenError, Parcel, Replier, open, refuse};
    pub use crate::protocol::assert_distinct;
    pub use crate::wire::{DecodeError, EncodeError, decode_exact, encode};
}

/// The README's examples, compiled and run as tests.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../README.md")]
mod readme {}
