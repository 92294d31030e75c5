//! Frameworks: the libraries to write schedulers and executors with, the built-in executors, and the frameworks that ship
//! with Mesos itself.
//!
//! | Start at | for |
//! |---|---|
//! | [`scheduler`] | a scheduler as an actor |
//! | [`executor`] | an executor as an actor |
//! | [`command_executor`] | the executor of tasks that have only a command |
//! | [`default_executor`] | the executor of task groups |
//! | [`connect`] | the node and the certificates of a framework's program |
//! | [`keep_running`] | the framework that keeps copies of a command running |
//! | [`run`] | the one-shot framework behind `mesos run` |
//!
//! This crate knows masters and agents only by their protocols (`mesos::protocols`).

pub mod command_executor;
pub mod connect;
pub mod default_executor;
pub mod ending;
pub mod executor;
pub mod keep_running;
pub mod run;
pub mod scheduler;
