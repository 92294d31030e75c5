//! The agent: runs tasks on one machine for the frameworks that were offered its resources.
pub mod checkpoint;
pub mod containerizer;
mod fetcher;
pub mod files;
mod syscall;
