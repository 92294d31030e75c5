//! Memory: a soft limit at the request, a hard one above it, and what happened at the hard one.

use std::path::Path;

use cgroups_rs::fs::memory::MemController;

use super::CgroupsError;
use super::files;

/// Sets the soft limit to `soft` bytes and the hard one to `hard` bytes; but never lowers the hard
/// limit to below what is used already, which would have the kernel kill at once what was fine a
/// moment ago.
pub(super) fn limit(
    memory: &MemController,
    directory: &Path,
    v2: bool,
    soft: u64,
    hard: u64,
) -> Result<(), CgroupsError> {
    memory
        .set_soft_limit(as_limit(soft))
        .map_err(|error| refused("the soft memory limit", &error))?;
    let (limit_file, usage_file) = if v2 {
        ("memory.max", "memory.current")
    } else {
        ("memory.limit_in_bytes", "memory.usage_in_bytes")
    };
    // `max` of version 2 is no number: no limit yet.
    let current = files::read_number(&directory.join(limit_file)).unwrap_or(u64::MAX);
    let used = files::read_number(&directory.join(usage_file)).unwrap_or(0);
    if hard < current && hard < used {
        tracing::info!(
            group = %directory.display(), hard, used,
            "memory limit not lowered below what is in use"
        );
        return Ok(());
    }
    memory
        .set_limit(as_limit(hard))
        .map_err(|error| refused("the memory limit", &error))
}

/// How many processes the kernel has killed in this group (and below it) for want of memory.
pub(super) fn oom_kills(directory: &Path, v2: bool) -> u64 {
    let file = if v2 {
        "memory.events"
    } else {
        "memory.oom_control"
    };
    files::read_keyed(&directory.join(file))
        .ok()
        .and_then(|events| events.get("oom_kill").copied())
        .unwrap_or(0)
}

/// The most bytes ever used at once; the present amount on kernels that do not remember.
pub(super) fn peak(directory: &Path, v2: bool) -> u64 {
    let names = if v2 {
        ["memory.peak", "memory.current"]
    } else {
        ["memory.max_usage_in_bytes", "memory.usage_in_bytes"]
    };
    names
        .iter()
        .find_map(|name| files::read_number(&directory.join(name)))
        .unwrap_or(0)
}

fn as_limit(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn refused(what: &'static str, error: &cgroups_rs::fs::error::Error) -> CgroupsError {
    CgroupsError::Limit {
        what,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MB: u64 = 1 << 20;

    fn group_v2(max: &str, current: u64) -> (tempfile::TempDir, MemController) {
        let group = tempfile::tempdir().expect("a folder");
        fs::write(group.path().join("memory.max"), max).expect("a file");
        fs::write(group.path().join("memory.low"), "0").expect("a file");
        fs::write(group.path().join("memory.current"), current.to_string()).expect("a file");
        let controller = MemController::new(group.path().to_owned(), group.path().to_owned(), true);
        (group, controller)
    }

    fn hard_limit(group: &tempfile::TempDir) -> String {
        fs::read_to_string(group.path().join("memory.max")).expect("a limit")
    }

    #[test]
    fn version_2_takes_the_request_as_protection_and_the_limit_as_maximum() {
        let (group, memory) = group_v2("max", 0);
        limit(&memory, group.path(), true, 64 * MB, 96 * MB).expect("limits");
        assert_eq!(hard_limit(&group), (96 * MB).to_string());
        let low = fs::read_to_string(group.path().join("memory.low")).expect("a soft limit");
        assert_eq!(low, (64 * MB).to_string());
    }

    #[test]
    fn a_limit_is_lowered_but_not_below_what_is_used() {
        let (group, memory) = group_v2(&(100 * MB).to_string(), 50 * MB);
        limit(&memory, group.path(), true, 32 * MB, 64 * MB).expect("limits");
        assert_eq!(hard_limit(&group), (64 * MB).to_string());
        limit(&memory, group.path(), true, 32 * MB, 32 * MB).expect("limits");
        assert_eq!(hard_limit(&group), (64 * MB).to_string());
    }

    #[test]
    fn out_of_memory_kills_are_counted_on_both_versions() {
        let group = tempfile::tempdir().expect("a folder");
        assert_eq!(oom_kills(group.path(), true), 0);
        fs::write(
            group.path().join("memory.events"),
            "low 0\noom 2\noom_kill 1\n",
        )
        .expect("a file");
        fs::write(
            group.path().join("memory.oom_control"),
            "under_oom 0\noom_kill 4\n",
        )
        .expect("a file");
        assert_eq!(oom_kills(group.path(), true), 1);
        assert_eq!(oom_kills(group.path(), false), 4);
    }
}
