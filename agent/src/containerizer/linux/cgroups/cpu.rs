//! cpus: a share always, a ceiling on request.

use cgroups_rs::fs::cpu::CpuController;

use super::CgroupsError;

/// What one cpu weighs, and the least the kernel takes.
const SHARES_PER_CPU: u64 = 1024;
const MIN_SHARES: u64 = 2;
const MAX_SHARES: u64 = 262_144;

/// The period of the ceiling, and the least quota Mesos sets in it.
const CFS_PERIOD_US: u64 = 100_000;
const MIN_QUOTA_US: u64 = 1_000;

/// Sets the share, and the ceiling if there is to be one.
pub(super) fn limit(
    cpu: &CpuController,
    v2: bool,
    milli_cpus: u64,
    ceiling: bool,
) -> Result<(), CgroupsError> {
    let shares = shares(milli_cpus);
    let weight = if v2 { weight(shares) } else { shares };
    cpu.set_shares(weight)
        .map_err(|error| refused("cpu shares", &error))?;
    if ceiling {
        let quota = i64::try_from(quota_us(milli_cpus)).unwrap_or(i64::MAX);
        cpu.set_cfs_quota_and_period(Some(quota), Some(CFS_PERIOD_US))
            .map_err(|error| refused("the cpu quota", &error))?;
    }
    Ok(())
}

fn shares(milli_cpus: u64) -> u64 {
    (milli_cpus.saturating_mul(SHARES_PER_CPU) / 1000).clamp(MIN_SHARES, MAX_SHARES)
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
        assert_eq!(shares(1_000), 1024);
        assert_eq!(shares(100), 102);
        assert_eq!(shares(0), 2);
        assert_eq!(shares(u64::MAX), 262_144);
    }

    #[test]
    fn weights_span_the_whole_range() {
        assert_eq!(weight(shares(0)), 1);
        assert_eq!(weight(1024), 39);
        assert_eq!(weight(262_144), 10_000);
    }

    #[test]
    fn quotas_are_at_least_a_millisecond() {
        assert_eq!(quota_us(500), 50_000);
        assert_eq!(quota_us(1), 1_000);
    }
}
