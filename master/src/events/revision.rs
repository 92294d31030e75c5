//! Moments of a cluster, by name.

use std::fmt;
use std::str::FromStr;

/// A place in the history that one leading master tells.
///
/// Each leadership counts anew and has an epoch of its own, so that the numbers of an earlier leader
/// mean nothing to the next. Written `EPOCH-NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Of which leadership.
    pub epoch: String,
    /// How many events it had told by then.
    pub number: u64,
}

/// A text is no revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'revision' is not one of those that events carry (EPOCH-NUMBER)")]
pub struct InvalidRevision;

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Revision, InvalidRevision> {
        let (epoch, number) = text.rsplit_once('-').ok_or(InvalidRevision)?;
        Ok(Revision {
            epoch: epoch.to_owned(),
            number: number.parse().map_err(|_| InvalidRevision)?,
        })
    }
}
