//! Control groups: where containers are bounded, measured, and killed as a whole.
//!
//! ```text
//! version 1   /sys/fs/cgroup/{cpu,cpuacct,memory,freezer}/<root>/<container id>
//! version 2   /sys/fs/cgroup/<root>/<container id>
//! ```
//!
//! Limits go through cgroups-rs. What that library lacks or gets wrong is done here: enabling exactly
//! the controllers we use (version 2), converting shares to weights, reading `memory.events`, killing
//! and removing whole trees. Semantics: Mesos' `docs/isolators/cgroups-cpu.md`,
//! `docs/isolators/cgroups-mem.md` and `docs/cgroups2-support.md`.

mod bounds;
mod cpu;
mod destroy;
mod files;
mod group;
mod memory;

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use cgroups_rs::fs::Controllers;
use cgroups_rs::fs::hierarchies::{UNIFIED_MOUNTPOINT, V1, is_cgroup2_unified_mode};

pub(crate) use bounds::Bounds;
use cpu::CpuRules;
pub(crate) use group::Group;

/// The control groups of one agent.
#[derive(Debug, Clone)]
pub struct Cgroups {
    layout: Layout,
    root: PathBuf,
    cpu_rules: CpuRules,
}

/// Where the controllers are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    V1 {
        cpu: PathBuf,
        cpuacct: PathBuf,
        memory: PathBuf,
        /// Kills without races where it exists; its absence is survivable.
        freezer: Option<PathBuf>,
    },
    V2 {
        mount: PathBuf,
    },
}

/// Why control groups cannot be used, or one of them not made.
#[derive(Debug, thiserror::Error)]
pub enum CgroupsError {
    /// Only root may create control groups here.
    #[error("control groups need root")]
    NotRoot,
    /// A controller is not mounted.
    #[error("the {0} controller is not available in {UNIFIED_MOUNTPOINT}")]
    Missing(&'static str),
    /// `--cgroups_root` is not a plain relative path.
    #[error("--cgroups_root '{0}' must be a relative path without '..'")]
    BadRoot(String),
    /// The system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A limit was refused.
    #[error("failed to set {what}: {reason}")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}

/// The controllers we turn on in version 2, and no others.
const V2_CONTROLLERS: [&str; 2] = ["cpu", "memory"];

impl Cgroups {
    /// Finds the machine's layout and makes sure that groups can be created under `root`
    /// (`--cgroups_root`, relative to the mount).
    pub fn detect(root: &str) -> Result<Cgroups, CgroupsError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(CgroupsError::NotRoot);
        }
        let cgroups = Cgroups::at(machine_layout()?, root)?;
        cgroups.make_root()?;
        Ok(cgroups)
    }

    /// Control groups under a given layout; nothing is created yet.
    pub(crate) fn at(layout: Layout, root: &str) -> Result<Cgroups, CgroupsError> {
        let path = PathBuf::from(root);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if root.is_empty() || !plain {
            return Err(CgroupsError::BadRoot(root.to_owned()));
        }
        Ok(Cgroups {
            layout,
            root: path,
            cpu_rules: CpuRules {
                ceiling: false,
                revocable_is_low: true,
            },
        })
    }

    /// Whether cpus are also a ceiling (`--cgroups_enable_cfs`), not only a share.
    #[must_use]
    pub fn cfs_quota(mut self, enabled: bool) -> Cgroups {
        self.cpu_rules.ceiling = enabled;
        self
    }

    /// Whether borrowed cpus weigh next to nothing (`--revocable_cpu_low_priority`, on unless said).
    #[must_use]
    pub fn revocable_cpu_low_priority(mut self, enabled: bool) -> Cgroups {
        self.cpu_rules.revocable_is_low = enabled;
        self
    }

    /// Whether the machine has the unified hierarchy.
    #[must_use]
    pub fn is_v2(&self) -> bool {
        matches!(self.layout, Layout::V2 { .. })
    }

    /// Makes a group for a container. A group of that name that exists already is not an error: the
    /// caller knows that the name is free.
    pub(crate) fn create(&self, container: &str) -> Result<Group, CgroupsError> {
        let mounts = self.layout.mounts();
        if !mounts.iter().all(|mount| mount.join(&self.root).exists()) {
            // Another agent under the same root was the last to leave.
            self.make_root()?;
        }
        let group = self.group(container);
        for directory in group.directories() {
            fs::create_dir_all(directory)
                .map_err(|source| io_error("create", directory, source))?;
        }
        Ok(group)
    }

    /// The group of a container, which may or may not exist.
    pub(crate) fn group(&self, container: &str) -> Group {
        Group::new(&self.layout, &self.root.join(container), self.cpu_rules)
    }

    /// Removes the root if nothing is under it any more.
    pub fn remove_root(&self) {
        for mount in self.layout.mounts() {
            let mut path = self.root.as_path();
            while !path.as_os_str().is_empty() && fs::remove_dir(mount.join(path)).is_ok() {
                path = path.parent().unwrap_or(Path::new(""));
            }
        }
    }

