//! Writing into a sandbox in ways that cannot lead out of it.
//!
//! Every path is resolved by the kernel with `RESOLVE_BENEATH` (openat2, Linux 5.6): neither `..`, nor
//! a symbolic link, nor a race with one can name anything outside.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};

/// An open sandbox.
#[derive(Debug)]
pub(super) struct Sandbox {
    root: OwnedFd,
}

impl Sandbox {
    pub(super) fn open(path: &Path) -> io::Result<Sandbox> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_PATH;
        Ok(Sandbox {
            root: nix::fcntl::open(path, flags, Mode::empty())?,
        })
    }

    /// Makes a new file in place of whatever file or link had its name, and the folders above it.
    pub(super) fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        let (folder, name) = self.parent(path)?;
        remove(&folder, name)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let file = beneath(&folder, name, flags, 0o600)?;
        // Not subject to the umask, which is the agent's; the mode is the archive's.
        fchmod(&file, Mode::from_bits_truncate(mode & 0o777))?;
        Ok(file.into())
    }

    /// Opens a regular file to read it.
    pub(super) fn read(&self, path: &Path) -> io::Result<File> {
        let file = File::from(beneath(
            &self.root,
            path,
            OFlag::O_RDONLY | OFlag::O_NONBLOCK,
            0,
        )?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("is not a regular file"));
        }
        Ok(file)
    }

    /// Makes a folder and those above it, as far as they are missing.
    pub(super) fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        // A folder its owner cannot write would end the unpacking of what belongs into it.
        let mode = Mode::from_bits_truncate((mode & 0o777) | 0o700);
        let mut so_far = PathBuf::new();
        for part in path.iter() {
            match mkdirat(&self.folder(&so_far)?, Path::new(part), mode) {
                Ok(()) | Err(Errno::EEXIST) => so_far.push(part),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes a symbolic link. Where it leads is checked by [`Sandbox::stays_inside`], once everything
    /// that the link may name is there.
    pub(super) fn symlink(&self, path: &Path, target: &Path) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        remove(&folder, name)?;
        Ok(symlinkat(target, &folder, name)?)
    }

    /// Makes a second name for a file of the sandbox.
    pub(super) fn hard_link(&self, path: &Path, existing: &Path) -> io::Result<()> {
        let (from, from_name) = self.parent(existing)?;
        let (folder, name) = self.parent(path)?;
        remove(&folder, name)?;
        Ok(linkat(&from, from_name, &folder, name, AtFlags::empty())?)
    }

    /// Whether following this path ends within the sandbox; a link to nothing does.
    pub(super) fn stays_inside(&self, path: &Path) -> io::Result<bool> {
        match beneath(&self.root, path, OFlag::O_PATH, 0) {
            Ok(_) | Err(Errno::ENOENT) => Ok(true),
            Err(Errno::EXDEV | Errno::ELOOP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes away a name that is not a folder.
    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        remove(&folder, name)
    }

    /// The open folder of a path, made if missing, and the last part of the path.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a Path)> {
        let name = path
            .file_name()
            .map(Path::new)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        self.create_dir(folder, 0o755)?;
        Ok((self.folder(folder)?, name))
    }

    fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        if path.as_os_str().is_empty() {
            return self.root.try_clone();
        }
        Ok(beneath(
            &self.root,
            path,
            OFlag::O_PATH | OFlag::O_DIRECTORY,
            0,
        )?)
    }
}

fn remove(folder: &OwnedFd, name: &Path) -> io::Result<()> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn beneath(root: impl AsFd, path: &Path, flags: OFlag, mode: u32) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .mode(Mode::from_bits_truncate(mode))
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(root, path, how)
}
