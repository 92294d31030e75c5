//! Values of flags in the forms operators know from Mesos.
//!
//! Each function reads one form and fits clap's `value_parser`, which puts the flag's name in
//! front of the error; what reads flags by other ways (environment, files) adds it with
//! [`ValueError::for_flag`]. Each form also prints back exactly as Mesos' `/flags` shows it.
//!
//! | Form | Example | Function |
//! |---|---|---|
//! | duration | `15secs`, `1.5hrs`, `2weeks` | [`duration`] |
//! | size | `32MB` | [`bytes`] |
//! | percentage | `80%` | [`percentage`] |
//! | text or file | `cpus:4` or `file:///etc/mesos/resources` | [`text_or_file`] |
//! | list | `a,b,c` | [`list`] |

mod bytes;
mod duration;
mod values;

pub use bytes::{bytes, format_bytes};
pub use duration::{duration, format_duration};
pub use values::{MAX_FILE_BYTES, list, percentage, text_or_file};

/// A value that a flag cannot have: which, why, and what one would look like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is no {expected}: {problem}; for example {example}")]
pub struct ValueError {
    /// What was given.
    pub value: String,
    /// What kind of value is wanted ("duration").
    pub expected: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// A value that would do.
    pub example: &'static str,
}

/// A [`ValueError`] and the flag that had the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--{flag}: {error}")]
pub struct FlagError {
    /// The flag's name without dashes.
    pub flag: String,
    /// What is wrong.
    #[source]
    pub error: ValueError,
}

impl ValueError {
    /// The same error, naming the flag.
    pub fn for_flag(self, flag: &str) -> FlagError {
        FlagError {
            flag: flag.to_string(),
            error: self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_flag_and_shows_an_example() {
        let error = duration("15").unwrap_err().for_flag("agent_ping_timeout");
        assert_eq!(
            error.to_string(),
            "--agent_ping_timeout: '15' is no duration: it has no unit \
             (ns, us, ms, secs, mins, hrs, days, weeks); for example 15secs"
        );
    }
}
