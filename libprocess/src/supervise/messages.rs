//! What can be asked of a supervisor while it runs.

use super::Child;
use crate::error::ExitReason;
use crate::pid::AnyPid;
use crate::protocol;

/// Starts a further child, behind those that are there. Answered when it has started.
///
/// It belongs to this life of the supervisor: if the supervisor is built anew itself, it is so without
/// the children that were started at run time.
pub struct StartChild(pub Child);

/// Stops a child, in its time or by force, and forgets it. Answered when it has ended.
pub struct StopChild(pub String);

/// Answered when all children have started for the first time. If it does not come to that, the answer is
/// the reason for which the supervisor ended.
pub struct Started;

/// The children, in the order of their start.
pub struct Children;

protocol! {
    /// Of supervisors; local to their node, as factories do not travel.
    pub local SupervisorProtocol = "libprocess.supervisor" {
        1 => StartChild -> Result<AnyPid, StartError>,
        2 => StopChild -> Result<(), StopError>,
        3 => Started -> (),
        4 => Children -> Vec<ChildInfo>,
    }
}

/// A child, as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildInfo {
    /// Its name.
    pub name: String,
    /// Its present life; none while it is being rebuilt, and after its end.
    pub pid: Option<AnyPid>,
    /// Whether that life has started and is not being stopped.
    pub up: bool,
    /// How often it was built anew.
    pub restarts: u64,
}

/// Why a child was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The supervisor has a child of this name already.
    #[error("there is a child of this name already")]
    NameTaken,
    /// The supervisor has as many children as it may have.
    #[error("the supervisor may have no further child")]
    TooMany,
    /// It ended before it had started. Unless it is temporary, the supervisor tries again.
    #[error("it {0}")]
    Failed(ExitReason),
    /// The child was stopped, or the supervisor is stopping.
    #[error("stopped before it had started")]
    Stopped,
}

/// Why a child was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopError {
    /// The supervisor has no child of this name.
    #[error("there is no child of this name")]
    NoChild,
}
