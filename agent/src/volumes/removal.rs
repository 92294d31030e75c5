//! Removing volumes in two steps: what can fail and be undone, then what takes time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Volume;
use crate::checkpoint::envelope::CheckpointError;

/// Name of the folder for what is being deleted.
const REMOVED: &str = ".removed";

/// Volumes out of sight. Dropped, it deletes nothing.
#[derive(Debug, Default)]
pub(crate) struct Removal {
    /// Where each lay, and where it lies now.
    moved: Vec<(PathBuf, PathBuf)>,
    /// Whole disks, whose contents can only be deleted.
    disks: Vec<PathBuf>,
}

impl Removal {
    /// Takes volumes out of sight; one that is gone already is fine. After an error all are back.
    pub(crate) fn begin<'a>(
        work_dir: &Path,
        volumes: impl IntoIterator<Item = &'a Volume>,
    ) -> Result<Removal, CheckpointError> {
        let mut removal = Removal::default();
        for volume in volumes {
            let folder = volume.folder(work_dir);
            if volume.is_whole_disk() {
                removal.disks.push(folder);
                continue;
            }
            let bin = volume.all_volumes(work_dir).join(REMOVED);
            if let Err(error) = removal.take(&folder, &bin) {
                removal.undo();
                return Err(CheckpointError::io("remove the volume", &folder)(error));
            }
        }
        Ok(removal)
    }

    fn take(&mut self, folder: &Path, bin: &Path) -> io::Result<()> {
        fs::create_dir_all(bin)?;
        let free = (0_u64..).map(|number| bin.join(number.to_string()));
        // Nobody else writes there.
        let place = free.into_iter().find(|place| !place.exists());
        let place = place.unwrap_or_else(|| bin.join("last"));
        match fs::rename(folder, &place) {
            Ok(()) => self.moved.push((folder.to_owned(), place)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Puts everything back.
    pub(crate) fn undo(self) {
        for (folder, place) in self.moved.into_iter().rev() {
            if let Err(error) = fs::rename(&place, &folder) {
                tracing::error!(
                    "{} could not be put back to {}: {error}",
                    place.display(),
                    folder.display()
                );
            }
        }
    }

    /// Empties whole disks. What is deleted of them does not come back, so this is the last step
    /// that may fail.
    pub(crate) fn empty_disks(&self) -> Result<(), CheckpointError> {
        for disk in &self.disks {
            empty(disk).map_err(CheckpointError::io("empty the volume", disk))?;
        }
        Ok(())
    }

    /// Deletes what is out of sight, on a thread of its own: millions of files take a while.
    pub(crate) fn finish(self) {
        if self.moved.is_empty() {
            return;
        }
        let places = self.moved.into_iter().map(|(_, place)| place).collect();
        delete_aside(places);
    }
}

/// Deletes what an earlier life did not finish to delete, on the disk of the work directory and on
/// others.
pub(crate) fn sweep(work_dir: &Path, disks: &[PathBuf]) {
    let own = [work_dir.to_owned()];
    let bins = own.iter().chain(disks);
    let bins = bins.map(|disk| work_dir.join(disk).join("volumes").join(REMOVED));
    let left = bins.filter_map(|bin| fs::read_dir(bin).ok()).flatten();
    let places: Vec<PathBuf> = left.filter_map(|entry| Some(entry.ok()?.path())).collect();
    if !places.is_empty() {
        delete_aside(places);
    }
}

fn delete_aside(places: Vec<PathBuf>) {
    let delete = move || {
        for place in places {
            // Links are deleted, not followed.
            if let Err(error) = fs::remove_dir_all(&place) {
                tracing::error!("{} is not deleted yet: {error}", place.display());
            }
        }
    };
    let spawned = std::thread::Builder::new()
        .name("volume-remover".to_owned())
        .spawn(delete);
    if let Err(error) = spawned {
        tracing::error!("removed volumes are deleted at the next start: {error}");
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}
