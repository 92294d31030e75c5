//! Checks of what frameworks and agents send, before the core looks at it.
//!
//! Every check is a pure function that names the first rule broken. The texts resemble Mesos' own
//! (src/master/validation.cpp), because people search for them. What is legal is what Mesos takes.

pub mod calls;
pub mod executors;
pub mod frameworks;
pub mod groups;
pub(crate) mod machines;
pub mod operations;
pub mod resources;
pub mod tasks;

/// The first rule that an input breaks, in a sentence for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// From anything that reads as a sentence.
    pub fn new(reason: impl Into<String>) -> Invalid {
        Invalid(reason.into())
    }
}

/// The outcome of a check.
pub type Check = Result<(), Invalid>;

/// Fails with `reason` if `condition` does not hold.
pub(crate) fn require(condition: bool, reason: impl Into<String>) -> Check {
    if condition {
        Ok(())
    } else {
        Err(Invalid::new(reason))
    }
}
