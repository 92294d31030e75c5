//! What a container's first process does between fork and exec.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};

use super::Identity;

/// Arranges that the child, before its exec: enters the control groups whose `cgroup.procs` files
/// are given (so that not one instruction of the program runs outside them), leads a session of its
/// own, takes signals as a fresh process does, becomes `identity`, and hands no descriptor on but
/// 0, 1 and 2.
///
/// No parent-death signal is set and no pipe leads back: executors outlive the agent by design.
pub(crate) fn prepare_child(
    command: &mut Command,
    cgroup_procs: Vec<File>,
    identity: Option<Identity>,
) {
    let hook = move || enter_container(&cgroup_procs, identity.as_ref());
    // SAFETY: `pre_exec` is unsafe because the closure runs in the child of a process with threads,
    // where only async-signal-safe functions are sound: another thread may have held the
    // allocator's or any other lock at the fork. `enter_container` makes plain system calls on
    // values prepared before the fork; it allocates nothing, takes no lock and builds its errors
    // from error numbers.
    unsafe {
        command.pre_exec(hook);
    }
}

fn enter_container(cgroup_procs: &[File], identity: Option<&Identity>) -> io::Result<()> {
    for procs in cgroup_procs {
        // "0" is the writing process itself, in both versions of control groups.
        nix::unistd::write(procs, b"0")?;
    }
    nix::unistd::setsid()?;
    reset_signals()?;
    if let Some(identity) = identity {
        nix::unistd::setgroups(&identity.groups)?;
        nix::unistd::setgid(identity.gid)?;
        nix::unistd::setuid(identity.uid)?;
    }
    close_on_exec_from(3)
}

/// An ignored signal stays ignored across exec, and so does the mask: an agent started under
/// nohup(1), or by a thread that blocks signals, must not pass that on.
fn reset_signals() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator() {
        if signal != Signal::SIGKILL && signal != Signal::SIGSTOP {
            // SAFETY: installing the default disposition runs no code of ours, and the child is
            // about to exec.
            unsafe { nix::sys::signal::sigaction(signal, &default) }?;
        }
    }
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// Marks every descriptor from `first` on close-on-exec rather than closing it: the standard library
/// still needs the one on which it reports a failed exec.
fn close_on_exec_from(first: libc::c_uint) -> io::Result<()> {
    // SAFETY: the call takes three integers and changes only flags of this process' descriptors.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::process::Stdio;

    use super::*;

    fn run(script: &str) -> String {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null());
        prepare_child(&mut command, Vec::new(), None);
        String::from_utf8(command.output().expect("sh runs").stdout).expect("text")
    }

    #[test]
    fn no_descriptor_leaks() {
        let leaking = File::open("/dev/null").expect("/dev/null");
        let fd = leaking.as_raw_fd();
        nix::fcntl::fcntl(
            &leaking,
            nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
        )
        .expect("clears close-on-exec");
        assert_eq!(
            run(&format!(
                "[ -e /proc/$$/fd/{fd} ] && echo {fd} || echo none"
            )),
            "none\n"
        );
    }

    #[test]
    fn leads_its_own_session() {
        // Field 6 of stat is the session.
        assert_eq!(
            run("set -- $(cat /proc/$$/stat); [ $6 = $$ ] && echo leader"),
            "leader\n"
        );
    }

    #[test]
    fn ignores_no_signal() {
        for set in ["SigIgn", "SigBlk"] {
            // A shell blocks signals while it forks: look at a process that does not.
            let line = run(&format!("exec grep {set} /proc/self/status"));
            let (_, mask) = line.split_once('\t').expect("a mask");
            let mask = u64::from_str_radix(mask.trim(), 16).expect("hexadecimal");
            // The standard signals; those above are not named by anybody.
            assert_eq!(mask & 0x7fff_ffff, 0, "{line}");
        }
    }
}
