//! The one-shot framework behind `mesos run`: a command, so many times, until each has ended.
//!
//! [`start`] subscribes and launches; what happens comes out of a channel of [`Progress`]. Reading the tasks' output is the
//! caller's: a [`Progress::Running`] says where it is.

mod scheduler;
mod task;

pub use scheduler::{Progress, Run, start};
pub use task::{Outcome, TaskDescription};
