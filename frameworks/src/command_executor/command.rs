//! From a task to a process.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use mesos::v1;
use mesos::v1::environment::variable;

use super::place::Place;
use super::user;

/// Of no use to a task, and not its business.
const NOT_INHERITED: [&str; 2] = [
    "MESOS_EXECUTOR_IDENTITY",
    "MESOS_EXECUTOR_AUTHENTICATION_TOKEN",
];

/// The process a task asks for, in a process group of its own. Without a place of its own it inherits our working
/// directory (the sandbox) and our output.
///
/// # Errors
///
/// A text for the task's status.
pub(crate) fn of_task(
    task: &v1::TaskInfo,
    framework_user: Option<&str>,
    place: Option<&Place>,
    mut inherited: BTreeMap<String, String>,
) -> Result<Command, String> {
    let info = task.command.as_ref().ok_or("the task has no command")?;
    let switch = inherited
        .get("MESOS_SWITCH_USER")
        .is_none_or(|value| value != "false");
    let wanted = info.user.as_deref().or(framework_user).filter(|_| switch);
    let (program, arguments) = program(info)?;

    let mut command = match user::to_become(wanted)? {
        Some(user) => {
            user::command(user, &program, &arguments, place).map_err(|error| error.to_string())?
        }
        None => {
            let mut command = Command::new(&program);
            if let Some((name, arguments)) = arguments.split_first() {
                command.arg0(name).args(arguments);
            }
            if let Some(place) = place {
                let entered = place.enter(&mut command);
                entered.map_err(|e| format!("{}: {e}", place.directory.display()))?;
            }
            command
        }
    };
    if let Some(place) = place {
        let directory = place.directory.display().to_string();
        inherited.insert("MESOS_SANDBOX".to_owned(), directory);
    }
    let internal: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    command
        .env_clear()
        .envs(environment(task, info, inherited)?);
    for (name, value) in internal {
        command.envs(value.map(|value| (name, value)));
    }
    command.stdin(Stdio::null()).process_group(0);
    Ok(command)
}

/// Shell form: `value` is a script. Exec form: `value` is the program, and `arguments` are all of its arguments, the
/// one that says how it is called included.
fn program(info: &v1::CommandInfo) -> Result<(String, Vec<String>), String> {
    let value = info.value.clone().filter(|value| !value.is_empty());
    if info.shell() {
        let script = value.ok_or("the task's command has no value")?;
        return Ok((
            "/bin/sh".to_owned(),
            vec!["sh".to_owned(), "-c".to_owned(), script],
        ));
    }
    let program = value.or_else(|| info.arguments.first().cloned());
    Ok((
        program.ok_or("the task's command has neither a value nor arguments")?,
        info.arguments.clone(),
    ))
}

/// What the executor was given, then the task's id, then what the task asks for, each over the one before.
fn environment(
    task: &v1::TaskInfo,
    info: &v1::CommandInfo,
    inherited: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut variables = inherited;
    variables.retain(|name, _| !NOT_INHERITED.contains(&name.as_str()));
    variables.insert("MESOS_TASK_ID".to_owned(), task.task_id.value.clone());
    for wanted in info
        .environment
        .iter()
        .flat_map(|environment| &environment.variables)
    {
        let value = match wanted.r#type() {
            variable::Type::Secret => secret(wanted),
            _ => wanted.value.clone(),
        };
        let value = value.ok_or_else(|| format!("the variable '{}' has no value", wanted.name))?;
        if wanted.name.is_empty() || wanted.name.contains(['=', '\0']) || value.contains('\0') {
            return Err(format!(
                "the variable '{}' cannot be set",
                wanted.name.escape_debug()
            ));
        }
        variables.insert(wanted.name.clone(), value);
    }
    Ok(variables)
}

fn secret(wanted: &v1::environment::Variable) -> Option<String> {
    let value = wanted.secret.as_ref()?.value.as_ref()?;
    String::from_utf8(value.data.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(command: v1::CommandInfo) -> v1::TaskInfo {
        v1::TaskInfo {
            task_id: v1::TaskId {
                value: "t".to_owned(),
            },
            command: Some(command),
            ..Default::default()
        }
    }

    fn variable(name: &str, value: &str) -> v1::environment::Variable {
        v1::environment::Variable {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            ..Default::default()
        }
    }

    fn output(info: v1::CommandInfo) -> Result<String, String> {
        let inherited = [
            ("PATH", "/bin:/usr/bin"),
            ("MESOS_EXECUTOR_IDENTITY", "/secret"),
        ];
        let inherited = inherited
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let output = of_task(&task(info), None, None, inherited)?
            .output()
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(output.stdout).expect("text"))
    }

    #[test]
    fn the_shell_form_is_a_script_and_the_exec_form_is_not() {
        let shell = v1::CommandInfo {
            value: Some("echo $((1 + 1)) $0".to_owned()),
            ..Default::default()
        };
        assert_eq!(output(shell).as_deref(), Ok("2 sh\n"));
        let exec = v1::CommandInfo {
            shell: Some(false),
            value: Some("echo".to_owned()),
            arguments: ["called", "$((1 + 1))", "a  b"].map(str::to_owned).into(),
            ..Default::default()
        };
        assert_eq!(output(exec).as_deref(), Ok("$((1 + 1)) a  b\n"));
    }

    #[test]
    fn the_environment_is_ours_with_the_tasks_on_top() {
        let environment = v1::Environment {
            variables: vec![variable("A", "1 2"), variable("PATH", "/bin")],
        };
        let info = v1::CommandInfo {
            value: Some("echo \"$A|$PATH|$MESOS_TASK_ID|$MESOS_EXECUTOR_IDENTITY\"".to_owned()),
            environment: Some(environment),
            ..Default::default()
        };
        assert_eq!(output(info).as_deref(), Ok("1 2|/bin|t|\n"));
    }

    #[test]
    fn what_cannot_be_run_says_why() {
        let bad = |info: v1::CommandInfo, reason: &str| {
            let error = output(info).expect_err("refused");
            assert!(error.contains(reason), "{error}");
        };
        bad(v1::CommandInfo::default(), "no value");
        bad(
            v1::CommandInfo {
                shell: Some(false),
                ..Default::default()
            },
            "neither",
        );
        let sh = v1::CommandInfo {
            value: Some("true".to_owned()),
            ..Default::default()
        };
        bad(
            v1::CommandInfo {
                user: Some("no-such-user".to_owned()),
                ..sh.clone()
            },
            "no-such-user",
        );
        let environment = v1::Environment {
            variables: vec![variable("A=B", "")],
        };
        bad(
            v1::CommandInfo {
                environment: Some(environment),
                ..sh
            },
            "A=B",
        );
    }
}
