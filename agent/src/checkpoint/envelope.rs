//! A checksummed file that is either the old one or the new one, never half of either.
//!
//! ```text
//! mesos-checkpoint 1 crc32=<8 hex digits> bytes=<decimal> LF
//! body: JSON, exactly that many bytes
//! ```
//!
//! The header is text so that an operator can `cat` a checkpoint; the number after the name is the
//! version of this format.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk::Disk;

const MAGIC: &str = "mesos-checkpoint 1";

/// The largest checkpoint that is read back; a `Task` carries at most one framework message of data.
pub const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

/// Why a checkpoint could not be written or read; each names the file.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("cannot {verb} {path}: {source}")]
    Io {
        /// What was being done.
        verb: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is there, but its contents are not what was written.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl CheckpointError {
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| CheckpointError::Io { verb, path, source }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        CheckpointError::Damaged {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}

/// Writes `value` durably to `path`, making its folders: temporary file, fsync, rename, fsync of
/// the folder.
pub fn write<T: Serialize>(disk: &Disk, path: &Path, value: &T) -> Result<(), CheckpointError> {
    replace(disk, path, value, true)
}

/// Writes `value` to `path` as [`write()`] does, but for the eyes of the same boot of the machine
/// only: it survives every death of the agent, not a loss of power.
pub fn write_for_this_boot<T: Serialize>(
    disk: &Disk,
    path: &Path,
    value: &T,
) -> Result<(), CheckpointError> {
    replace(disk, path, value, false)
}

fn replace<T: Serialize>(
    disk: &Disk,
    path: &Path,
    value: &T,
    sync: bool,
) -> Result<(), CheckpointError> {
    let body = serde_json::to_vec(value)
        .map_err(|e| CheckpointError::damaged(path, format!("not encodable: {e}")))?;
    let header = format!("{MAGIC} crc32={:08x} bytes={}\n", crc32(&body), body.len());
    disk.changes().map_err(CheckpointError::io("write", path))?;
    let folder = folder_of(path)?;
    let temporary = folder.join(format!(".{}.tmp", file_name(path)));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(header.as_bytes())?;
        file.write_all(&body)?;
        if sync { file.sync_all() } else { Ok(()) }
    });
    written.map_err(CheckpointError::io("write", &temporary))?;
    rename(disk, &temporary, path)?;
    if sync { sync_folder(folder) } else { Ok(()) }
}

/// Reads what [`write()`] wrote; `None` when there is no such file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CheckpointError> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(CheckpointError::io("read", path)(e)),
    };
    if size > MAX_BODY_BYTES {
        return Err(CheckpointError::damaged(path, format!("{size} bytes long")));
    }
    let bytes = fs::read(path).map_err(CheckpointError::io("read", path))?;
    let body = open(&bytes).map_err(|why| CheckpointError::damaged(path, why))?;
    serde_json::from_slice(body)
        .map(Some)
        .map_err(|e| CheckpointError::damaged(path, e.to_string()))
}

/// Points the link at `path` to `target`, replacing what it pointed to; durably if `sync`.
pub fn write_link(
    disk: &Disk,
    path: &Path,
    target: &str,
    sync: bool,
) -> Result<(), CheckpointError> {
    disk.changes().map_err(CheckpointError::io("link", path))?;
    let folder = folder_of(path)?;
    let temporary = folder.join(format!(".{}.tmp", file_name(path)));
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(CheckpointError::io("remove", &temporary)(e));
        }
        _ => {}
    }
    symlink(target, &temporary).map_err(CheckpointError::io("link", &temporary))?;
    rename(disk, &temporary, path)?;
    if sync { sync_folder(folder) } else { Ok(()) }
}

/// The name a link points to; `None` when there is no link or it points to nothing, which an
/// interrupted clean-up leaves behind.
pub fn read_link(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    let name = target.file_name()?.to_str()?.to_owned();
    path.parent()?.join(&name).exists().then_some(name)
}

/// Gives a file another name, in the place of what has it.
pub(super) fn rename(disk: &Disk, from: &Path, to: &Path) -> Result<(), CheckpointError> {
    let renamed = disk.changes().and_then(|()| fs::rename(from, to));
    renamed.map_err(CheckpointError::io("rename to", to))
}

/// CRC-32 as in zip and PNG.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Makes what was renamed into, or created in, `folder` survive a power loss.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), CheckpointError> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(CheckpointError::io("sync", folder))
}

/// The folder of `path`, made if need be.
pub(crate) fn folder_of(path: &Path) -> Result<&Path, CheckpointError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        fs::create_dir_all(folder).map_err(CheckpointError::io("make", folder))?;
    }
    Ok(folder)
}

fn file_name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn open(bytes: &[u8]) -> Result<&[u8], String> {
    let end = bytes
        .iter()
        .position(|b| *b == b'\n')
        .ok_or("it has no header line")?;
    let header = std::str::from_utf8(&bytes[..end]).map_err(|_| "its header is not text")?;
    let body = &bytes[end + 1..];
    let fields = header
        .strip_prefix(MAGIC)
        .ok_or_else(|| format!("it does not begin with '{MAGIC}'"))?;
    let expected = format!(" crc32={:08x} bytes={}", crc32(body), body.len());
    if fields != expected {
        return Err(format!(
            "its header says '{}', its body is '{}'",
            fields.trim(),
            expected.trim()
        ));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/info");
        assert_eq!(read::<String>(&path).unwrap(), None);
        write(&Disk::default(), &path, &"one").unwrap();
        write(&Disk::default(), &path, &"two").unwrap();
        assert_eq!(read::<String>(&path).unwrap().as_deref(), Some("two"));
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file stays behind");
    }

    #[test]
    fn every_torn_or_flipped_file_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("info");
        write(&Disk::default(), &path, &vec!["some", "words"]).unwrap();
        let good = fs::read(&path).unwrap();
        for cut in 0..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            read::<Vec<String>>(&path).expect_err("a truncated file");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            let error = read::<Vec<String>>(&path).expect_err("a flipped bit");
            assert!(error.to_string().contains("info"), "{error}");
        }
    }

    #[test]
    fn a_dangling_link_is_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("latest");
        write_link(&Disk::default(), &link, "first", true).unwrap();
        assert_eq!(read_link(&link), None);
        fs::create_dir(dir.path().join("second")).unwrap();
        write_link(&Disk::default(), &link, "second", true).unwrap();
        assert_eq!(read_link(&link).as_deref(), Some("second"));
    }
}
