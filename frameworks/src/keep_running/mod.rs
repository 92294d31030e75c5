//! Keeps copies of a command running: the smallest useful service framework, and the one to read first.
//!
//! [`start`] subscribes; as long as there are too few copies it launches on whatever is offered. What becomes of the
//! copies is in [`Copies`], of which each change is published.
//!
//! | What happens to a copy | What is done |
//! |---|---|
//! | it ends, however | another one is launched |
//! | its agent is unreachable | another one is launched; if it comes back, it is one too many and killed |
//! | it was launched, but nothing is heard of it | the master is asked, until it says what became of it |

mod copies;
mod scheduler;

pub use copies::{Copies, Copy};
pub use scheduler::{KeepRunning, Service, start};
