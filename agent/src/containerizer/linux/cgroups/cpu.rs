//! cpus: a share always, a ceiling on request.

use cgroups_rs::fs::cpu::CpuController;

use super::{Bounds, CgroupsError};

/// What one cpu weighs, and the least the kernel takes.
const SHARES_PER_CPU: u64 = 1024;
/// What a borrowed one weighs: who has cpus for good gets them back at once.
const SHARES_PER_REVOCABLE_CPU: u64 = 10;
const MIN_SHARES: u64 = 2;
const MAX_SHARES: u64 = 262_144;

/// The period of the ceiling, and the least quota Mesos sets in it.
const CFS_PERIOD_US: u64 = 100_000;
const MIN_QUOTA_US: u64 = 1_000;

/// What operators choose about cpus.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuRules {
    /// `--cgroups_enable_cfs`
    pub(super) ceiling: bool,
    /// `--revocable_cpu_low_priority`
    pub(super) revocable_is_low: bool,
}

/// Sets the share, and the ceiling if there is to be one.
pub(super) fn limit(
    cpu: &CpuController,
    v2: bool,
    bounds: &Bounds,
    rules: CpuRules,
) -> Result<(), CgroupsError> {
    let low = match rules.revocable_is_low {
        true => bounds.revocable_milli_cpus,
        false => 0,
    };
    let shares = shares(bounds.milli_cpus.saturating_sub(low), low);
    let weight = if v2 { weight(shares) } else { shares };
    cpu.set_shares(weight)
        .map_err(|error| refused("cpu shares", &error))?;
    if rules.ceiling {
        let quota = i64::try_from(quota_us(bounds.milli_cpus)).unwrap_or(i64::MAX);
        cpu.set_cfs_quota_and_period(Some(quota), Some(CFS_PERIOD_US))
            .map_err(|error| refused("the cpu quota", &error))?;
    }
    Ok(())
}

/// Of so many thousandths of regular cpus and of those with low priority.
fn shares(milli_cpus: u64, low_milli_cpus: u64) -> u64 {
    let regular = milli_cpus.saturating_mul(SHARES_PER_CPU) / 1000;
    let low = low_milli_cpus.saturating_mul(SHARES_PER_REVOCABLE_CPU) / 1000;
    regular.saturating_add(low).clamp(MIN_SHARES, MAX_SHARES)
}

/// Version 2 counts weights from 1 to 10000; this is the mapping every container runtime uses.
fn weight(shares: u64) -> u64 {
    1 + (shares - MIN_SHARES) * 9999 / (MAX_SHARES - MIN_SHARES)
}

fn quota_us(milli_cpus: u64) -> u64 {
    (milli_cpus.saturating_mul(CFS_PERIOD_US) / 1000).max(MIN_QUOTA_US)
}

fn refused(what: &'static str, error: &cgroups_rs::fs::error::Error) -> CgroupsError {
    CgroupsError::Limit {
        what,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_cpus_within_the_kernels_bounds() {
        assert_eq!(shares(1_000, 0), 1024);
        assert_eq!(shares(100, 0), 102);
        assert_eq!(shares(0, 0), 2);
        assert_eq!(shares(u64::MAX, 0), 262_144);
    }

    #[test]
    fn what_is_borrowed_weighs_next_to_nothing() {
        assert_eq!(shares(0, 2_000), 20);
        assert_eq!(shares(1_000, 2_000), 1044);
        assert_eq!(weight(shares(0, 2_000)), 1, "the least there is");
    }

    #[test]
    fn weights_span_the_whole_range() {
        assert_eq!(weight(shares(0, 0)), 1);
        assert_eq!(weight(1024), 39);
        assert_eq!(weight(262_144), 10_000);
    }

    #[test]
    fn quotas_are_at_least_a_millisecond() {
        assert_eq!(quota_us(500), 50_000);
        assert_eq!(quota_us(1), 1_000);
    }
}
