//! A handle on a process that, unlike its number, is never reused.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// pidfd_open(2): becomes readable when the process ends. Needs Linux 5.3.
#[derive(Debug)]
pub(crate) struct PidFd(AsyncFd<OwnedFd>);

impl PidFd {
    /// Needs a runtime around it. Errors: `ESRCH` if there is no such process, `ENOSYS` on older
    /// kernels.
    pub(crate) fn open(pid: u32) -> io::Result<PidFd> {
        // SAFETY: the call takes two integers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor, and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
        // SAFETY: an `OwnedFd` names the same open descriptor for as long as it exists, and it goes
        // into the registration, which drops it after deregistering.
        let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
        Ok(PidFd(registered))
    }

    /// Returns when the process has ended.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        self.0.readable().await.map(|_| ())
    }
}
