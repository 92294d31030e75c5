//! Volumes on a real disk.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use mesos::v1::resource::disk_info::{Persistence, Source};

fn info(id: &str, source: Option<Source>) -> DiskInfo {
    DiskInfo {
        persistence: Some(Persistence {
            id: id.to_owned(),
            principal: None,
        }),
        source,
        ..Default::default()
    }
}

fn on_path(root: &Path) -> Option<Source> {
    let mut disk = Source {
        path: Some(source::Path {
            root: Some(root.display().to_string()),
        }),
        ..Default::default()
    };
    disk.set_type(source::Type::Path);
    Some(disk)
}

fn on_mount(root: &Path) -> Option<Source> {
    let mut disk = Source {
        mount: Some(source::Mount {
            root: Some(root.display().to_string()),
        }),
        ..Default::default()
    };
    disk.set_type(source::Type::Mount);
    Some(disk)
}

fn volume(role: &str, id: &str) -> Volume {
    Volume::new(role, &info(id, None)).unwrap()
}

fn mount(folder: &Path, container_path: &str) -> VolumeMount {
    VolumeMount {
        container_path: container_path.into(),
        folder: folder.to_owned(),
        is_shared: false,
    }
}

#[test]
fn volumes_lie_where_mesos_puts_them() {
    let work = Path::new("/w");
    let table = [
        ("eng", None, "/w/volumes/roles/eng/v"),
        ("eng/a", None, "/w/volumes/roles/eng a/v"),
        ("eng", on_path(Path::new("/d")), "/d/volumes/roles/eng/v"),
        ("eng", on_path(Path::new("d")), "/w/d/volumes/roles/eng/v"),
        ("eng", on_mount(Path::new("/m")), "/m"),
    ];
    for (role, source, folder) in table {
        let volume = Volume::new(role, &info("v", source)).unwrap();
        assert_eq!(volume.folder(work), Path::new(folder));
    }
}

#[test]
fn an_id_that_names_another_folder_is_refused() {
    for id in ["", ".", "..", "../v", "a/b"] {
        let refused = Volume::new("eng", &info(id, None));
        assert_eq!(refused, Err(BadVolume::Id(id.to_owned())));
    }
    let nowhere = on_path(Path::new(""));
    let refused = Volume::new("eng", &info("v", nowhere));
    assert_eq!(refused, Err(BadVolume::Disk("v".to_owned())));
}

#[test]
fn a_removed_volume_comes_back_if_the_removal_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let (work, volume) = (dir.path(), volume("eng", "v"));
    volume.create(work).unwrap();
    volume.create(work).unwrap();
    let kept = volume.folder(work).join("data");
    fs::write(&kept, "x").unwrap();
    let removal = Removal::begin(work, [&volume]).unwrap();
    assert!(!volume.folder(work).exists());
    removal.undo();
    assert!(kept.exists());
    // Begun twice, as after a crash.
    drop(Removal::begin(work, [&volume]).unwrap());
    Removal::begin(work, [&volume]).unwrap().finish();
    volume.create(work).unwrap();
    assert!(!kept.exists(), "a new volume is empty");
}

#[test]
fn emptying_a_disk_leaves_its_root_and_what_links_point_to() {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("m"), dir.path().join("outside"));
    for folder in [&root, &outside, &root.join("deep/er")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(outside.join("precious"), "").unwrap();
    fs::write(root.join("file"), "").unwrap();
    symlink(&outside, root.join("link")).unwrap();
    symlink(&outside, root.join("deep/link")).unwrap();
    let volume = Volume::new("eng", &info("v", on_mount(&root))).unwrap();
    volume.create(dir.path()).unwrap();
    let removal = Removal::begin(dir.path(), [&volume]).unwrap();
    assert!(root.join("file").exists(), "not before the last moment");
    removal.empty_disks().unwrap();
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    assert!(outside.join("precious").exists());
}

#[test]
fn a_volume_that_is_a_link_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let volume = volume("eng", "v");
    let folder = volume.folder(dir.path());
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    symlink("/", &folder).unwrap();
    volume.create(dir.path()).unwrap_err();
}

#[test]
fn a_volume_appears_in_the_sandbox_and_goes_again() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, folder) = (dir.path().join("s"), dir.path().join("v"));
    fs::create_dir_all(&sandbox).unwrap();
    fs::create_dir_all(&folder).unwrap();
    let mount = mount(&folder, "a/b/data");
    mount.link(&sandbox, None).unwrap();
    mount.link(&sandbox, None).unwrap();
    fs::write(sandbox.join("a/b/data/file"), "x").unwrap();
    assert!(folder.join("file").exists());
    mount.unlink(&sandbox).unwrap();
    assert!(!sandbox.join("a/b/data").exists());
    assert!(folder.join("file").exists());
}

#[test]
fn no_link_of_a_task_leads_out_of_its_sandbox() {
    let dir = tempfile::tempdir().unwrap();
    let [sandbox, folder, outside] = ["s", "v", "o"].map(|name| dir.path().join(name));
    for folder in [&sandbox, &folder, &outside] {
        fs::create_dir_all(folder).unwrap();
    }
    symlink(&outside, sandbox.join("trap")).unwrap();
    fs::write(sandbox.join("taken"), "mine").unwrap();
    for path in ["trap/data", "../data", "/data", "", "taken", "taken/data"] {
        let mount = mount(&folder, path);
        assert!(mount.link(&sandbox, None).is_err(), "{path:?}");
        let _ = mount.unlink(&sandbox);
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(sandbox.join("taken")).unwrap(), "mine");
    let link = self::mount(&outside.join("gone"), "data");
    link.link(&sandbox, None).unwrap_err();
}
