//! Executors that frameworks bring along.

use mesos::v1::executor_info::Type;
use mesos::{ids, v1};

use super::{Check, Invalid, require};

/// Checks the executor of a task in a LAUNCH.
///
/// # Errors
/// The first rule broken: id, type, command, owner, grace period.
pub fn executor(executor: &v1::ExecutorInfo, framework: &v1::FrameworkId) -> Check {
    ids::validate(&executor.executor_id.value)
        .map_err(|e| Invalid(format!("Executor has an invalid id: {e}")))?;
    require(
        executor
            .framework_id
            .as_ref()
            .is_none_or(|owner| owner == framework),
        "ExecutorInfo has an invalid FrameworkID",
    )?;
    require(
        executor.r#type.is_none() || executor.r#type() == Type::Custom,
        "'ExecutorInfo.type' must be 'CUSTOM'",
    )?;
    require(
        executor.command.is_some(),
        "'ExecutorInfo.command' must be set",
    )?;
    let grace = executor
        .shutdown_grace_period
        .as_ref()
        .map_or(0, |grace| grace.nanoseconds);
    require(
        grace >= 0,
        "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
    )
}

/// Checks that a task that names a live executor describes the very same one. Both must have
/// been completed by the master (`framework_id`, `type`, allocation roles).
///
/// # Errors
/// If they differ.
pub fn same(live: &v1::ExecutorInfo, named: &v1::ExecutorInfo) -> Check {
    require(
        live == named,
        format!(
            "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID '{}'",
            named.executor_id.value
        ),
    )
}
