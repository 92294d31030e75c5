//! The vocabulary that masters, agents, frameworks and tools share.
//!
//! Start at [`v1`]: the public API of Mesos as Rust values.

pub mod v1;
