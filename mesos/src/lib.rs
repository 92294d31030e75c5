//! The vocabulary that masters, agents, frameworks and tools share.
//!
//! It has no actors and knows no role: [`v1`] is the public API as Rust values, [`wire`] its two
//! encodings, [`resources`] the arithmetic on what is offered, [`protocols`] what the roles tell
//! each other, [`election`] who leads. Start at [`v1::scheduler::Call`], what a framework may say.
#![doc = include_str!("../README.md")]

pub mod attributes;
pub mod election;
pub mod flags;
pub mod historic;
pub mod ids;
pub mod protocols;
pub mod recordio;
pub mod resources;
pub mod roles;
pub mod task_state;
pub mod v1;
pub mod version;
pub mod wire;
