//! Becoming the task's user.
//!
//! Between fork and exec only `unsafe` code could do that. So where the user differs, the executor starts *itself* again
//! in the task's place: that process, which has one thread and nothing to lose, becomes the user and then the task.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::unistd::{Uid, User, initgroups, setgid, setuid};
use serde::{Deserialize, Serialize};

use super::place::Place;

/// Holds a [`Request`]; its presence is what makes the program a changeling.
const VARIABLE: &str = "MESOS_INTERNAL_BECOME";

/// A shell's code for a program that cannot be run.
const CANNOT_RUN: u8 = 126;

/// Whom to become, and what to run then.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    user: String,
    program: String,
    /// All arguments, the program's own name first.
    arguments: Vec<String>,
    /// Where it runs, if not where we do.
    place: Option<Place>,
}

/// Looks up a user to change to; `None` if there is nothing to change.
///
/// # Errors
///
/// A text for the task's status: no such user, or no right to become it.
pub(crate) fn to_become(name: Option<&str>) -> Result<Option<String>, String> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let user = User::from_name(name).ok().flatten();
    let user = user.ok_or_else(|| format!("user '{name}' does not exist on this machine"))?;
    if user.uid == Uid::effective() {
        return Ok(None);
    }
    if !Uid::effective().is_root() {
        return Err(format!(
            "only an agent that runs as root can run a task as user '{name}'"
        ));
    }
    Ok(Some(user.name))
}

/// The command that becomes `user` and then runs the program.
pub(crate) fn command(
    user: String,
    program: &str,
    arguments: &[String],
    place: Option<&Place>,
) -> io::Result<Command> {
    // The same arguments lead to the same `main`.
    let own_arguments = std::env::args_os().skip(1);
    command_with(own_arguments, user, program, arguments, place)
}

fn command_with<A: AsRef<OsStr>>(
    own_arguments: impl IntoIterator<Item = A>,
    user: String,
    program: &str,
    arguments: &[String],
    place: Option<&Place>,
) -> io::Result<Command> {
    let request = Request {
        user,
        program: program.to_owned(),
        arguments: arguments.to_vec(),
        place: place.cloned(),
    };
    let mut command = Command::new("/proc/self/exe");
    command
        .args(own_arguments)
        .env(VARIABLE, serde_json::to_string(&request)?);
    Ok(command)
}

impl Request {
    /// The request this process was started with, if it was.
    pub(crate) fn from_env() -> Option<Request> {
        serde_json::from_str(&std::env::var(VARIABLE).ok()?).ok()
    }

    /// Does not return, unless it fails.
    pub(crate) fn exec(self) -> ExitCode {
        let error = self.try_exec();
        eprintln!(
            "cannot run '{}' as user '{}': {error}",
            self.program, self.user
        );
        ExitCode::from(CANNOT_RUN)
    }

    fn try_exec(&self) -> io::Error {
        if let Err(error) = self.become_user() {
            return error;
        }
        let mut command = Command::new(&self.program);
        if let Some((name, arguments)) = self.arguments.split_first() {
            command.arg0(name).args(arguments);
        }
        // Only now, as the user: nothing is made or opened that the user could not.
        if let Some(place) = &self.place
            && let Err(error) = place.enter(&mut command)
        {
            return error;
        }
        command.env_remove(VARIABLE).exec()
    }

    fn become_user(&self) -> io::Result<()> {
        let user = User::from_name(&self.user)?.ok_or(io::ErrorKind::NotFound)?;
        initgroups(&CString::new(self.user.as_str())?, user.gid)?;
        setgid(user.gid)?;
        setuid(user.uid)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The changeling is this very test, started again.
    #[test]
    fn a_changeling_becomes_the_user_and_then_the_program() {
        if let Some(request) = Request::from_env() {
            let _failed = request.exec();
            return;
        }
        if !Uid::effective().is_root() {
            eprintln!("SKIPPED: needs root");
            return;
        }
        let user = to_become(Some("nobody"))
            .expect("allowed")
            .expect("another user");
        let name =
            "command_executor::user::tests::a_changeling_becomes_the_user_and_then_the_program";
        let own_arguments = ["--exact", name, "--nocapture"];
        let arguments = [
            "sh",
            "-c",
            "echo $(id -un) $(id -G) $MESOS_INTERNAL_BECOME. $0 $1",
            "a",
            "b c",
        ];
        let command = command_with(
            own_arguments,
            user,
            "/bin/sh",
            &arguments.map(str::to_owned),
            None,
        );
        let output = command.expect("a command").output().expect("it runs");
        let nobody = User::from_name("nobody")
            .expect("looked up")
            .expect("a user");
        let output = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.contains(&format!("nobody {} . a b c\n", nobody.gid)),
            "{output}"
        );
    }

    #[test]
    fn only_another_user_is_worth_a_change() {
        let me = User::from_uid(Uid::effective())
            .expect("looked up")
            .expect("a user");
        assert_eq!(to_become(Some(&me.name)), Ok(None));
        assert_eq!(to_become(None), Ok(None));
        assert_eq!(to_become(Some("")), Ok(None));
        assert!(to_become(Some("no-such-user")).is_err());
    }
}
