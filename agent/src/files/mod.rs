//! The files API: browsing and reading sandboxes by virtual path.
//!
//! A virtual path is what an outside reader names a file by. As in Mesos, a sandbox is known by
//! its absolute path and by `/frameworks/<id>/executors/<id>/runs/latest`; [`locate`] finds which
//! sandbox a path means, `beneath` opens a file in it without leaving it, and the functions here
//! are what HTTP and the `files` actor answer with.

pub(crate) mod actor;
mod beneath;
pub mod locate;

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::Serialize;

/// The most that one read answers, in bytes: 16 pages, as in Mesos.
pub const MAX_READ_BYTES: usize = 64 * 1024;

/// The most entries of a folder that are listed; a task could make millions.
pub const MAX_ENTRIES: usize = 10_000;

/// One entry of a folder, in the form of `/files/browse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Virtual path of the entry.
    pub path: String,
    /// As `ls -l` writes it.
    pub mode: String,
    /// The same as a number.
    #[serde(skip)]
    pub mode_bits: u32,
    /// Number of hard links.
    pub nlink: u64,
    /// Name of the owner, or its number.
    pub uid: String,
    /// Name of the group, or its number.
    pub gid: String,
    /// Bytes.
    pub size: u64,
    /// Seconds since the epoch.
    pub mtime: i64,
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it starts; the size of the file when the size was asked for.
    pub offset: u64,
    /// At most [`MAX_READ_BYTES`].
    pub data: Vec<u8>,
}

/// Why a file was not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// No such virtual path, or no such file beneath it.
    #[error("No such file or directory")]
    NotFound,
    /// It leads out of the sandbox, or the agent may not read it.
    #[error("Forbidden")]
    Forbidden,
    /// The request makes no sense for this file.
    #[error("{0}")]
    Invalid(String),
    /// The disk refused.
    #[error("{0}")]
    Failed(String),
}

impl FilesError {
    fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FilesError::NotFound,
            io::ErrorKind::PermissionDenied => FilesError::Forbidden,
            _ => FilesError::Failed(error.to_string()),
        }
    }
}

/// Lists the folder `relative` of `root`, sorted by name; paths begin with `virtual_path`.
pub fn browse(root: &Path, relative: &Path, virtual_path: &str) -> Result<Vec<Entry>, FilesError> {
    let folder = beneath::open(root, relative)?;
    if !metadata(&folder)?.is_dir() {
        return Err(FilesError::NotFound);
    }
    let mut entries = beneath::entries(&folder)?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let prefix = virtual_path.trim_end_matches('/');
    let entry = |(name, m): (String, Metadata)| describe(format!("{prefix}/{name}"), &m);
    Ok(entries.into_iter().map(entry).collect())
}

/// Reads from the file `relative` of `root`.
///
/// `offset` `None` asks for the size only (Mesos' offset −1); `length` `None` reads as much as one
/// answer holds.
pub fn read(
    root: &Path,
    relative: &Path,
    offset: Option<u64>,
    length: Option<u64>,
) -> Result<Piece, FilesError> {
    let (mut file, size) = open_regular(root, relative)?;
    let Some(offset) = offset else {
        return Ok(Piece {
            offset: size,
            data: Vec::new(),
        });
    };
    let length = length.map_or(MAX_READ_BYTES, |l| {
        usize::try_from(l).unwrap_or(usize::MAX).min(MAX_READ_BYTES)
    });
    let mut data = Vec::new();
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.take(length as u64).read_to_end(&mut data))
        .map_err(|e| FilesError::from_io(&e))?;
    Ok(Piece { offset, data })
}

/// Opens the regular file `relative` of `root` for a download; with its size in bytes.
pub fn open_regular(root: &Path, relative: &Path) -> Result<(File, u64), FilesError> {
    let file = beneath::open(root, relative)?;
    let metadata = metadata(&file)?;
    if metadata.is_dir() {
        return Err(FilesError::Invalid("Cannot read a directory".into()));
    }
    if !metadata.is_file() {
        return Err(FilesError::Invalid("Not a regular file".into()));
    }
    Ok((file, metadata.len()))
}

fn metadata(file: &File) -> Result<Metadata, FilesError> {
    file.metadata().map_err(|e| FilesError::from_io(&e))
}

