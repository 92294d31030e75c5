//! Where a task runs that shares its container with others.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use mesos::v1;
use serde::{Deserialize, Serialize};

/// A folder of its own below the executor's sandbox, with its output and what it shares with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The folder: `tasks/<task>` of the sandbox.
    pub(crate) directory: PathBuf,
    /// Folders of the executor's sandbox, each with the name under which the task sees it.
    shared: Vec<(PathBuf, PathBuf)>,
}

impl Place {
    /// The place of a task below the sandbox of its executor.
    ///
    /// # Errors
    /// A volume that is no folder of the sandbox: that needs a container of the task's own.
    pub(crate) fn of(task: &v1::TaskInfo, sandbox: &Path) -> Result<Place, String> {
        let directory = sandbox.join("tasks").join(&task.task_id.value);
        let volumes = task.container.iter().flat_map(|c| &c.volumes);
        let shared = volumes.map(|volume| {
            let source = volume.source.as_ref().and_then(|s| s.sandbox_path.as_ref());
            let path = source.map(|source| Path::new(&source.path));
            let name = Path::new(&volume.container_path);
            match path {
                Some(path) if is_beneath(path) && is_beneath(name) => {
                    Ok((sandbox.join(path), directory.join(name)))
                }
                _ => Err(format!(
                    "the volume '{}' needs a nested container, which this executor does not make",
                    volume.container_path
                )),
            }
        });
        let mut shared = shared.collect::<Result<Vec<_>, String>>()?;
        // The agent puts persistent volumes into the sandbox of the executor.
        let disks = task.resources.iter().filter_map(|r| r.disk.as_ref());
        let volumes = disks.filter(|disk| disk.persistence.is_some());
        let names =
            volumes.filter_map(|disk| Some(Path::new(&disk.volume.as_ref()?.container_path)));
        let names = names.filter(|name| is_beneath(name));
        shared.extend(names.map(|name| (sandbox.join(name), directory.join(name))));
        Ok(Place { directory, shared })
    }

    /// Makes the folder and lets a command begin there.
    pub(crate) fn enter(&self, command: &mut Command) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        for (source, name) in &self.shared {
            fs::create_dir_all(source)?;
            if let Some(parent) = name.parent() {
                fs::create_dir_all(parent)?;
            }
            match symlink(source, name) {
                // An earlier task of the same id had it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        command
            .current_dir(&self.directory)
            .stdout(self.output("stdout")?)
            .stderr(self.output("stderr")?);
        Ok(())
    }

    fn output(&self, name: &str) -> io::Result<File> {
        let path = self.directory.join(name);
        OpenOptions::new().create(true).append(true).open(path)
    }
}

fn is_beneath(path: &Path) -> bool {
    use std::path::Component;
    let mut parts = path.components();
    path != Path::new("") && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(volumes: serde_json::Value, sandbox: &Path) -> Result<Place, String> {
        let disk =
            json!({"persistence": {"id": "p"}, "volume": {"container_path": "kept", "mode": "RW"}});
        let task = json!({"name": "n", "task_id": {"value": "t"}, "agent_id": {"value": "a"},
            "container": {"type": "MESOS", "volumes": volumes},
            "resources": [{"name": "disk", "type": "SCALAR", "scalar": {"value": 1.0}, "disk": disk}]});
        let task: v1::TaskInfo = serde_json::from_value(task).expect("a task");
        Place::of(&task, sandbox)
    }

    fn volume(kind: &str, path: &str) -> serde_json::Value {
        let source = json!({"type": "SANDBOX_PATH", "sandbox_path": {"type": kind, "path": path}});
        json!([{"mode": "RW", "container_path": "mine/data", "source": source}])
    }

    #[test]
    fn a_task_finds_what_it_shares_under_its_own_names() {
        let sandbox = tempfile::tempdir().expect("a folder");
        let place = place(volume("PARENT", "shared"), sandbox.path()).expect("a place");
        for _again in 0..2 {
            let mut command = Command::new("/bin/sh");
            command.args([
                "-c",
                "echo out; echo err >&2; echo x >mine/data/f; echo y >kept/f; pwd -P",
            ]);
            place.enter(&mut command).expect("made");
            assert!(command.status().expect("it runs").success());
        }
        let read = |path: &str| fs::read_to_string(sandbox.path().join(path)).expect("a file");
        assert_eq!(read("shared/f"), "x\n");
        assert_eq!(read("kept/f"), "y\n");
        assert_eq!(read("tasks/t/stderr"), "err\nerr\n");
        assert!(read("tasks/t/stdout").trim().ends_with("/tasks/t"));
    }

    #[test]
    fn other_volumes_are_refused() {
        let sandbox = Path::new("/sandbox");
        for volumes in [
            volume("PARENT", "../other"),
            volume("PARENT", "/etc"),
            json!([{"mode": "RW", "container_path": "d", "host_path": "/d"}]),
        ] {
            let refused = place(volumes, sandbox).expect_err("refused");
            assert!(refused.contains("nested container"), "{refused}");
        }
    }
}
