//! Tasks of a LAUNCH (Mesos' `docs/scheduler-http-api.md`, ACCEPT). Resources are looked at separately.

use mesos::ids;
use mesos::v1::{self, check_info, health_check};

use super::{Check, Invalid, require};

/// The largest `TaskInfo.data`, labels and commands together that are let through to an agent:
/// the encoded task, in bytes.
const MAX_TASK_BYTES: usize = 4 << 20;

/// Checks everything about a task that needs no look at the cluster.
///
/// # Errors
/// The first rule broken.
pub fn task(task: &v1::TaskInfo) -> Check {
    ids::validate(&task.task_id.value)
        .map_err(|e| Invalid(format!("Task has an invalid id: {e}")))?;
    let bytes = prost_len(task);
    require(
        bytes <= MAX_TASK_BYTES,
        format!("Task has {bytes} bytes, more than {MAX_TASK_BYTES}"),
    )?;
    require(
        task.command.is_some() != task.executor.is_some(),
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
    )?;
    if let Some(command) = &task.command {
        self::command(command).map_err(|e| Invalid(format!("Task's `CommandInfo`: {e}")))?;
    }
    require(!task.resources.is_empty(), "Task uses no resources")?;
    let grace = task
        .kill_policy
        .as_ref()
        .and_then(|policy| policy.grace_period.as_ref());
    require(
        grace.is_none_or(|grace| grace.nanoseconds >= 0),
        "Task's 'kill_policy.grace_period' must be non-negative",
    )?;
    require(
        task.max_completion_time
            .as_ref()
            .is_none_or(|time| time.nanoseconds >= 0),
        "Task's `max_completion_time` must be non-negative",
    )?;
    if let Some(check) = &task.check {
        self::check(check).map_err(|e| Invalid(format!("Task uses invalid check: {e}")))?;
    }
    if let Some(check) = &task.health_check {
        health(check).map_err(|e| Invalid(format!("Task uses invalid health check: {e}")))?;
    }
    limits(task)
}

fn prost_len(task: &v1::TaskInfo) -> usize {
    prost::Message::encoded_len(task)
}

fn command(command: &v1::CommandInfo) -> Check {
    let variables = command
        .environment
        .iter()
        .flat_map(|environment| &environment.variables);
    for variable in variables {
        use v1::environment::variable::Type;
        let name = &variable.name;
        match variable.r#type() {
            Type::Value => {
                require(
                    variable.value.is_some(),
                    format!("Environment variable '{name}' of type 'VALUE' must have a value set"),
                )?;
                require(
                    variable.secret.is_none(),
                    format!(
                        "Environment variable '{name}' of type 'VALUE' must not have a secret set"
                    ),
                )?;
            }
            Type::Secret => {
                require(
                    variable.secret.is_some() && variable.value.is_none(),
                    format!(
                        "Environment variable '{name}' of type 'SECRET' must have a secret and no \
                         value set"
                    ),
                )?;
            }
            Type::Unknown => {
                return Err(Invalid::new(
                    "Environment variable of type 'UNKNOWN' is not allowed",
                ));
            }
        }
    }
    Ok(())
}

fn check(check: &v1::CheckInfo) -> Check {
    use check_info::Type;
    require(check.r#type.is_some(), "CheckInfo must specify 'type'")?;
    match check.r#type() {
        Type::Command => require(
            check.command.is_some(),
            "Expecting 'command' to be set for COMMAND check",
        )?,
        Type::Http => {
            let http = check.http.as_ref();
            let http =
                http.ok_or_else(|| Invalid::new("Expecting 'http' to be set for HTTP check"))?;
            path(http.path.as_deref())?;
        }
        Type::Tcp => require(
            check.tcp.is_some(),
            "Expecting 'tcp' to be set for TCP check",
        )?,
        Type::Unknown => return Err(Invalid::new("'UNKNOWN' is not a valid check type")),
    }
    seconds([
        ("delay_seconds", check.delay_seconds()),
        ("interval_seconds", check.interval_seconds()),
        ("timeout_seconds", check.timeout_seconds()),
    ])
}

