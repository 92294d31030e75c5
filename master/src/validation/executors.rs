//! Executors that frameworks bring along.

use mesos::resources::Resources;
use mesos::v1::container_info;
use mesos::v1::executor_info::Type;
use mesos::{ids, v1};

use super::{Check, Invalid, require};

/// What an executor of a group has at least: cpus, and megabytes of memory (Mesos' `src/master/constants.hpp`).
const LEAST: [(&str, f64); 2] = [("cpus", 0.01), ("mem", 32.0)];

/// Checks the executor of a task in a LAUNCH.
///
/// # Errors
/// The first rule broken: id, owner, grace period, type, command.
pub fn executor(executor: &v1::ExecutorInfo, framework: &v1::FrameworkId) -> Check {
    of_any_type(executor, framework)?;
    require(
        executor.r#type.is_none() || executor.r#type() == Type::Custom,
        "'ExecutorInfo.type' must be 'CUSTOM'",
    )?;
    require(
        executor.command.is_some(),
        "'ExecutorInfo.command' must be set",
    )
}

/// Checks the executor of a LAUNCH_GROUP. Its resources are looked at separately.
///
/// # Errors
/// The first rule broken: id, owner, grace period, type, command, container.
pub fn of_group(executor: &v1::ExecutorInfo, framework: &v1::FrameworkId) -> Check {
    of_any_type(executor, framework)?;
    require(
        executor.r#type.is_some(),
        "'ExecutorInfo.type' must be set: 'DEFAULT' or 'CUSTOM'",
    )?;
    match executor.r#type() {
        Type::Default => require(
            executor.command.is_none(),
            "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
        )?,
        Type::Custom => require(
            executor.command.is_some(),
            "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
        )?,
        Type::Unknown => return Err(Invalid::new("Unknown executor type")),
    }
    let Some(container) = &executor.container else {
        return Ok(());
    };
    if executor.r#type() == Type::Default {
        require(
            container.r#type() == container_info::Type::Mesos,
            "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
        )?;
        require(
            container.mesos.as_ref().is_none_or(|m| m.image.is_none()),
            "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
        )?;
    }
    require(
        container.r#type() != container_info::Type::Docker,
        "Docker ContainerInfo is not supported on the executor",
    )?;
    let linux = container.linux_info.as_ref();
    require(
        linux.is_none_or(|linux| linux.share_cgroups != Some(true)),
        "The 'share_cgroups' field cannot be set to 'true' on executor containers",
    )
}

/// Checks what an executor of a group needs for itself, which for one of a LAUNCH is only good advice.
///
/// # Errors
/// What there is too little of.
pub fn enough(id: &v1::ExecutorId, resources: &Resources) -> Check {
    for (name, least) in LEAST {
        let has = resources.scalar(name).to_f64();
        require(
            has >= least,
            format!(
                "Executor '{}' uses less {name} ({has}) than the minimum required ({least})",
                id.value
            ),
        )?;
    }
    require(
        !resources.scalar("disk").is_zero(),
        format!("Executor '{}' uses no disk", id.value),
    )
}

fn of_any_type(executor: &v1::ExecutorInfo, framework: &v1::FrameworkId) -> Check {
    ids::validate(&executor.executor_id.value)
        .map_err(|e| Invalid(format!("Executor has an invalid id: {e}")))?;
    require(
        executor
            .framework_id
            .as_ref()
            .is_none_or(|owner| owner == framework),
        "ExecutorInfo has an invalid FrameworkID",
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
    fn an_executor_of_a_group_is_of_a_type_and_fits_it() {
        let framework = v1::FrameworkId { value: "f".into() };
        let of = |kind: &str, more: Value| {
            let mut json = json!({"executor_id": {"value": "e"}, "type": kind});
            let more = more.as_object().expect("fields").clone();
            json.as_object_mut().expect("fields").extend(more);
            json
        };
        let container = |kind: &str, more: Value| {
            let mut container = json!({"type": kind});
            let more = more.as_object().expect("fields").clone();
            container.as_object_mut().expect("fields").extend(more);
            json!({"container": container})
        };
        let image = json!({"mesos": {"image": {"type": "APPC", "appc": {"name": "i"}}}});
        let share = |share: bool| json!({"linux_info": {"share_cgroups": share}});
        for (json, expected) in [
            (of("DEFAULT", json!({})), ""),
            (of("CUSTOM", json!({"command": {}})), ""),
            (
                json!({"executor_id": {"value": "e"}}),
                "'ExecutorInfo.type' must be set",
            ),
            (of("UNKNOWN", json!({})), "Unknown executor type"),
            (
                of("DEFAULT", json!({"command": {}})),
                "must not be set for 'DEFAULT'",
            ),
            (of("CUSTOM", json!({})), "must be set for 'CUSTOM'"),
            (
                of(
                    "CUSTOM",
                    json!({"command": {}, "framework_id": {"value": "g"}}),
                ),
                "invalid FrameworkID",
            ),
            (of("DEFAULT", container("MESOS", json!({}))), ""),
            (
                of("DEFAULT", container("DOCKER", json!({}))),
                "must be 'MESOS'",
            ),
            (
                of("DEFAULT", container("MESOS", image)),
                "image' must not be set",
            ),
            (of("DEFAULT", container("MESOS", share(false))), ""),
            (
                of("DEFAULT", container("MESOS", share(true))),
                "'share_cgroups'",
            ),
        ] {
            let said = of_group(&read(json.clone()), &framework);
            let said = said.err().map_or_else(String::new, |error| error.0);
            assert_eq!(said.is_empty(), expected.is_empty(), "{json}: {said}");
            assert!(said.contains(expected), "{json}: {said}");
        }
    }

    #[test]
    fn an_executor_of_a_group_has_something_for_itself() {
        let id = v1::ExecutorId { value: "e".into() };
        for (has, expected) in [
            ("cpus:0.01;mem:32;disk:1", ""),
            ("cpus:0.009;mem:32;disk:1", "less cpus"),
            ("mem:32;disk:1", "less cpus"),
            ("cpus:0.01;mem:31;disk:1", "less mem"),
            ("cpus:0.01;mem:32", "no disk"),
        ] {
            let said = enough(&id, &Resources::parse(has, "*").expect("resources"));
            let said = said.err().map_or_else(String::new, |error| error.0);
            assert_eq!(said.is_empty(), expected.is_empty(), "{has}: {said}");
            assert!(said.contains(expected), "{has}: {said}");
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
