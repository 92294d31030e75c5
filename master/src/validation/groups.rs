//! Tasks of a LAUNCH_GROUP (Mesos' `docs/nested-container-and-task-group.md`). Their executor is looked at in
//! [`executors`](super::executors), resources separately.

use std::collections::BTreeSet;

use mesos::v1::{self, container_info, executor_info, health_check, volume};

use super::{Check, Invalid, require, tasks};

/// Checks everything about the tasks of a group that needs no look at the cluster.
///
/// # Errors
/// The first rule broken, by the first task that breaks one.
pub fn group(group: &v1::TaskGroupInfo, executor: &v1::ExecutorInfo) -> Check {
    let mut ids = BTreeSet::new();
    for task in &group.tasks {
        let id = &task.task_id.value;
        let checked = match ids.insert(id) {
            true => member(task, executor),
            false => Err(Invalid(format!("Task has duplicate ID: {id}"))),
        };
        checked.map_err(|e| Invalid(format!("Task '{id}' is invalid: {e}")))?;
    }
    let mut shares = group.tasks.iter().map(shares_cgroups);
    let first = shares.next();
    require(
        shares.all(|shares| Some(shares) == first),
        "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single \
         executor",
    )
}

fn member(task: &v1::TaskInfo, executor: &v1::ExecutorInfo) -> Check {
    tasks::alone_or_not(task)?;
    require(
        task.executor.as_ref().is_none_or(|own| own == executor),
        format!(
            "The `ExecutorInfo` of the task is different from executor '{}'",
            executor.executor_id.value
        ),
    )?;
    require(
        task.limits.is_empty() || !shares_cgroups(task),
        "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to \
         'false'",
    )?;
    let Some(container) = &task.container else {
        return Ok(());
    };
    require(
        container.r#type() != container_info::Type::Docker,
        "Docker ContainerInfo is not supported on the task",
    )?;
    let over_network = task.health_check.as_ref().is_some_and(|check| {
        use health_check::Type::{Http, Tcp};
        matches!(check.r#type(), Http | Tcp)
    });
    require(
        container.network_infos.is_empty() || !over_network,
        "HTTP and TCP health checks are not supported for nested containers not joining parent's network",
    )?;
    match executor.r#type() {
        executor_info::Type::Default => of_default_executor(container),
        _ => Ok(()),
    }
}

/// Tasks of the default executor are processes in its own container: what only a container of their own could give
/// them is refused before anything of their group runs.
fn of_default_executor(container: &v1::ContainerInfo) -> Check {
    let needs = |what: &str| {
        Err(Invalid(format!(
            "{what} needs a nested container, which the default executor does not make: it runs its tasks in its own \
             container. Leave it out, or bring an executor of type CUSTOM",
        )))
    };
    if container.mesos.as_ref().is_some_and(|m| m.image.is_some()) {
        return needs("A task's image ('container.mesos.image')");
    }
    if !container.network_infos.is_empty() {
        return needs("A task's network ('container.network_infos')");
    }
    if container.hostname.is_some() {
        return needs("A task's hostname ('container.hostname')");
    }
    let shared = v1::LinuxInfo {
        share_cgroups: Some(true),
        ..Default::default()
    };
    let linux = container.linux_info.as_ref();
    if linux.is_some_and(|linux| *linux != shared && *linux != v1::LinuxInfo::default()) {
        return needs("What 'container.linux_info' asks for");
    }
    if container.rlimit_info.is_some() {
        return needs("What 'container.rlimit_info' asks for");
    }
    if container.tty_info.is_some() {
        return needs("A terminal ('container.tty_info')");
    }
    match container.volumes.iter().all(is_of_the_sandbox) {
        true => Ok(()),
        false => needs("A volume that is not a folder of the executor's sandbox"),
    }
}

/// Whether a volume is a folder of the executor's sandbox under a relative path of the task's: that needs no mount.
fn is_of_the_sandbox(volume: &v1::Volume) -> bool {
    let source = volume.source.as_ref().and_then(|s| s.sandbox_path.as_ref());
    let is_parents = |path: &volume::source::SandboxPath| {
        path.r#type() == volume::source::sandbox_path::Type::Parent && is_beneath(&path.path)
    };
    source.is_some_and(is_parents) && is_beneath(&volume.container_path)
}

