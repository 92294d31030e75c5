//! The ids of things: how they are made, written and checked.
//!
//! | Id | Made by | Form |
//! |---|---|---|
//! | master | a master at birth | UUID |
//! | agent | the master | `<master id>-S<n>` |
//! | framework | the master | `<master id>-NNNN` |
//! | offer | the master | `<master id>-O<n>` |
//! | container | the agent | UUID |
//! | task, executor, operation | the framework | its choice, see [`validate`] |

use std::fmt;

use thiserror::Error;
use uuid::Uuid;

use crate::v1::{
    AgentId, ContainerId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, TaskId,
};

/// Longest id in bytes: ids become names of folders.
pub const MAX_ID_BYTES: usize = 255;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidId {
    /// There is nothing.
    #[error("an id must not be empty")]
    Empty,
    /// More than [`MAX_ID_BYTES`].
    #[error("an id must not be longer than {MAX_ID_BYTES} bytes; this one has {0}")]
    TooLong(usize),
    /// `.` or `..`, which mean something as names of folders.
    #[error("{0:?} is not allowed as an id")]
    Reserved(String),
    /// A control character, `/` or `\`.
    #[error("the id {0:?} contains a control character, `/` or `\\`")]
    InvalidCharacter(String),
}

/// Checks an id that came from outside: 1–255 bytes, no control characters, no `/` or `\`,
/// neither `.` nor `..`.
pub fn validate(id: &str) -> Result<(), InvalidId> {
    if id.is_empty() {
        return Err(InvalidId::Empty);
    }
    if id.len() > MAX_ID_BYTES {
        return Err(InvalidId::TooLong(id.len()));
    }
    if id == "." || id == ".." {
        return Err(InvalidId::Reserved(id.to_owned()));
    }
    if id
        .bytes()
        .any(|byte| byte.is_ascii_control() || byte == b'/' || byte == b'\\')
    {
        return Err(InvalidId::InvalidCharacter(id.to_owned()));
    }
    Ok(())
}

/// Numbers what one master hands out. The master's id is a new UUID for each life of a master, so
/// counting from zero never repeats an id.
#[derive(Clone, Debug)]
pub struct Mint {
    master_id: String,
    agents: u64,
    frameworks: u64,
    offers: u64,
}

impl Mint {
    /// A mint of the master with this id.
    pub fn new(master_id: impl Into<String>) -> Self {
        Self {
            master_id: master_id.into(),
            agents: 0,
            frameworks: 0,
            offers: 0,
        }
    }

    /// The id of the master.
    pub fn master_id(&self) -> &str {
        &self.master_id
    }

    /// `<master id>-S0`, `-S1`, …
    pub fn agent_id(&mut self) -> AgentId {
        AgentId::new(format!("{}-S{}", self.master_id, count(&mut self.agents)))
    }

    /// `<master id>-0000`, `-0001`, …, with more digits after 9999.
    pub fn framework_id(&mut self) -> FrameworkId {
        FrameworkId::new(format!(
            "{}-{:04}",
            self.master_id,
            count(&mut self.frameworks)
        ))
    }

    /// `<master id>-O0`, `-O1`, …
    pub fn offer_id(&mut self) -> OfferId {
        OfferId::new(format!("{}-O{}", self.master_id, count(&mut self.offers)))
    }
}

fn count(counter: &mut u64) -> u64 {
    let number = *counter;
    *counter += 1;
    number
}

/// The id of a container without a parent; the caller brings the chance.
pub fn container_id(uuid: Uuid) -> ContainerId {
    ContainerId::from(uuid.to_string())
}

/// `parent.child`, as Mesos writes nested containers.
impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = &self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(&self.value)
    }
}

impl<T: Into<String>> From<T> for ContainerId {
    fn from(value: T) -> Self {
        Self {
            value: value.into(),
            parent: None,
        }
    }
}

macro_rules! ids {
    ($($id:ident)*) => {$(
        impl $id {
            /// An id with this text; see [`validate`] for texts from outside.
            pub fn new(value: impl Into<String>) -> Self {
                Self { value: value.into() }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.value
            }
        }

        impl AsRef<str> for $id {
            fn as_ref(&self) -> &str {
                &self.value
            }
        }

        impl<T: Into<String>> From<T> for $id {
            fn from(value: T) -> Self {
                Self::new(value)
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.value)
            }
        }
    )*};
}

ids! {
    AgentId ExecutorId FrameworkId OfferId OperationId ResourceProviderId TaskId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_of_folders() {
        for valid in [
            "a",
            "task.1",
            "...",
            "längere id mit Leerzeichen",
            &"x".repeat(255),
        ] {
            assert_eq!(validate(valid), Ok(()), "{valid:?}");
        }
        for invalid in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\nb",
            "\0",
            "\x7f",
            &"x".repeat(256),
        ] {
            assert!(validate(invalid).is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn minted_ids_look_like_those_of_mesos() {
        let mut mint = Mint::new("m");
        assert_eq!(mint.agent_id().as_str(), "m-S0");
        assert_eq!(mint.agent_id().as_str(), "m-S1");
        assert_eq!(mint.offer_id().as_str(), "m-O0");
        assert_eq!(mint.framework_id().as_str(), "m-0000");
        mint.frameworks = 12_345;
        assert_eq!(mint.framework_id().as_str(), "m-12345");
    }

    #[test]
    fn nested_containers_are_written_after_their_parents() {
        let parent = container_id(Uuid::nil());
        let child = ContainerId {
            value: "child".to_owned(),
            parent: Some(Box::new(parent)),
        };
        assert_eq!(
            child.to_string(),
            "00000000-0000-0000-0000-000000000000.child"
        );
    }
}
