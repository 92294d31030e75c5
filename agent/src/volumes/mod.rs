//! Persistent volumes: folders that outlive the tasks that use them.
//!
//! ```text
//! <work_dir>/volumes/
//! ├── roles/<role>/<volume id>/      a volume on the disk of the work directory
//! └── .removed/<number>/             a volume that is gone, until its contents are
//! <root of a PATH disk>/volumes/     the same
//! <root of a MOUNT disk>/            the volume itself
//! ```
//!
//! In Mesos' layout: a `/` in a role is a blank in the name of its folder. No role holds a blank.
//!
//! A volume is removed by giving its folder another name, which is quick and can be undone; its
//! contents are deleted when nothing can fail any more. Links in it are deleted, never followed.
//! Semantics: `docs/persistent-volume.md` and `docs/multiple-disk.md` of Mesos.

pub mod mount;
mod removal;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mesos::resources::{Key, Resources};
use mesos::v1::resource::DiskInfo;
use mesos::v1::resource::disk_info::source;

use crate::checkpoint::envelope::{CheckpointError, sync_folder};
pub(crate) use mount::Mounts;
pub use mount::VolumeMount;
pub(crate) use removal::{Removal, sweep};

/// Who may look into a volume: its owner, which is the user of the last task, and its group.
const VOLUME_MODE: u32 = 0o750;

/// Who may pass through the folders above volumes: every user with a task.
const FOLDER_MODE: u32 = 0o755;

/// One persistent volume; its size is not part of what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Volume {
    /// To whom it is reserved.
    role: String,
    /// Unique among the volumes of the role.
    id: String,
    disk: Disk,
}

/// The disk that a volume lies on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Disk {
    /// That of the work directory.
    Root,
    /// Some other folder.
    Path(PathBuf),
    /// A whole file system, which is the volume.
    Mount(PathBuf),
}

/// A volume that this agent cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVolume {
    /// Its id would name another folder.
    #[error("the id '{0}' of a persistent volume cannot name a folder")]
    Id(String),
    /// Its disk is none that this agent can use.
    #[error("persistent volume '{0}' is on a disk that is neither PATH nor MOUNT, or has no root")]
    Disk(String),
}

/// The persistent volumes among `resources`.
pub fn volumes_of(resources: &Resources) -> Result<BTreeSet<Volume>, BadVolume> {
    let volumes = resources.keys().filter(|key| key.is_persistent_volume());
    volumes.map(|key| Volume::of(&key)).collect()
}

impl Volume {
    fn of(key: &Key<'_>) -> Result<Volume, BadVolume> {
        let info = key.disk.as_ref().map(|disk| disk.info());
        Volume::new(key.reservation_role(), &info.cloned().unwrap_or_default())
    }

    /// The volume of a `role` that a disk is.
    pub fn new(role: &str, info: &DiskInfo) -> Result<Volume, BadVolume> {
        let id = info.persistence.as_ref().map_or("", |p| &p.id).to_owned();
        if mesos::ids::validate(&id).is_err() {
            return Err(BadVolume::Id(id));
        }
        let root = |root: Option<&String>| {
            let known = root.filter(|root| !root.is_empty()).map(PathBuf::from);
            known.ok_or_else(|| BadVolume::Disk(id.clone()))
        };
        let disk = match &info.source {
            None => Disk::Root,
            Some(disk) => match disk.r#type() {
                source::Type::Path => {
                    Disk::Path(root(disk.path.as_ref().and_then(|p| p.root.as_ref()))?)
                }
                source::Type::Mount => {
                    Disk::Mount(root(disk.mount.as_ref().and_then(|m| m.root.as_ref()))?)
                }
                _ => return Err(BadVolume::Disk(id)),
            },
        };
        Ok(Volume {
            role: role.to_owned(),
            id,
            disk,
        })
    }

    /// Where it lies. Roots of disks may be given below the work directory.
    pub fn folder(&self, work_dir: &Path) -> PathBuf {
        match &self.disk {
            Disk::Mount(root) => work_dir.join(root),
            _ => self
                .all_volumes(work_dir)
                .join("roles")
                .join(self.role.replace('/', " "))
                .join(&self.id),
        }
    }

    /// The folder of all volumes of its disk.
    fn all_volumes(&self, work_dir: &Path) -> PathBuf {
        match &self.disk {
            Disk::Root => work_dir.join("volumes"),
            Disk::Path(root) | Disk::Mount(root) => work_dir.join(root).join("volumes"),
        }
    }

    fn is_whole_disk(&self) -> bool {
        matches!(self.disk, Disk::Mount(_))
    }

    /// Makes its folder durably. One that is there stays as it is: it was made before a crash.
    pub fn create(&self, work_dir: &Path) -> Result<(), CheckpointError> {
        let folder = self.folder(work_dir);
        let fail = |error| CheckpointError::io("make the volume", &folder)(error);
        if !self.is_whole_disk() {
            let above = folder.parent().unwrap_or(work_dir);
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(FOLDER_MODE).create(above);
            made.map_err(fail)?;
            match DirBuilder::new().mode(VOLUME_MODE).create(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(fail(error));
                }
                _ => sync_folder(above)?,
            }
        }
        // Through a link, a task could be given any folder of the machine.
        match fs::symlink_metadata(&folder).map_err(fail)?.is_dir() {
            true => Ok(()),
            false => Err(fail(io::ErrorKind::NotADirectory.into())),
        }
    }
}

#[cfg(test)]
mod tests;
