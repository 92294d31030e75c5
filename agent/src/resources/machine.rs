//! Looking at the machine.

use std::path::Path;
use std::{fs, thread};

use nix::sys::statvfs::statvfs;

const MB: u64 = 1 << 20;
const GB: u64 = 1 << 30;

/// What a machine has, before any headroom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Processors this process may use.
    pub cpus: u64,
    /// Main memory.
    pub mem_bytes: u64,
    /// Size of the file system the work directory is on.
    pub disk_bytes: u64,
}

/// What is taken for what cannot be found out, as in Mesos.
const UNKNOWN: Machine = Machine {
    cpus: 1,
    mem_bytes: GB,
    disk_bytes: 10 * GB,
};

impl Machine {
    /// Looks; what cannot be found out is said in the log and guessed low.
    pub fn detect(work_dir: &Path) -> Machine {
        let cpus = thread::available_parallelism()
            .ok()
            .map(|count| count.get() as u64);
        Machine {
            cpus: known("cpus", cpus, UNKNOWN.cpus),
            mem_bytes: known("memory", mem_bytes(), UNKNOWN.mem_bytes),
            disk_bytes: known("disk", disk_bytes(work_dir), UNKNOWN.disk_bytes),
        }
    }

    /// All but 1 GB, or half of less than 2 GB.
    pub(super) fn offered_mem_mb(&self) -> u64 {
        with_headroom(self.mem_bytes, 2 * GB, GB) / MB
    }

    /// All but 5 GB, or half of less than 10 GB.
    pub(super) fn offered_disk_mb(&self) -> u64 {
        with_headroom(self.disk_bytes, 10 * GB, 5 * GB) / MB
    }
}

fn with_headroom(total: u64, plenty: u64, headroom: u64) -> u64 {
    if total >= plenty {
        total - headroom
    } else {
        total / 2
    }
}

fn known(what: &str, detected: Option<u64>, otherwise: u64) -> u64 {
    detected.filter(|amount| *amount > 0).unwrap_or_else(|| {
        tracing::warn!(
            what,
            otherwise,
            "cannot detect a resource; name it in --resources"
        );
        otherwise
    })
}

fn mem_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The work directory may not exist yet: then the nearest folder above it that does.
fn disk_bytes(work_dir: &Path) -> Option<u64> {
    let existing = work_dir
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(Path::new("."));
    let status = statvfs(existing).ok()?;
    (status.blocks() as u64).checked_mul(status.fragment_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom_is_left() {
        let small = Machine {
            cpus: 1,
            mem_bytes: GB,
            disk_bytes: 8 * GB,
        };
        assert_eq!(
            (small.offered_mem_mb(), small.offered_disk_mb()),
            (512, 4096)
        );
        let large = Machine {
            cpus: 1,
            mem_bytes: 2 * GB,
            disk_bytes: 10 * GB,
        };
        assert_eq!(
            (large.offered_mem_mb(), large.offered_disk_mb()),
            (1024, 5120)
        );
    }

    #[test]
    fn this_machine_has_something() {
        let machine = Machine::detect(Path::new("/tmp/not/there/yet"));
        assert!(machine.cpus > 0 && machine.mem_bytes > 64 * MB && machine.disk_bytes > MB);
    }
}
