//! How a command ended, in the words of Mesos' command executor, which clients read.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

/// The end of a command. Its text is the message of the task's terminal status, and can be read back from there:
/// v1 has no field for an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself with this code.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
}

const EXITED: &str = "Command exited with status ";
const SIGNALLED: &str = "Command terminated with signal ";

impl Ending {
    /// Whether the command was successful.
    pub fn is_success(self) -> bool {
        self == Ending::Exited(0)
    }

    /// Reads a status message; `None` if it tells of something else.
    pub fn parse(message: &str) -> Option<Ending> {
        if let Some(code) = message.strip_prefix(EXITED) {
            return code.parse().ok().map(Ending::Exited);
        }
        let name = message.strip_prefix(SIGNALLED)?;
        let named = Signal::iterator().find(|signal| describe(*signal as i32) == name);
        named.map(|signal| Ending::Signalled(signal as i32))
    }
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Ending {
        match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, signal) => Ending::Signalled(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(code) => write!(f, "{EXITED}{code}"),
            Ending::Signalled(signal) => write!(f, "{SIGNALLED}{}", describe(*signal)),
        }
    }
}

/// The words of `strsignal(3)` for the signals that end commands, as Mesos prints them; others by name.
fn describe(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(Signal::SIGHUP) => "Hangup".to_owned(),
        Ok(Signal::SIGINT) => "Interrupt".to_owned(),
        Ok(Signal::SIGKILL) => "Killed".to_owned(),
        Ok(Signal::SIGTERM) => "Terminated".to_owned(),
        Ok(Signal::SIGABRT) => "Aborted".to_owned(),
        Ok(Signal::SIGSEGV) => "Segmentation fault".to_owned(),
        Ok(Signal::SIGPIPE) => "Broken pipe".to_owned(),
        Ok(other) => other.as_str().to_owned(),
        Err(_) => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_can_be_read_back_from_its_message() {
        for ending in [
            Ending::Exited(0),
            Ending::Exited(127),
            Ending::Signalled(9),
            Ending::Signalled(10),
        ] {
            assert_eq!(Ending::parse(&ending.to_string()), Some(ending));
        }
        assert_eq!(
            Ending::Signalled(9).to_string(),
            "Command terminated with signal Killed"
        );
        assert_eq!(Ending::parse("Memory limit exceeded"), None);
    }
}