/// Whether a path names something below the folder it is looked up from, and nothing else.
fn is_beneath(path: &str) -> bool {
    use std::path::{Component, Path};
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn shares_cgroups(task: &v1::TaskInfo) -> bool {
    let container = task.container.as_ref();
    let linux = container.and_then(|container| container.linux_info.as_ref());
    linux.is_none_or(|linux| linux.share_cgroups.unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn executor(kind: &str) -> Value {
        json!({"executor_id": {"value": "e"}, "type": kind})
    }

    fn task(id: &str, more: Value) -> Value {
        let mut task = json!({"name": "n", "task_id": {"value": id}, "agent_id": {"value": "a"}, "command": {},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}]});
        let more = more.as_object().expect("fields").clone();
        task.as_object_mut().expect("fields").extend(more);
        task
    }

    /// What is said of these tasks; nothing if they are let through.
    fn said(kind: &str, tasks: &[Value]) -> String {
        let read = serde_json::from_value(json!({"tasks": tasks})).expect("a group");
        let executor = serde_json::from_value(executor(kind)).expect("an executor");
        let said = group(&read, &executor);
        said.err().map_or_else(String::new, |error| error.0)
    }

    #[track_caller]
    fn expect(kind: &str, more: Value, expected: &str) {
        let tasks = [task("good", json!({})), task("t", more.clone())];
        let said = said(kind, &tasks);
        assert_eq!(said.is_empty(), expected.is_empty(), "{more}: {said}");
        assert!(said.contains(expected), "{more}: {said}");
    }

    #[test]
    fn each_rule_is_kept_and_names_its_task() {
        let container = |more: Value| json!({"container": more});
        let network = json!({"type": "MESOS", "network_infos": [{"name": "net"}]});
        let check = json!({"type": "TCP", "tcp": {"port": 80}});
        for (more, expected) in [
            (json!({}), ""),
            (json!({"executor": executor("CUSTOM")}), ""),
            (
                json!({"executor": executor("DEFAULT")}),
                "different from executor 'e'",
            ),
            (
                json!({"resources": []}),
                "Task 't' is invalid: Task uses no resources",
            ),
            (
                json!({"limits": {"cpus": {"value": 2.0}}}),
                "'share_cgroups' field is set to 'false'",
            ),
            (container(json!({"type": "DOCKER"})), "Docker ContainerInfo"),
            (container(network.clone()), ""),
            (
                json!({"container": network, "health_check": check}),
                "not supported for nested containers",
            ),
            (
                container(json!({"type": "MESOS", "linux_info": {"share_cgroups": false}})),
                "must be the same for all tasks",
            ),
        ] {
            expect("CUSTOM", more, expected);
        }
        let twins = [task("t", json!({})), task("t", json!({}))];
        assert!(said("CUSTOM", &twins).contains("duplicate ID: t"));
    }

    #[test]
    fn what_needs_a_nested_container_is_refused_for_the_default_executor() {
        let with = |more: Value| {
            let mut container = json!({"type": "MESOS"});
            let more = more.as_object().expect("fields").clone();
            container.as_object_mut().expect("fields").extend(more);
            json!({"container": container})
        };
        let volume = |source: Value, path: &str| {
            with(json!({"volumes": [{"mode": "RW", "container_path": path, "source": source}]}))
        };
        let parents = |path: &str| json!({"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": path}});
        let own = json!({"type": "SANDBOX_PATH", "sandbox_path": {"type": "SELF", "path": "x"}});
        let needs = "needs a nested container";
        for (more, expected) in [
            (with(json!({})), ""),
            (with(json!({"linux_info": {"share_cgroups": true}})), ""),
            (
                with(json!({"linux_info": {"share_pid_namespace": true}})),
                needs,
            ),
            (with(json!({"mesos": {}})), ""),
            (
                with(json!({"mesos": {"image": {"type": "APPC", "appc": {"name": "i"}}}})),
                needs,
            ),
            (with(json!({"network_infos": [{"name": "net"}]})), needs),
            (with(json!({"hostname": "h"})), needs),
            (with(json!({"rlimit_info": {}})), needs),
            (with(json!({"tty_info": {}})), needs),
            (volume(parents("shared/data"), "data"), ""),
            (volume(parents("../other"), "data"), needs),
            (volume(parents("/etc"), "data"), needs),
            (volume(parents("shared"), "/data"), needs),
            (volume(parents("shared"), ""), needs),
            (volume(own, "data"), needs),
            (
                with(
                    json!({"volumes": [{"mode": "RW", "container_path": "d", "host_path": "/d"}]}),
                ),
                needs,
            ),
        ] {
            expect("DEFAULT", more, expected);
        }
    }
}