fn health(check: &v1::HealthCheck) -> Check {
    use health_check::Type;
    require(check.r#type.is_some(), "HealthCheck must specify 'type'")?;
    match check.r#type() {
        Type::Command => require(
            check.command.is_some(),
            "Expecting 'command' to be set for COMMAND health check",
        )?,
        Type::Http => {
            let http = check.http.as_ref();
            let http = http
                .ok_or_else(|| Invalid::new("Expecting 'http' to be set for HTTP health check"))?;
            require(
                matches!(http.scheme.as_deref(), None | Some("http" | "https")),
                "Unsupported HTTP health check scheme",
            )?;
            path(http.path.as_deref())?;
        }
        Type::Tcp => {
            require(
                check.tcp.is_some(),
                "Expecting 'tcp' to be set for TCP health check",
            )?;
        }
        Type::Unknown => return Err(Invalid::new("'UNKNOWN' is not a valid health check type")),
    }
    seconds([
        ("delay_seconds", check.delay_seconds()),
        ("grace_period_seconds", check.grace_period_seconds()),
        ("interval_seconds", check.interval_seconds()),
        ("timeout_seconds", check.timeout_seconds()),
    ])
}

fn path(path: Option<&str>) -> Check {
    require(
        path.is_none_or(|path| path.starts_with('/')),
        "The path of an HTTP check must start with '/'",
    )
}

fn seconds<const N: usize>(values: [(&str, f64); N]) -> Check {
    values.into_iter().try_for_each(|(name, value)| {
        require(
            value >= 0.0 && value.is_finite(),
            format!("Expecting '{name}' to be non-negative"),
        )
    })
}

/// Limits may be set on cpus and mem only, and not below what is requested.
fn limits(task: &v1::TaskInfo) -> Check {
    for (name, limit) in &task.limits {
        require(
            matches!(name.as_str(), "cpus" | "mem"),
            "Only cpus and mem may be included in a task's resource limits",
        )?;
        let requested: f64 = task
            .resources
            .iter()
            .filter(|resource| resource.name == *name)
            .filter_map(|resource| resource.scalar.as_ref())
            .map(|scalar| scalar.value)
            .sum();
        require(
            requested > 0.0,
            format!("When a limit of {name} is specified, a request must also be specified"),
        )?;
        require(
            limit.value >= requested,
            format!("The limit of {name} must be greater than or equal to the request"),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(name: &str, value: f64) -> v1::Resource {
        v1::Resource {
            name: name.to_owned(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(v1::value::Scalar { value }),
            ..Default::default()
        }
    }

    fn valid() -> v1::TaskInfo {
        v1::TaskInfo {
            name: "n".into(),
            task_id: v1::TaskId { value: "t".into() },
            command: Some(v1::CommandInfo::default()),
            resources: vec![scalar("cpus", 1.0)],
            ..Default::default()
        }
    }

    fn limited(name: &str, value: f64) -> v1::TaskInfo {
        let limits = [(name.to_owned(), v1::value::Scalar { value })].into();
        v1::TaskInfo { limits, ..valid() }
    }

    #[test]
    fn each_rule_is_kept() {
        let grace = v1::KillPolicy {
            grace_period: Some(v1::DurationInfo { nanoseconds: -1 }),
        };
        let check = v1::HealthCheck {
            r#type: Some(health_check::Type::Command as i32),
            ..Default::default()
        };
        let id = v1::TaskId {
            value: "a/b".into(),
        };
        let both = v1::TaskInfo {
            executor: Some(v1::ExecutorInfo::default()),
            ..valid()
        };
        let huge = v1::TaskInfo {
            data: Some(vec![0; MAX_TASK_BYTES]),
            ..valid()
        };
        for (case, info, ok) in [
            ("valid", valid(), true),
            (
                "bad id",
                v1::TaskInfo {
                    task_id: id,
                    ..valid()
                },
                false,
            ),
            ("command and executor", both, false),
            (
                "neither",
                v1::TaskInfo {
                    command: None,
                    ..valid()
                },
                false,
            ),
            (
                "no resources",
                v1::TaskInfo {
                    resources: vec![],
                    ..valid()
                },
                false,
            ),
            (
                "negative grace",
                v1::TaskInfo {
                    kill_policy: Some(grace),
                    ..valid()
                },
                false,
            ),
            (
                "empty check",
                v1::TaskInfo {
                    health_check: Some(Box::new(check)),
                    ..valid()
                },
                false,
            ),
            ("limit above", limited("cpus", 2.0), true),
            ("limit infinite", limited("cpus", f64::INFINITY), true),
            ("limit below", limited("cpus", 0.5), false),
            ("limit without request", limited("mem", 5.0), false),
            ("limit of disk", limited("disk", 5.0), false),
            ("huge", huge, false),
        ] {
            assert_eq!(task(&info).is_ok(), ok, "{case}");
        }
    }
}
