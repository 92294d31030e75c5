//! Opening files of a sandbox without ever leaving it.
//!
//! A task may fill its sandbox with `..` and links to anywhere. The kernel itself resolves every
//! path beneath the sandbox (`openat2` with `RESOLVE_BENEATH`), so there is no moment between a
//! check and its use.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use super::FilesError;

/// Opens `relative` (empty: the root itself) for reading. Never blocks on a pipe.
pub(super) fn open(root: &Path, relative: &Path) -> Result<File, FilesError> {
    let root = File::open(root).map_err(|e| FilesError::from_io(&e))?;
    if relative.as_os_str().is_empty() {
        return Ok(root);
    }
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(&root, relative, how) {
        Ok(fd) => Ok(File::from(fd)),
        // The path, or a link on it, points outside.
        Err(Errno::EXDEV) => Err(FilesError::Forbidden),
        Err(e) => Err(FilesError::from_io(&e.into())),
    }
}

/// Name and metadata of everything in an open folder; links are described, not followed.
pub(super) fn entries(folder: &File) -> Result<Vec<(String, fs::Metadata)>, FilesError> {
    // Through the open descriptor: the path may have become another folder since.
    let listing = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))
        .map_err(|e| FilesError::from_io(&e))?;
    let mut entries = Vec::new();
    for entry in listing.take(super::MAX_ENTRIES) {
        let entry = entry.map_err(|e| FilesError::from_io(&e))?;
        // What vanished in between is no longer there to be listed.
        if let Ok(metadata) = entry.metadata() {
            entries.push((entry.file_name().to_string_lossy().into_owned(), metadata));
        }
    }
    Ok(entries)
}
