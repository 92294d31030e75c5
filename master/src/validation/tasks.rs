//! Tasks of a LAUNCH (Mesos' `docs/scheduler-http-api.md`, ACCEPT). Resources are looked at separately.

use mesos::ids;
use mesos::v1::{self, check_info, health_check};

use super::{Check, Invalid, require};

/// The largest `TaskInfo.data`, labels and commands together that are let through to an agent:
/// the encoded task, in bytes.
const MAX_TASK_BYTES: usize = 4 << 20;

/// Checks everything about a task of a LAUNCH that needs no look at the cluster.
///
/// # Errors
/// The first rule broken.
pub fn task(task: &v1::TaskInfo) -> Check {
    require(
        task.command.is_some() != task.executor.is_some(),
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
    )?;
    alone_or_not(task)
}

/// What every task has to keep, launched alone or with a group.
pub(super) fn alone_or_not(task: &v1::TaskInfo) -> Check {
    ids::validate(&task.task_id.value)
        .map_err(|e| Invalid(format!("Task has an invalid id: {e}")))?;
    let bytes = prost_len(task);
    require(
        bytes <= MAX_TASK_BYTES,
        format!("Task has {bytes} bytes, more than {MAX_TASK_BYTES}"),
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
    use serde_json::json;

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

    /// What is said of a valid task with these fields instead of its own; nothing if it is let through.
    #[track_caller]
    fn said(changed: serde_json::Value) -> String {
        let mut json = serde_json::to_value(valid()).expect("a task");
        let fields = changed.as_object().expect("fields").clone();
        json.as_object_mut().expect("fields").extend(fields);
        let info: v1::TaskInfo = serde_json::from_value(json).expect("a task");
        task(&info).err().map_or_else(String::new, |error| error.0)
    }

    #[track_caller]
    fn expect<const N: usize>(field: &str, table: [(serde_json::Value, &str); N]) {
        for (value, expected) in table {
            let said = said(json!({field: value}));
            assert!(said.contains(expected), "{field} {value}: {said:?}");
            assert_eq!(
                said.is_empty(),
                expected.is_empty(),
                "{field} {value}: {said}"
            );
        }
    }

    #[test]
    fn durations_may_be_nothing_but_not_less() {
        let grace = |nanoseconds| json!({"grace_period": {"nanoseconds": nanoseconds}});
        let negative = "'kill_policy.grace_period' must be non-negative";
        expect(
            "kill_policy",
            [(grace(0), ""), (grace(-1), negative), (json!({}), "")],
        );
        let time = |nanoseconds| json!({"nanoseconds": nanoseconds});
        let negative = "`max_completion_time` must be non-negative";
        expect("max_completion_time", [(time(0), ""), (time(-1), negative)]);
    }

    #[test]
    fn a_variable_has_what_its_type_says() {
        let secret = json!({"type": "VALUE", "value": {"data": "eA=="}});
        let table = [
            (json!({"name": "A", "type": "VALUE", "value": "x"}), ""),
            (json!({"name": "A", "value": "x"}), ""),
            (
                json!({"name": "A", "type": "VALUE"}),
                "'A' of type 'VALUE' must have a value",
            ),
            (
                json!({"name": "A", "type": "VALUE", "value": "x", "secret": secret}),
                "'A' of type 'VALUE' must not have a secret",
            ),
            (json!({"name": "A", "type": "SECRET", "secret": secret}), ""),
            (
                json!({"name": "A", "type": "SECRET", "secret": secret, "value": "x"}),
                "'A' of type 'SECRET' must have a secret and no value",
            ),
            (
                json!({"name": "A", "type": "SECRET"}),
                "'A' of type 'SECRET' must have a secret and no value",
            ),
            (
                json!({"name": "A", "type": "UNKNOWN", "value": "x"}),
                "type 'UNKNOWN'",
            ),
        ];
        let good = json!({"name": "B", "value": "y"});
        let table = table.map(|(variable, expected)| {
            let variables = json!([good, variable]);
            (json!({"environment": {"variables": variables}}), expected)
        });
        expect("command", table);
    }

    #[test]
    fn a_check_has_what_its_type_says() {
        let common = [
            (json!({}), "must specify 'type'"),
            (json!({"type": "UNKNOWN"}), "'UNKNOWN' is not a valid"),
            (json!({"type": "COMMAND"}), "Expecting 'command' to be set"),
            (json!({"type": "HTTP"}), "Expecting 'http' to be set"),
            (json!({"type": "HTTP", "http": {"port": 80}}), ""),
            (
                json!({"type": "HTTP", "http": {"port": 80, "path": "/x"}}),
                "",
            ),
            (
                json!({"type": "HTTP", "http": {"port": 80, "path": "x"}}),
                "path of an HTTP check must start with '/'",
            ),
            (json!({"type": "TCP"}), "Expecting 'tcp' to be set"),
            (json!({"type": "TCP", "tcp": {"port": 80}}), ""),
        ];
        expect("check", common.clone());
        expect("health_check", common);
        let command = json!({"type": "COMMAND", "command": {"command": {}}});
        expect("check", [(command, "")]);
        let command = json!({"type": "COMMAND", "command": {}});
        expect("health_check", [(command, "")]);
        let scheme = |scheme| json!({"type": "HTTP", "http": {"port": 80, "scheme": scheme}});
        let unsupported = "Unsupported HTTP health check scheme";
        expect(
            "health_check",
            [
                (scheme("http"), ""),
                (scheme("https"), ""),
                (scheme("ftp"), unsupported),
            ],
        );
    }

    #[test]
    fn no_time_of_a_check_is_negative() {
        let times = ["delay_seconds", "interval_seconds", "timeout_seconds"];
        let of_health = ["grace_period_seconds"];
        for (field, time) in times
            .map(|time| ("check", time))
            .into_iter()
            .chain(times.map(|time| ("health_check", time)))
            .chain(of_health.map(|time| ("health_check", time)))
        {
            let check = |seconds| json!({"type": "TCP", "tcp": {"port": 80}, time: seconds});
            let negative = format!("Expecting '{time}' to be non-negative");
            expect(
                field,
                [(check(0.0), ""), (check(0.5), ""), (check(-0.5), &negative)],
            );
        }
        let endless = v1::HealthCheck {
            r#type: Some(health_check::Type::Tcp as i32),
            tcp: Some(Default::default()),
            delay_seconds: Some(f64::INFINITY),
            ..Default::default()
        };
        assert!(health(&endless).is_err());
    }

    #[test]
    fn a_limit_is_not_below_the_sum_of_what_is_requested() {
        let halves = v1::TaskInfo {
            resources: vec![scalar("cpus", 0.5), scalar("mem", 7.0), scalar("cpus", 0.5)],
            ..limited("cpus", 1.0)
        };
        let nothing = v1::TaskInfo {
            resources: vec![scalar("cpus", 0.0)],
            ..limited("cpus", 1.0)
        };
        let below = v1::TaskInfo {
            limits: limited("cpus", 0.999).limits,
            ..halves.clone()
        };
        for (case, info, expected) in [
            ("as much", halves, Ok(())),
            ("less", below, Err("greater than or equal to the request")),
            (
                "of nothing",
                nothing,
                Err("a request must also be specified"),
            ),
            ("of disk", limited("disk", 5.0), Err("Only cpus and mem")),
        ] {
            let said = task(&info);
            match expected {
                Ok(()) => assert_eq!(said, Ok(()), "{case}"),
                Err(expected) => assert!(said.expect_err(case).0.contains(expected), "{case}"),
            }
        }
    }

    #[test]
    fn a_task_may_be_as_large_as_it_may_be() {
        let of = |bytes| v1::TaskInfo {
            data: Some(vec![0; bytes]),
            ..valid()
        };
        let around = prost_len(&of(MAX_TASK_BYTES)) - MAX_TASK_BYTES;
        let (largest, larger) = (of(MAX_TASK_BYTES - around), of(MAX_TASK_BYTES - around + 1));
        assert_eq!(prost_len(&largest), MAX_TASK_BYTES);
        assert_eq!(task(&largest), Ok(()));
        assert!(task(&larger).is_err());
    }
}
