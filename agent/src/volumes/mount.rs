//! Volumes in sandboxes: a link for every volume that a task there uses.
//!
//! The sandbox belongs to the task, which may have put anything there: the kernel resolves every
//! folder on the way beneath the sandbox and refuses links, so that no link leads the agent to
//! another place of the machine.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Component, Path, PathBuf};

use mesos::resources::Resources;
use mesos::v1::Resource;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, symlinkat, unlinkat};

/// Who may enter folders that are made on the way to a link.
const FOLDER_MODE: Mode = Mode::from_bits_truncate(0o750);

/// A volume that appears in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VolumeMount {
    /// Where the task finds it, below its sandbox.
    pub container_path: PathBuf,
    /// The volume.
    pub folder: PathBuf,
    /// Whether other tasks use it at the same time: then it keeps the owner it has.
    pub is_shared: bool,
}

/// A user and group, by number.
type Owner = (u32, u32);

/// The volumes of one sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Mounts {
    sandbox: PathBuf,
    volumes: Vec<VolumeMount>,
}

impl Mounts {
    /// Of a sandbox in which these volumes are, or will be.
    pub(crate) fn new(sandbox: PathBuf, volumes: Vec<VolumeMount>) -> Mounts {
        Mounts { sandbox, volumes }
    }

    /// Puts all volumes into the sandbox, which is there, and gives them to its owner.
    pub(crate) fn link(&self) -> io::Result<()> {
        let sandbox = open_folder(&self.sandbox)?.metadata()?;
        let owner = Some((sandbox.uid(), sandbox.gid()));
        for volume in &self.volumes {
            let linked = volume.link(&self.sandbox, owner);
            linked.map_err(|error| named(volume, &error))?;
        }
        Ok(())
    }

    /// Makes these the volumes of the sandbox.
    pub(crate) fn change(&mut self, volumes: Vec<VolumeMount>) -> io::Result<()> {
        let former = std::mem::replace(&mut self.volumes, volumes);
        for gone in former.iter().filter(|m| !self.volumes.contains(m)) {
            if let Err(error) = gone.unlink(&self.sandbox) {
                // The task may have taken it away itself.
                tracing::debug!("{}", named(gone, &error));
            }
        }
        match self.volumes.is_empty() {
            true => Ok(()),
            false => self.link(),
        }
    }
}

fn named(volume: &VolumeMount, error: &io::Error) -> io::Error {
    let VolumeMount {
        container_path,
        folder,
        ..
    } = volume;
    let (path, folder) = (container_path.display(), folder.display());
    io::Error::new(
        error.kind(),
        format!("volume {folder} as '{path}': {error}"),
    )
}

impl VolumeMount {
    /// The volume that a resource of a task is, if it is one and says where the task wants it.
    pub fn of(resource: &Resource, work_dir: &Path) -> Option<VolumeMount> {
        let disk = resource.disk.as_ref()?;
        let wanted = disk.volume.as_ref()?;
        let one = Resources::from_v1([resource]).ok()?;
        let volume = super::volumes_of(&one).ok()?.pop_first()?;
        Some(VolumeMount {
            container_path: PathBuf::from(&wanted.container_path),
            folder: volume.folder(work_dir),
            is_shared: resource.shared.is_some(),
        })
    }

    /// Puts a link to the volume into `sandbox` and gives the volume to `owner`; none is who we
    /// are. A link that is there already is fine.
    pub(super) fn link(&self, sandbox: &Path, owner: Option<Owner>) -> io::Result<()> {
        let (folders, name) = self.steps()?;
        self.give(owner)?;
        let mut at = open_folder(sandbox)?;
        for folder in folders {
            at = enter(&at, folder, owner)?;
        }
        match symlinkat(&self.folder, at.as_fd(), name) {
            Ok(()) => Ok(()),
            Err(Errno::EEXIST) if self.is_linked(&at, name) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the link away again. What else a task put there stays.
    pub(super) fn unlink(&self, sandbox: &Path) -> io::Result<()> {
        let (folders, name) = self.steps()?;
        let mut at = open_folder(sandbox)?;
        for folder in folders {
            at = beneath(&at, folder)?;
        }
        if self.is_linked(&at, name) {
            unlinkat(at.as_fd(), name, UnlinkatFlags::NoRemoveDir)?;
        }
        Ok(())
    }

    /// The folders on the way to the link, and its name.
    fn steps(&self) -> io::Result<(Vec<&Path>, &Path)> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !self.container_path.components().all(plain) {
            let why = format!(
                "'{}' is no path below the sandbox",
                self.container_path.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut parts: Vec<&Path> = self.container_path.iter().map(Path::new).collect();
        let name = parts.pop();
        let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok((parts, name))
    }

    fn is_linked(&self, at: &File, name: &Path) -> bool {
        readlinkat(at.as_fd(), name).is_ok_and(|target| Path::new(&target) == self.folder)
    }

    /// What is in the volume is the affair of those who put it there; only the folder is given.
    fn give(&self, owner: Option<Owner>) -> io::Result<()> {
        let folder = open_folder(&self.folder)?;
        let Some((uid, gid)) = owner else {
            return Ok(());
        };
        let is_new = folder.metadata()?.uid() == Uid::effective().as_raw();
        match self.is_shared && !is_new {
            true => Ok(()),
            false => fchown(&folder, Some(uid), Some(gid)),
        }
    }
}

fn open_folder(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY).bits())
        .open(path)
}

/// A folder in a folder, made if it is missing.
fn enter(at: &File, name: &Path, owner: Option<Owner>) -> io::Result<File> {
    match mkdirat(at.as_fd(), name, FOLDER_MODE) {
        Ok(()) => {
            if let Some((uid, gid)) = owner {
                let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
                fchownat(at.as_fd(), name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)?;
            }
        }
        Err(Errno::EEXIST) => {}
        Err(error) => return Err(error.into()),
    }
    beneath(at, name)
}

fn beneath(at: &File, name: &Path) -> io::Result<File> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_DIRECTORY)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(File::from(openat2(at, name, how)?))
}
