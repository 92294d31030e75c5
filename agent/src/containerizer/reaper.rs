//! Waiting for the end of a process that is, or is not, our child.

use std::io;
use std::process::Child;

use super::procfs;
use crate::syscall::PidFd;

/// An executor's process, held by a descriptor: its number may be given to another process once it
/// is gone, the descriptor never is.
#[derive(Debug)]
pub(crate) struct Executor {
    pid: u32,
    /// `None` for a process that was gone when we came to adopt it.
    alive: Option<PidFd>,
    child: Option<Child>,
}

impl Executor {
    /// Watches a child of ours.
    pub(crate) fn child(child: Child) -> io::Result<Executor> {
        let alive = PidFd::open(child.id())?;
        Ok(Executor {
            pid: child.id(),
            alive: Some(alive),
            child: Some(child),
        })
    }

    /// Watches a process that an earlier life of the agent started, provided that it is still the
    /// one that started then.
    pub(crate) fn adopt(pid: u32, start_time: u64) -> io::Result<Executor> {
        let handle = match PidFd::open(pid) {
            Ok(handle) => handle,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
                return Ok(Executor {
                    pid,
                    alive: None,
                    child: None,
                });
            }
            Err(error) => return Err(error),
        };
        // Compared after the descriptor was opened: from here on it cannot be another process.
        let same =
            procfs::stat(pid).is_some_and(|stat| stat.start_time == start_time && !stat.zombie);
        let alive = same.then_some(handle);
        Ok(Executor {
            pid,
            alive,
            child: None,
        })
    }

    /// Whether the process had not ended when it was taken over.
    pub(crate) fn was_alive(&self) -> bool {
        self.alive.is_some()
    }

    /// Waits for the end; may be dropped and called again. The wait status is known only of children.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        if let Some(alive) = &self.alive
            && let Err(error) = alive.ended().await
        {
            tracing::error!(pid = self.pid, %error, "cannot wait for an executor");
        }
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.as_mut()?.wait();
        status.ok().map(ExitStatusExt::into_raw)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_child_is_reaped_with_its_status() {
        let child = Command::new("/bin/sh")
            .args(["-c", "exit 7"])
            .spawn()
            .expect("sh");
        let mut executor = Executor::child(child).expect("watched");
        assert_eq!(executor.ended().await, Some(7 << 8));
    }

    #[tokio::test]
    async fn an_adopted_process_ends_without_a_status() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let start_time = procfs::stat(child.id()).expect("is running").start_time;
        let mut executor = Executor::adopt(child.id(), start_time).expect("watched");
        assert!(executor.was_alive());
        child.kill().expect("killed");
        assert_eq!(executor.ended().await, None);
        child.wait().expect("reaped");
    }

    #[tokio::test]
    async fn another_process_with_the_same_number_is_not_adopted() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let start_time = procfs::stat(child.id()).expect("is running").start_time;
        let mut executor = Executor::adopt(child.id(), start_time - 1).expect("checked");
        assert!(!executor.was_alive());
        assert_eq!(
            executor.ended().await,
            None,
            "at once, while the other one runs on"
        );
        child.kill().expect("killed");
        child.wait().expect("reaped");
    }
}
