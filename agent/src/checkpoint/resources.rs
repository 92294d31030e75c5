//! What the agent stores of its resources: reservations and volumes made at run time, and the
//! operations whose status is not acknowledged.
//!
//! A change is written down before the disk is touched and takes effect when it has been done:
//!
//! ```text
//! resources_and_operations.state.target   1. what is to be
//! volumes/..                              2. folders made, removed ones out of sight
//! resources_and_operations.state          3. the target under its new name: now it is so
//! ```
//!
//! After a crash the next life does 2 and 3 again. In Mesos' names and steps.

use std::fs;
use std::io;
use std::path::Path;

use mesos::resources::{Format, Resources};
use mesos::v1::{Operation, Resource};
use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::envelope::{self, CheckpointError, sync_folder};
use super::layout::Layout;
use crate::volumes::{self, Removal};

/// The reservations and volumes of an agent, and the operations it has yet to tell of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredResources {
    /// Without allocation.
    pub resources: Vec<Resource>,
    /// Each with its last status.
    pub operations: Vec<Operation>,
}

impl StoredResources {
    /// The stored form.
    pub fn new(resources: &Resources, operations: Vec<Operation>) -> StoredResources {
        StoredResources {
            resources: resources.to_v1(Format::PostRefinement),
            operations,
        }
    }
}

/// Goes from `from`, which is stored, to `to`. After an error everything is as it was, except that
/// a volume on a MOUNT disk may have been emptied.
pub fn commit(
    layout: &Layout,
    disk: &Disk,
    agent: &str,
    from: &StoredResources,
    to: &StoredResources,
) -> Result<(), CheckpointError> {
    let state = layout.resources(agent);
    if from.resources == to.resources {
        // Nothing but the one file is touched.
        return envelope::write(disk, &state, to);
    }
    let target = layout.resources_target(agent);
    envelope::write(disk, &target, to)?;
    let carried_out = carry_out(layout, disk, &state, &target, from, to);
    if carried_out.is_err()
        && disk.changes().is_ok()
        && let Err(error) = fs::remove_file(&target)
    {
        // The next change replaces it. After a restart it would be carried out, and the master
        // told so.
        tracing::error!("{} stays: {error}", target.display());
    }
    carried_out
}

/// Reads back what is stored, after carrying out what an earlier life began.
pub fn recover(
    layout: &Layout,
    disk: &Disk,
    agent: &str,
) -> Result<StoredResources, CheckpointError> {
    let (state, target) = (layout.resources(agent), layout.resources_target(agent));
    let from: StoredResources = envelope::read(&state)?.unwrap_or_default();
    match envelope::read::<StoredResources>(&target)? {
        None => Ok(from),
        Some(to) => {
            carry_out(layout, disk, &state, &target, &from, &to)?;
            Ok(to)
        }
    }
}

fn carry_out(
    layout: &Layout,
    disk: &Disk,
    state: &Path,
    target: &Path,
    from: &StoredResources,
    to: &StoredResources,
) -> Result<(), CheckpointError> {
    let work_dir = layout.work_dir();
    let (before, after) = (volumes_in(state, from)?, volumes_in(target, to)?);
    let added: Vec<_> = after.difference(&before).collect();
    for volume in &added {
        disk.changes()
            .map_err(CheckpointError::io("make a volume beside", state))?;
        volume.create(work_dir)?;
    }
    disk.changes()
        .map_err(CheckpointError::io("remove volumes beside", state))?;
    let removal = Removal::begin(work_dir, before.difference(&after))?;
    let done = removal.empty_disks().and_then(|()| {
        envelope::rename(disk, target, state)?;
        sync_folder(state.parent().unwrap_or(Path::new("/")))
    });
    match done {
        Ok(()) => removal.finish(),
        Err(_) if disk.changes().is_ok() => removal.undo(),
        Err(_) => {}
    }
    done
}

fn volumes_in(
    path: &Path,
    stored: &StoredResources,
) -> Result<std::collections::BTreeSet<volumes::Volume>, CheckpointError> {
    let resources = Resources::from_v1(&stored.resources)
        .map_err(|error| CheckpointError::damaged(path, error.to_string()))?;
    volumes::volumes_of(&resources)
        .map_err(|error| CheckpointError::io("use", path)(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(volumes: &[&str]) -> StoredResources {
        let volume = |id: &&str| {
            let text = format!(
                r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":1}},
                    "reservations":[{{"type":"DYNAMIC","role":"eng"}}],
                    "disk":{{"persistence":{{"id":"{id}"}}}}}}"#
            );
            serde_json::from_str::<Resource>(&text).unwrap()
        };
        StoredResources {
            resources: volumes.iter().map(volume).collect(),
            operations: Vec::new(),
        }
    }

    fn folders(layout: &Layout) -> Vec<String> {
        let listing = fs::read_dir(layout.work_dir().join("volumes/roles/eng"));
        let mut names: Vec<String> = listing
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn volumes_come_and_go_with_what_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let (none, one, two) = (stored(&[]), stored(&["a"]), stored(&["a", "b"]));
        assert_eq!(recover(&layout, &Disk::default(), "S0").unwrap(), none);
        commit(&layout, &Disk::default(), "S0", &none, &two).unwrap();
        assert_eq!(folders(&layout), ["a", "b"]);
        commit(&layout, &Disk::default(), "S0", &two, &one).unwrap();
        assert_eq!(folders(&layout), ["a"]);
        assert_eq!(recover(&layout, &Disk::default(), "S0").unwrap(), one);
        assert!(!layout.resources_target("S0").exists());
    }

    #[test]
    fn what_a_crash_interrupted_is_carried_out() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let (one, other) = (stored(&["a"]), stored(&["b"]));
        commit(&layout, &Disk::default(), "S0", &stored(&[]), &one).unwrap();
        // Written down, and then the agent died: before, amid and after the work on the disk.
        for half_done in 0..3 {
            envelope::write(&Disk::default(), &layout.resources_target("S0"), &other).unwrap();
            let eng = dir.path().join("volumes/roles/eng");
            if half_done > 0 {
                fs::create_dir_all(eng.join("b")).unwrap();
            }
            if half_done > 1 {
                fs::remove_dir(eng.join("a")).unwrap();
            }
            assert_eq!(recover(&layout, &Disk::default(), "S0").unwrap(), other);
            assert_eq!(folders(&layout), ["b"]);
            commit(&layout, &Disk::default(), "S0", &other, &one).unwrap();
            assert_eq!(folders(&layout), ["a"]);
        }
    }

    #[test]
    fn a_disk_that_refuses_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let one = stored(&["a"]);
        commit(&layout, &Disk::default(), "S0", &stored(&[]), &one).unwrap();
        fs::write(dir.path().join("volumes/.removed"), "in the way").unwrap();
        let error = commit(&layout, &Disk::default(), "S0", &one, &stored(&["b"])).unwrap_err();
        assert!(error.to_string().contains("volumes/roles/eng/a"), "{error}");
        assert_eq!(recover(&layout, &Disk::default(), "S0").unwrap(), one);
        assert!(folders(&layout).contains(&"a".to_owned()));
    }
}