    fn make_root(&self) -> Result<(), CgroupsError> {
        match &self.layout {
            Layout::V1 { .. } => {
                for mount in self.layout.mounts() {
                    let path = mount.join(&self.root);
                    fs::create_dir_all(&path)
                        .map_err(|source| io_error("create", &path, source))?;
                }
                Ok(())
            }
            Layout::V2 { mount } => enable_controllers(mount, &self.root),
        }
    }
}

impl Layout {
    /// Each mount once, though controllers may share one.
    pub(crate) fn mounts(&self) -> Vec<PathBuf> {
        match self {
            Layout::V2 { mount } => vec![mount.clone()],
            Layout::V1 {
                cpu,
                cpuacct,
                memory,
                freezer,
            } => {
                let mut mounts = vec![cpu.clone(), cpuacct.clone(), memory.clone()];
                mounts.extend(freezer.clone());
                mounts.sort();
                mounts.dedup();
                mounts
            }
        }
    }
}

fn machine_layout() -> Result<Layout, CgroupsError> {
    if is_cgroup2_unified_mode() {
        return Ok(Layout::V2 {
            mount: PathBuf::from(UNIFIED_MOUNTPOINT),
        });
    }
    let v1 = V1::new();
    let mount = |controller| v1.get_mount_point(controller).map(|(point, _)| point);
    Ok(Layout::V1 {
        cpu: mount(Controllers::Cpu).ok_or(CgroupsError::Missing("cpu"))?,
        cpuacct: mount(Controllers::CpuAcct).ok_or(CgroupsError::Missing("cpuacct"))?,
        memory: mount(Controllers::Mem).ok_or(CgroupsError::Missing("memory"))?,
        freezer: mount(Controllers::Freezer),
    })
}

/// In version 2 a group has a controller only where every ancestor hands it down.
fn enable_controllers(mount: &Path, root: &Path) -> Result<(), CgroupsError> {
    let mut group = mount.to_owned();
    let mut parts = root.components();
    loop {
        let available = files::read(&group.join("cgroup.controllers"))?;
        for controller in V2_CONTROLLERS {
            if !available.split_whitespace().any(|name| name == controller) {
                return Err(CgroupsError::Missing(controller));
            }
            files::write(
                &group.join("cgroup.subtree_control"),
                &format!("+{controller}"),
            )?;
        }
        let Some(part) = parts.next() else {
            return Ok(());
        };
        group.push(part);
        fs::create_dir_all(&group).map_err(|source| io_error("create", &group, source))?;
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> CgroupsError {
    CgroupsError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(mount: &Path) -> Layout {
        Layout::V2 {
            mount: mount.to_owned(),
        }
    }

    #[test]
    fn the_root_stays_below_the_mount() {
        for root in ["", "/mesos", "../mesos", "a/../../b"] {
            assert!(
                Cgroups::at(v2(Path::new("/nowhere")), root).is_err(),
                "{root:?}"
            );
        }
        assert!(Cgroups::at(v2(Path::new("/nowhere")), "mesos/agent-1").is_ok());
    }

    #[test]
    fn version_2_hands_the_controllers_down() {
        let mount = tempfile::tempdir().expect("a folder");
        let cgroups = Cgroups::at(v2(mount.path()), "mesos/one").expect("a plain root");
        for group in ["", "mesos", "mesos/one"] {
            let group = mount.path().join(group);
            fs::create_dir_all(&group).expect("a group");
            fs::write(
                group.join("cgroup.controllers"),
                "cpuset cpu io memory pids\n",
            )
            .expect("a file");
            fs::write(group.join("cgroup.subtree_control"), "").expect("a file");
        }
        cgroups.make_root().expect("controllers enabled");
        for group in ["", "mesos", "mesos/one"] {
            let written =
                fs::read_to_string(mount.path().join(group).join("cgroup.subtree_control"));
            assert_eq!(
                written.expect("written"),
                "+memory",
                "the last of two writes to {group:?}"
            );
        }
    }

    #[test]
    fn version_2_without_the_memory_controller_is_refused() {
        let mount = tempfile::tempdir().expect("a folder");
        fs::write(mount.path().join("cgroup.controllers"), "cpu hugetlb\n").expect("a file");
        fs::write(mount.path().join("cgroup.subtree_control"), "").expect("a file");
        let cgroups = Cgroups::at(v2(mount.path()), "mesos").expect("a plain root");
        assert!(matches!(
            cgroups.make_root(),
            Err(CgroupsError::Missing("memory"))
        ));
    }

    #[test]
    fn controllers_that_share_a_mount_are_created_once() {
        let layout = Layout::V1 {
            cpu: "/c/cpu,cpuacct".into(),
            cpuacct: "/c/cpu,cpuacct".into(),
            memory: "/c/memory".into(),
            freezer: None,
        };
        assert_eq!(
            layout.mounts(),
            [PathBuf::from("/c/cpu,cpuacct"), PathBuf::from("/c/memory")]
        );
    }
}
