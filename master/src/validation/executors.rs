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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(json: Value) -> v1::ExecutorInfo {
        serde_json::from_value(json).expect("an executor")
    }

    #[test]
    fn each_rule_is_kept_and_named() {
        let framework = v1::FrameworkId { value: "f".into() };
        let id = json!({"value": "e"});
        let grace = |nanoseconds| {
            json!({"executor_id": id, "command": {},
                "shutdown_grace_period": {"nanoseconds": nanoseconds}})
        };
        let owned =
            |owner| json!({"executor_id": id, "command": {}, "framework_id": {"value": owner}});
        let kind = |kind| json!({"executor_id": id, "command": {}, "type": kind});
        for (json, expected) in [
            (json!({"executor_id": id, "command": {}}), None),
            (
                json!({"executor_id": {"value": "a/b"}, "command": {}}),
                Some("invalid id"),
            ),
            (
                json!({"executor_id": {"value": ""}, "command": {}}),
                Some("invalid id"),
            ),
            (owned("f"), None),
            (owned("g"), Some("invalid FrameworkID")),
            (kind("CUSTOM"), None),
            (
                kind("DEFAULT"),
                Some("'ExecutorInfo.type' must be 'CUSTOM'"),
            ),
            (
                kind("UNKNOWN"),
                Some("'ExecutorInfo.type' must be 'CUSTOM'"),
            ),
            (
                json!({"executor_id": id}),
                Some("'ExecutorInfo.command' must be set"),
            ),
            (grace(0), None),
            (
                grace(-1),
                Some("'shutdown_grace_period' must be non-negative"),
            ),
        ] {
            match (executor(&read(json.clone()), &framework), expected) {
                (Ok(()), None) => {}
                (Err(error), Some(expected)) => assert!(error.0.contains(expected), "{error}"),
                (said, _) => panic!("{json}: {said:?}"),
            }
        }
    }

    #[test]
    fn a_live_executor_is_named_by_its_very_description() {
        let live = read(json!({"executor_id": {"value": "e"}, "command": {}}));
        let other = read(json!({"executor_id": {"value": "e"}, "command": {"value": "true"}}));
        assert_eq!(same(&live, &live.clone()), Ok(()));
        assert!(
            same(&live, &other)
                .expect_err("another")
                .0
                .contains("ExecutorID 'e'")
        );
    }
}
