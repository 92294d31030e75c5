//! The task's processes: the one we started, its group, and whatever it started.

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpid, getsid};
use tokio::process::{Child, Command};

/// A running task.
#[derive(Debug)]
pub(crate) struct TaskProcess {
    leader: Pid,
    /// Whether the container has no other task, so that whatever else runs in its session is of this one.
    is_only: bool,
}

impl TaskProcess {
    /// Starts the only task of the container; the second value is to be waited for.
    pub(crate) fn start(command: std::process::Command) -> std::io::Result<(TaskProcess, Ended)> {
        TaskProcess::spawn(command, true)
    }

    /// Starts one of several tasks: those of its processes that leave its group and lose their parent cannot be told
    /// from others', and end with the container.
    pub(crate) fn start_beside_others(
        command: std::process::Command,
    ) -> std::io::Result<(TaskProcess, Ended)> {
        TaskProcess::spawn(command, false)
    }

    fn spawn(
        command: std::process::Command,
        is_only: bool,
    ) -> std::io::Result<(TaskProcess, Ended)> {
        let child = Command::from(command).spawn()?;
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap_or_default();
        Ok((
            TaskProcess {
                leader: Pid::from_raw(leader),
                is_only,
            },
            Ended(child),
        ))
    }

    pub(crate) fn pid(&self) -> i32 {
        self.leader.as_raw()
    }

    /// Asks the task to end: its group, and descendants that left it.
    pub(crate) fn terminate(&self) {
        for pid in self.members() {
            send(pid, Signal::SIGTERM);
        }
        // A group that is gone has nobody to be told.
        let _ = killpg(self.leader, Signal::SIGTERM);
    }

    /// Ends everything of the task that can be found; the agent ends what cannot, with the container.
    pub(crate) fn kill(&self) {
        let members = self.members();
        // Stopped first, so that none can start another while we go through the list.
        members.iter().for_each(|pid| send(*pid, Signal::SIGSTOP));
        let _ = killpg(self.leader, Signal::SIGKILL);
        members.iter().for_each(|pid| send(*pid, Signal::SIGKILL));
    }

    /// Members of our session (which is the container's, and the only task's) and descendants of the task that are not in its group;
    /// never ourselves.
    fn members(&self) -> Vec<Pid> {
        let (me, session) = (getpid(), getsid(None).ok());
        let all = processes();
        // Only where we lead it is the session the container's.
        let ours = session.filter(|session| *session == me && self.is_only);
        let mut members = BTreeSet::from([self.leader]);
        loop {
            let before = members.len();
            let joining = all.iter().filter(|process| {
                Some(process.session) == ours || members.contains(&process.parent)
            });
            members.extend(joining.map(|process| process.pid).collect::<Vec<_>>());
            if members.len() == before {
                break;
            }
        }
        let in_group = |pid: &Pid| all.iter().any(|p| p.pid == *pid && p.group == self.leader);
        members
            .into_iter()
            .filter(|pid| *pid != me && !in_group(pid) && *pid != self.leader)
            .collect()
    }
}

/// The end of a task, to be waited for.
#[derive(Debug)]
pub(crate) struct Ended(Child);

impl Ended {
    pub(crate) async fn wait(mut self) -> std::io::Result<ExitStatus> {
        self.0.wait().await
    }
}

fn send(pid: Pid, signal: Signal) {
    // Gone already is as good.
    let _ = kill(pid, signal);
}

struct Process {
    pid: Pid,
    parent: Pid,
    group: Pid,
    session: Pid,
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    // Numbers only: `thread-self` would be one of our own threads under another number.
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect()
}

/// The beginning of `/proc/<pid>/stat`; see proc_pid_stat(5).
fn parse(stat: &str) -> Option<Process> {
    // The name is in parentheses and may itself contain any of them, and spaces.
    let (pid, rest) = stat.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest
        .split(' ')
        .skip(1)
        .map(|field| field.parse().ok().map(Pid::from_raw));
    Some(Process {
        pid: Pid::from_raw(pid.parse().ok()?),
        parent: fields.next()??,
        group: fields.next()??,
        session: fields.next()??,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_confuse() {
        let process = parse("42 (a) (b 7) S 1 40 41 0 -1\n").expect("parsed");
        let numbers =
            [process.pid, process.parent, process.group, process.session].map(Pid::as_raw);
        assert_eq!(numbers, [42, 1, 40, 41]);
    }

    #[test]
    fn our_threads_are_not_taken_for_processes() {
        // This test runs in a thread whose number is not that of the process.
        let pids: Vec<Pid> = processes().iter().map(|process| process.pid).collect();
        assert!(pids.contains(&getpid()));
        let threads = fs::read_dir("/proc/self/task").expect("threads").flatten();
        let numbers = threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for thread in numbers
            .map(Pid::from_raw)
            .filter(|thread| *thread != getpid())
        {
            assert!(!pids.contains(&thread), "{thread}");
        }
    }
}
