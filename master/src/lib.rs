//! The master: admits agents, offers their resources to frameworks, starts what those accept and
//! tells them what becomes of it.
//!
//! Start at [`candidate`], which leads when it is elected and stands by otherwise, at `term`, which puts the actors of
//! one leading master together, or at [`state`], the pure core that takes every decision. `master` performs what the core decides; [`allocator`] decides
//! who is offered what; [`registrar`] remembers what must survive a restart; [`view`] is what
//! readers see.
//!
//! What is not here: what a task *is* to a machine (the agent's), and how a framework behaves
//! (theirs).

pub mod allocator;
pub mod candidate;
mod clock;
pub mod config;
pub mod daemon;
pub mod documents;
pub mod events;
pub mod http;
pub mod inbox;
mod journal;
mod master;
pub mod metrics;
mod observer;
pub mod reader;
mod recent;
pub mod registrar;
pub mod state;
mod term;
mod throttle;
pub mod validation;
pub mod view;
mod whitelist;

pub use candidate::{Candidate, CandidateHandle, Storages};
pub use daemon::{Master, MasterHandle, StartError};
pub use whitelist::WhitelistError;
