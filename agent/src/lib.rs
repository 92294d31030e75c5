//! The agent: runs tasks on one machine for the frameworks that were offered its resources.
//!
//! It registers with a master over QUIC, starts executors in containers, hands tasks to them, and
//! sees to it that every status update reaches its framework, whatever is killed in between. It is
//! not a scheduler, knows no other agent, and decides nothing about who gets what.
//!
//! Start with [`state`] (what an agent decides, without doing anything), then `agent` (the actor
//! that does it) and [`daemon`] (how everything is put together).
//!
//! | What | Where |
//! |---|---|
//! | decisions | [`state`] |
//! | the actor around them | `agent` |
//! | status updates that survive | [`status_updates`] |
//! | persistent volumes | [`volumes`] |
//! | what is written down, and read back | [`checkpoint`] |
//! | containers, and their simulated twin | [`containerizer`] |
//! | what the machine has | [`resources`] |
//! | lending what is not used | [`oversubscription`] |
//! | sandboxes for readers | [`files`] |
//! | HTTP | `http` |
//!
//! Checkpoints are made for every framework, not only for those that ask: `kill -9` of an agent
//! leaves all tasks running.

mod agent;
pub mod checkpoint;
pub mod config;
pub mod containerizer;
pub mod daemon;
mod fetcher;
pub mod files;
mod http;
pub mod inbox;
mod metrics;
pub mod oversubscription;
pub mod resources;
pub mod state;
pub mod status_updates;
mod syscall;
pub mod view;
pub mod volumes;

pub use config::{Config, ExecutorCommand};
pub use daemon::{Agent, AgentHandle, Containers, Executors, StartError, executor_trust};
