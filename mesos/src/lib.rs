//! The vocabulary that masters, agents, frameworks and tools share.
//!
//! Start at [`v1`]: the public API of Mesos as Rust values.

pub mod attributes;
pub mod election;
pub mod flags;
pub mod ids;
pub mod protocols;
pub mod recordio;
pub mod resources;
pub mod roles;
pub mod task_state;
pub mod v1;
pub mod version;
pub mod wire;
