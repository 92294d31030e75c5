//! What the agent writes down, so that it can be killed at any instant and continue.
//!
//! Everything here is synchronous: what a function that returned `Ok` has written survives every
//! death of the agent and, unless it says otherwise, a loss of power.
//! Infos are small envelopes written to a temporary file and renamed ([`envelope`]); the status
//! updates of a task are an append-only log with a checksum per record ([`log`]); [`layout`] names
//! every path, in the directory layout that Mesos' own tools know; [`lock`] keeps a second agent
//! out of the work directory; [`store`] writes and [`recovery`] reads it all back;
//! [`resources`] changes what the agent has, disk and all, in steps that can be continued;
//! [`compatibility`] says what may change between two lives; [`disk`] tells simulated machines what is written when.
//!
//! Every framework is checkpointed, also one whose `FrameworkInfo.checkpoint` is false: the field
//! promises that tasks survive when it is set, and nothing promises that they die when it is not.

pub mod compatibility;
pub mod disk;
pub mod envelope;
pub mod layout;
pub mod lock;
pub mod log;
pub mod recovery;
pub mod resources;
pub mod store;
