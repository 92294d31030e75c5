//! Write an executor as an actor.
//!
//! An executor is an actor that handles six messages ([`events`]): [`Subscribed`], [`Launch`], [`LaunchGroup`], [`Kill`],
//! [`Notice`] and [`Shutdown`]. [`start`] gives it a [`Driver`], with which it reports what becomes of its tasks. Everything between —
//! finding the agent, subscribing, subscribing again after the agent was restarted, keeping updates until the agent has
//! stored them — is the driver's.
//!
//! ```text
//!  your executor ──Driver::update, message──▶ driver actor ──ExecutorCall──▶ agent
//!        ▲                                      │    ▲                         │
//!        └─ Subscribed, Launch, Kill, Shutdown ─┘    └── inbox actor ◀─ Event ─┘
//! ```
//!
//! A program that is an executor is one line, [`run`]`(|driver, ctx| ..)`; in a simulated network the same actor is
//! [`start`]ed on a given node.
//!
//! # What the driver promises
//!
//! * Tasks and kills arrive in the order in which the agent decided them, each launch once.
//! * An update is sent again to every later life of the agent until one has acknowledged it.
//! * When there will be no agent any more — it does not come back in time, or the framework did not ask for
//!   checkpointing — the executor is told [`Shutdown`], just as if the agent had asked for it.
//!
//! Semantics: Mesos' `docs/executor-http-api.md`.

mod config;
mod driver;
pub mod events;
mod handle;
mod inbox;
mod pending;
mod run;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use config::{ConfigError, ExecutorConfig};
pub use driver::start;
pub use events::{ExecutorEvents, Kill, Launch, LaunchGroup, Notice, Shutdown, Subscribed};
pub use handle::Driver;
pub use run::{RunError, run};
