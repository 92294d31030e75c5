//! The agent's control group tests once more, in an emulated machine that has only cgroup v2.
//!
//! Machines with v1 mounts cannot show v2 (its controllers are taken); `tests/vm/run` boots one that can, in some seconds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mesos_tests::run_for;

/// Software emulation is some ten times slower than the machine.
const WITHIN: Duration = Duration::from_secs(400);

#[test]
fn control_groups_work_on_v2() {
    let tests = agent_test_binary("cgroups");
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("vm/run"));
    command.arg(&tests).args(["--test-threads=1"]);

    let output = run_for(command, WITHIN);

    assert_eq!(output.code, Some(0), "{}\n{}", output.stdout, output.stderr);
    assert!(
        output.stdout.contains("test result: ok"),
        "{}",
        output.stdout
    );
}

/// The newest build of an integration test of the agent, which the workspace's tests have just built.
#[track_caller]
fn agent_test_binary(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    let folder = this.parent().expect("a test lies in a folder");
    let mut found: Vec<(std::time::SystemTime, PathBuf)> = std::fs::read_dir(folder)
        .expect("a readable folder")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let file = path.file_name()?.to_str()?;
            let is_ours = file.starts_with(&format!("{name}-")) && path.extension().is_none();
            is_ours.then(|| Some((path.metadata().ok()?.modified().ok()?, path)))?
        })
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, path)| path);
    newest.unwrap_or_else(|| {
        panic!(
            "no test '{name}' in {}: build the workspace's tests first",
            folder.display()
        )
    })
}
