//! Killing everything in a group, and removing it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use super::group::Group;
use super::{CgroupsError, files, io_error};

/// `--cgroups_destroy_timeout`: a process in an uninterruptible wait can hold a group for long, but
/// not without end.
const DESTROY_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a dying group is looked at: at first often, because most are gone within a millisecond.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_millis(100);

/// A group freezes within moments or (version 1, a process in an uninterruptible wait) not at all:
/// after this many looks it is killed as it is.
const FREEZE_LOOKS: u32 = 50;

/// Deeper trees than this are none of a container's making.
const MAX_DEPTH: usize = 32;

impl Group {
    /// Kills every process of the group and of those below it, and removes them all. A group that
    /// does not exist is destroyed already.
    pub(crate) async fn destroy(&self) -> Result<(), CgroupsError> {
        let deadline = Instant::now() + DESTROY_TIMEOUT;
        let mut pause = FIRST_LOOK;
        loop {
            self.kill_all().await?;
            match self.remove() {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    /// Kills what is in the group now. On version 1 it is frozen meanwhile, so that nothing can fork
    /// faster than we kill.
    async fn kill_all(&self) -> Result<(), CgroupsError> {
        let groups = subtree(self.members());
        let kill_file = self.members().join("cgroup.kill");
        if self.v2 && kill_file.exists() {
            return absent_is_fine(files::write(&kill_file, "1"));
        }
        if groups.iter().all(|group| processes(group).is_empty()) {
            return Ok(());
        }
        let Some(freezer) = &self.freezer else {
            signal_all(&groups);
            return Ok(());
        };
        let state = freezer.join("freezer.state");
        absent_is_fine(files::write(&state, "FROZEN"))?;
        for _ in 0..FREEZE_LOOKS {
            if files::read(&state).is_ok_and(|text| text.trim() == "FROZEN") {
                break;
            }
            tokio::time::sleep(FIRST_LOOK).await;
        }
        // Groups made since the first look are seen now: nothing moves any more.
        let groups = subtree(freezer);
        signal_all(&groups);
        for group in &groups {
            absent_is_fine(files::write(&group.join("freezer.state"), "THAWED"))?;
        }
        Ok(())
    }

    /// Removes the directories, children first; fails while processes are left.
    fn remove(&self) -> Result<(), CgroupsError> {
        for directory in self.directories() {
            for group in subtree(directory).iter().rev() {
                match fs::remove_dir(group) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(io_error("remove", group, error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn signal_all(groups: &[PathBuf]) {
    for pid in groups.iter().flat_map(|group| processes(group)) {
        // Gone already is as good as killed.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

fn processes(group: &Path) -> Vec<i32> {
    let text = files::read(&group.join("cgroup.procs")).unwrap_or_default();
    // 0 is a process outside our pid namespace; signalling it would mean our own process group.
    text.lines()
        .filter_map(|line| line.parse().ok())
        .filter(|pid| *pid > 0)
        .collect()
}

/// The group and all below it, parents first.
fn subtree(top: &Path) -> Vec<PathBuf> {
    fn visit(group: PathBuf, depth: usize, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(&group) else {
            return;
        };
        found.push(group);
        if depth == MAX_DEPTH {
            return;
        }
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                visit(entry.path(), depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    visit(top.to_owned(), 0, &mut found);
    found
}

fn absent_is_fine(result: Result<(), CgroupsError>) -> Result<(), CgroupsError> {
    match result {
        // ENODEV: the group was removed between the open and the write.
        Err(CgroupsError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound
                || source.raw_os_error() == Some(nix::errno::Errno::ENODEV as i32) =>
        {
            Ok(())
        }
        other => other,
    }
}