fn describe(path: String, metadata: &Metadata) -> Entry {
    let modified = metadata.modified().ok();
    Entry {
        path,
        mode: mode_text(metadata.mode()),
        mode_bits: metadata.mode(),
        nlink: metadata.nlink(),
        uid: user_name(metadata.uid()),
        gid: group_name(metadata.gid()),
        size: metadata.len(),
        mtime: modified
            .and_then(|m| m.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |d| d.as_secs() as i64),
    }
}

fn mode_text(mode: u32) -> String {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        libc::S_IFCHR => 'c',
        libc::S_IFBLK => 'b',
        _ => '-',
    };
    let bits = (0..9).map(|i| match (mode & (0o400 >> i) != 0, i % 3) {
        (false, _) => '-',
        (true, 0) => 'r',
        (true, 1) => 'w',
        (true, _) => 'x',
    });
    std::iter::once(kind).chain(bits).collect()
}

fn user_name(uid: u32) -> String {
    let user = nix::unistd::User::from_uid(uid.into()).ok().flatten();
    user.map_or_else(|| uid.to_string(), |u| u.name)
}

fn group_name(gid: u32) -> String {
    let group = nix::unistd::Group::from_gid(gid.into()).ok().flatten();
    group.map_or_else(|| gid.to_string(), |g| g.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn sandbox() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = dir.path().join("sandbox");
        fs::create_dir_all(sandbox.join("logs")).unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        fs::write(sandbox.join("stdout"), "hello\n").unwrap();
        fs::write(sandbox.join("logs/a"), "a").unwrap();
        symlink("stdout", sandbox.join("inside")).unwrap();
        symlink("../secret", sandbox.join("up")).unwrap();
        symlink("/etc/passwd", sandbox.join("absolute")).unwrap();
        symlink("/", sandbox.join("root")).unwrap();
        dir
    }

    fn read_text(dir: &tempfile::TempDir, path: &str) -> Result<String, FilesError> {
        let root = dir.path().join("sandbox");
        let piece = read(&root, Path::new(path), Some(0), None)?;
        Ok(String::from_utf8(piece.data).unwrap())
    }

    #[test]
    fn nothing_outside_the_sandbox_can_be_read() {
        let dir = sandbox();
        assert_eq!(read_text(&dir, "stdout").unwrap(), "hello\n");
        assert_eq!(read_text(&dir, "inside").unwrap(), "hello\n");
        assert_eq!(read_text(&dir, "logs/../stdout").unwrap(), "hello\n");
        for path in [
            "up",
            "absolute",
            "root/etc/passwd",
            "../secret",
            "/etc/passwd",
            "logs/../../secret",
        ] {
            assert_eq!(read_text(&dir, path), Err(FilesError::Forbidden), "{path}");
        }
        assert_eq!(read_text(&dir, "nothing"), Err(FilesError::NotFound));
        assert!(matches!(
            read_text(&dir, "logs"),
            Err(FilesError::Invalid(_))
        ));
    }

    #[test]
    fn a_pipe_does_not_hang_the_reader() {
        let dir = sandbox();
        let pipe = dir.path().join("sandbox/pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(
            read_text(&dir, "pipe"),
            Err(FilesError::Invalid(_))
        ));
    }

    #[test]
    fn reads_are_pieces() {
        let dir = sandbox();
        let root = dir.path().join("sandbox");
        fs::write(root.join("big"), vec![b'x'; 100_000]).unwrap();
        let at = |offset, length| read(&root, Path::new("big"), offset, length).unwrap();
        assert_eq!(
            at(None, None),
            Piece {
                offset: 100_000,
                data: vec![]
            }
        );
        assert_eq!(at(Some(0), None).data.len(), MAX_READ_BYTES);
        assert_eq!(at(Some(65_536), None).data.len(), 100_000 - 65_536);
        assert_eq!(at(Some(5), Some(7)).data.len(), 7);
        assert_eq!(at(Some(200_000), Some(7)).data.len(), 0);
    }

    #[test]
    fn a_folder_is_listed_by_virtual_path() {
        let dir = sandbox();
        let entries = browse(&dir.path().join("sandbox"), Path::new(""), "/virtual/").unwrap();
        let paths: Vec<_> = entries.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/virtual/absolute",
                "/virtual/inside",
                "/virtual/logs",
                "/virtual/root",
                "/virtual/stdout",
                "/virtual/up"
            ]
        );
        assert!(entries[2].mode.starts_with('d') && entries[0].mode.starts_with('l'));
        assert_eq!(entries[4].size, 6);
        let file = browse(&dir.path().join("sandbox"), Path::new("stdout"), "/virtual");
        assert_eq!(file, Err(FilesError::NotFound));
    }
}
