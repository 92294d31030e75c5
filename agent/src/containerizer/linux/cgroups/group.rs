//! The control group of one container.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use cgroups_rs::fs::cpu::CpuController;
use cgroups_rs::fs::memory::MemController;
use mesos::v1;

use super::cpu::{self, CpuRules};
use super::{Bounds, CgroupsError, Layout, files, io_error, memory};

/// One container's directories in the control group filesystem; on version 2 they are all the same.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(super) v2: bool,
    cpu: PathBuf,
    cpuacct: PathBuf,
    memory: PathBuf,
    pub(super) freezer: Option<PathBuf>,
    directories: Vec<PathBuf>,
    cpu_rules: CpuRules,
}

/// cpuacct counts in nanoseconds, cpu.stat of version 2 in microseconds.
const NANOS: f64 = 1e9;
const MICROS: f64 = 1e6;

impl Group {
    pub(super) fn new(layout: &Layout, path: &Path, cpu_rules: CpuRules) -> Group {
        let directories = layout
            .mounts()
            .iter()
            .map(|mount| mount.join(path))
            .collect();
        match layout {
            Layout::V1 {
                cpu,
                cpuacct,
                memory,
                freezer,
            } => Group {
                v2: false,
                cpu: cpu.join(path),
                cpuacct: cpuacct.join(path),
                memory: memory.join(path),
                freezer: freezer.as_ref().map(|mount| mount.join(path)),
                directories,
                cpu_rules,
            },
            Layout::V2 { mount } => Group {
                v2: true,
                cpu: mount.join(path),
                cpuacct: mount.join(path),
                memory: mount.join(path),
                freezer: None,
                directories,
                cpu_rules,
            },
        }
    }

    /// Every directory of the group, each once.
    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    pub(crate) fn exists(&self) -> bool {
        self.directories.iter().any(|directory| directory.exists())
    }

    /// The directory that says which processes belong to the group: all directories hold the same
    /// ones, but the freezer cannot be left by mistake.
    pub(super) fn members(&self) -> &Path {
        self.freezer.as_deref().unwrap_or(&self.memory)
    }

    /// The files into which a process writes "0" to enter the group.
    pub(crate) fn doors(&self) -> Result<Vec<File>, CgroupsError> {
        self.directories
            .iter()
            .map(|directory| {
                let path = directory.join("cgroup.procs");
                OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .map_err(|error| io_error("open", &path, error))
            })
            .collect()
    }

    /// Holds the group to these bounds.
    pub(crate) fn limit(&self, bounds: &Bounds) -> Result<(), CgroupsError> {
        let cpu = CpuController::new(self.cpu.clone(), self.cpu.clone(), self.v2);
        cpu::limit(&cpu, self.v2, bounds, self.cpu_rules)?;
        let memory = MemController::new(self.memory.clone(), self.memory.clone(), self.v2);
        memory::limit(
            &memory,
            &self.memory,
            self.v2,
            bounds.soft_bytes,
            bounds.hard_bytes,
        )
    }

    /// How many processes of the group the kernel has killed for want of memory.
    pub(crate) fn oom_kills(&self) -> u64 {
        memory::oom_kills(&self.memory, self.v2)
    }

    /// The most memory the group ever used at once, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        memory::peak(&self.memory, self.v2)
    }

    /// What the group uses and may use; fields the kernel does not offer stay unset.
    pub(crate) fn statistics(&self, bounds: &Bounds, statistics: &mut v1::ResourceStatistics) {
        statistics.cpus_limit = Some(bounds.milli_cpus as f64 / 1000.0);
        self.cpu_statistics(statistics);
        self.memory_statistics(statistics);
        statistics.mem_soft_limit_bytes = Some(bounds.soft_bytes);
        let count = |file: &str| {
            let text = files::read(&self.members().join(file)).ok()?;
            u32::try_from(text.lines().count()).ok()
        };
        statistics.processes = count("cgroup.procs");
        statistics.threads = count(if self.v2 { "cgroup.threads" } else { "tasks" });
    }

    fn cpu_statistics(&self, statistics: &mut v1::ResourceStatistics) {
        let stat = files::read_keyed(&self.cpu.join("cpu.stat")).unwrap_or_default();
        let counter = |key: &str| stat.get(key).copied();
        statistics.cpus_nr_periods = counter("nr_periods").and_then(|n| u32::try_from(n).ok());
        statistics.cpus_nr_throttled = counter("nr_throttled").and_then(|n| u32::try_from(n).ok());
        if self.v2 {
            let seconds = |key| counter(key).map(|micros| micros as f64 / MICROS);
            statistics.cpus_user_time_secs = seconds("user_usec");
            statistics.cpus_system_time_secs = seconds("system_usec");
            statistics.cpus_throttled_time_secs = seconds("throttled_usec");
        } else {
            let seconds = |file: &str| {
                files::read_number(&self.cpuacct.join(file)).map(|nanos| nanos as f64 / NANOS)
            };
            statistics.cpus_user_time_secs = seconds("cpuacct.usage_user");
            statistics.cpus_system_time_secs = seconds("cpuacct.usage_sys");
            statistics.cpus_throttled_time_secs =
                counter("throttled_time").map(|nanos| nanos as f64 / NANOS);
        }
    }

    fn memory_statistics(&self, statistics: &mut v1::ResourceStatistics) {
        let stat = files::read_keyed(&self.memory.join("memory.stat")).unwrap_or_default();
        let bytes = |key: &str| stat.get(key).copied();
        let number = |file: &str| files::read_number(&self.memory.join(file));
        if self.v2 {
            statistics.mem_total_bytes = number("memory.current");
            statistics.mem_limit_bytes = number("memory.max");
            statistics.mem_anon_bytes = bytes("anon");
            statistics.mem_file_bytes = bytes("file");
            statistics.mem_mapped_file_bytes = bytes("file_mapped");
        } else {
            statistics.mem_total_bytes = number("memory.usage_in_bytes");
            statistics.mem_limit_bytes = number("memory.limit_in_bytes");
            statistics.mem_anon_bytes = bytes("total_rss");
            statistics.mem_file_bytes = bytes("total_cache");
            statistics.mem_mapped_file_bytes = bytes("total_mapped_file");
        }
        statistics.mem_rss_bytes = statistics.mem_anon_bytes;
        statistics.mem_cache_bytes = statistics.mem_file_bytes;
    }
}
