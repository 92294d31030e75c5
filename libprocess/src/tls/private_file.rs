//! Files that hold keys: made once, whole, and for their owner only.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Reads the file at `path`, or makes it out of `make()`, with mode 0600 in a folder made with 0700.
///
/// Any number of processes may do so at once: exactly one of them creates the file, and all get
/// its content. The file appears whole or not at all, also after a power failure.
pub(crate) fn load_or_create(path: &Path, make: impl FnOnce() -> Vec<u8>) -> io::Result<Vec<u8>> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        answer => return answer,
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;

    let temporary = temporary_beside(path);
    write_new(&temporary, &make())?;
    // A link, unlike a rename, fails if somebody else was first.
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::File::open(folder)?.sync_all()?,
    }
    read(path)
}

/// Reads a private file, and refuses one that others could have read or changed.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "holds a private key but its mode is {:o}: chmod 600",
                mode & 0o777
            ),
        ));
    }
    fs::read(path)
}

/// Replaces the file at `path` with `content`, mode 0600, atomically.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = temporary_beside(path);
    write_new(&temporary, content)?;
    fs::rename(&temporary, path)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn temporary_beside(path: &Path) -> PathBuf {
    let unique = StdRng::from_os_rng().next_u64();
    path.with_extension(format!("{unique:016x}.tmp"))
}
