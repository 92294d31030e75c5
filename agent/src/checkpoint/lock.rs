//! One agent per work directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::envelope::CheckpointError;
use super::layout::Layout;

/// The right to use a work directory; given back when dropped, also by a kill.
#[derive(Debug)]
pub struct WorkDirLock {
    _file: File,
}

/// Why the work directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent runs with it.
    #[error(
        "the work directory {} is in use by another agent{}; stop that one, or choose another \
         directory with --work_dir", .work_dir.display(), holder_text(.holder)
    )]
    InUse {
        /// Which directory.
        work_dir: PathBuf,
        /// The process id of the other agent, when it wrote it down.
        holder: Option<u32>,
    },
    /// It cannot be made or written to.
    #[error("{0}; choose a directory this user may write to with --work_dir")]
    Unusable(#[from] CheckpointError),
}

impl WorkDirLock {
    /// Makes the work directory if need be and locks it.
    pub fn acquire(layout: &Layout) -> Result<WorkDirLock, LockError> {
        let work_dir = layout.work_dir();
        fs::create_dir_all(work_dir).map_err(CheckpointError::io("make", work_dir))?;
        let path = layout.lock();
        let mut file = open(&path).map_err(CheckpointError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::InUse {
                    work_dir: work_dir.to_owned(),
                    holder: read_holder(&mut file),
                });
            }
            Err(TryLockError::Error(e)) => {
                return Err(CheckpointError::io("lock", &path)(e).into());
            }
        }
        let noted = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(CheckpointError::io("write", &path))?;
        Ok(WorkDirLock { _file: file })
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path)
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn holder_text(holder: &Option<u32>) -> String {
    holder.map_or(String::new(), |pid| format!(" (process {pid})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_told_who_and_where_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().join("work"));
        let first = WorkDirLock::acquire(&layout).unwrap();
        let error = WorkDirLock::acquire(&layout).unwrap_err().to_string();
        assert!(error.contains("work"), "{error}");
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        assert!(error.contains("--work_dir"), "{error}");
        drop(first);
        WorkDirLock::acquire(&layout).unwrap();
    }
}
