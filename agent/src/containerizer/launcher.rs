//! Making a sandbox, and starting an executor in it.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, fchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::unistd::{Uid, User, getgrouplist};

use super::{ContainerConfig, LaunchError};
use crate::syscall::{Identity, prepare_child};

/// Looks a user up; `None` if that is who we are anyway.
pub(crate) fn identity(user: Option<&str>) -> Result<Option<Identity>, LaunchError> {
    let Some(name) = user else { return Ok(None) };
    let unknown = || LaunchError::NoSuchUser(name.to_owned());
    let user = User::from_name(name).ok().flatten().ok_or_else(unknown)?;
    if user.uid == Uid::effective() {
        return Ok(None);
    }
    if !Uid::effective().is_root() {
        return Err(LaunchError::NotRoot(name.to_owned()));
    }
    let name = CString::new(name).map_err(|_| unknown())?;
    let groups = getgrouplist(&name, user.gid).map_err(|_| unknown())?;
    Ok(Some(Identity {
        uid: user.uid,
        gid: user.gid,
        groups,
    }))
}

/// The files a container's output goes to.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: File,
    pub(crate) stderr: File,
}

/// Makes the sandbox (if it is missing) and its `stdout` and `stderr`, all of `owner`.
pub(crate) fn prepare_sandbox(
    sandbox: &Path,
    owner: Option<&Identity>,
) -> Result<Output, LaunchError> {
    let failed = |error: io::Error| LaunchError::Sandbox {
        path: sandbox.display().to_string(),
        reason: error.to_string(),
    };
    if let Some(parent) = sandbox.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o750).create(sandbox) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let open = |name: &str| -> io::Result<File> {
        // Never through a link: what looks like the output may be put there by a task.
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .custom_flags(libc::O_NOFOLLOW)
            .open(sandbox.join(name))?;
        give(&file, owner)?;
        Ok(file)
    };
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_DIRECTORY)
        .open(sandbox)
        .map_err(failed)?;
    give(&folder, owner).map_err(failed)?;
    Ok(Output {
        stdout: open("stdout").map_err(failed)?,
        stderr: open("stderr").map_err(failed)?,
    })
}

/// Starts the executor inside the control groups whose `cgroup.procs` files are given. On return the
/// program runs: a failed exec is an error here.
pub(crate) fn spawn(
    config: &ContainerConfig,
    identity: Option<Identity>,
    output: Output,
    cgroup_procs: Vec<File>,
) -> Result<Child, LaunchError> {
    let mut command = command(config)?;
    command
        .env_clear()
        .envs(&config.environment)
        .current_dir(&config.sandbox)
        .stdin(Stdio::null())
        .stdout(output.stdout)
        .stderr(output.stderr);
    prepare_child(&mut command, cgroup_procs, identity);
    command.spawn().map_err(|error| LaunchError::Spawn {
        program: command.get_program().to_string_lossy().into_owned(),
        reason: error.to_string(),
    })
}

/// Shell form: `value` is a script. Exec form: `value` is the program, and `arguments` are all of its
/// arguments, the one that says how it is called included.
fn command(config: &ContainerConfig) -> Result<Command, LaunchError> {
    let info = &config.command;
    let value = info.value.as_deref().filter(|value| !value.is_empty());
    if info.shell() {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(value.ok_or(LaunchError::NoCommand)?);
        return Ok(command);
    }
    let program = value.or(info.arguments.first().map(String::as_str));
    let mut command = Command::new(program.ok_or(LaunchError::NoCommand)?);
    if let Some((name, arguments)) = info.arguments.split_first() {
        command.arg0(name).args(arguments);
    }
    Ok(command)
}

fn give(file: &File, owner: Option<&Identity>) -> io::Result<()> {
    match owner {
        Some(owner) => fchown(file, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())),
        None => Ok(()),
    }
}
