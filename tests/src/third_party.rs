//! Where unmodified third-party clients are installed: once per machine, in the user's cache.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::run_for;

/// Installing compiles a small extension or unpacks some dozen packages; a slow machine may need minutes.
const INSTALL_WITHIN: Duration = Duration::from_secs(300);

/// The Python releases that the HTTP parser of pymesos 0.3.15 can be built for.
const PYTHONS: [&str; 3] = ["3.8", "3.7", "3.9"];

/// The clients' scripts and the lists of what they need.
pub fn third_party_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("third_party")
}

/// A Python interpreter with pymesos.
#[track_caller]
pub fn python_with_pymesos() -> PathBuf {
    let home = cache().join("pymesos-0.3.15");
    let python = home.join("bin/python");
    let _turn = take_turn();
    if !home.join("complete").exists() {
        let mut environment = Command::new(find_python());
        environment.args(["-m", "venv", "--clear"]).arg(&home);
        install(environment);
        let mut packages = Command::new(&python);
        packages
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(third_party_folder().join("requirements.txt"));
        install(packages);
        std::fs::write(home.join("complete"), "").expect("a writable cache");
    }
    python
}

/// The value for `NODE_PATH` below which npm's mesos-framework is installed.
#[track_caller]
pub fn node_path() -> PathBuf {
    let home = cache().join("mesos-framework-0.5.3");
    let _turn = take_turn();
    if !home.join("complete").exists() {
        std::fs::create_dir_all(&home).expect("a writable cache");
        std::fs::copy(
            third_party_folder().join("package.json"),
            home.join("package.json"),
        )
        .expect("the list of packages");
        let mut packages = Command::new("npm");
        packages
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&home);
        install(packages);
        std::fs::write(home.join("complete"), "").expect("a writable cache");
    }
    home.join("node_modules")
}

/// Held while installing: on a new machine several tests begin at once and find nothing installed.
#[track_caller]
fn take_turn() -> File {
    std::fs::create_dir_all(cache()).expect("a writable cache");
    let turn = File::create(cache().join("lock")).expect("a writable cache");
    turn.lock().expect("a file system with locks");
    turn
}

#[track_caller]
fn install(command: Command) {
    let said = format!("{command:?}");
    let output = run_for(command, INSTALL_WITHIN);
    assert_eq!(
        output.code,
        Some(0),
        "{said}: {}{}",
        output.stdout,
        output.stderr
    );
}

#[track_caller]
fn find_python() -> PathBuf {
    let pyenv = home().join(".pyenv/versions");
    for version in PYTHONS {
        let name = format!("python{version}");
        if Command::new(&name)
            .arg("-c")
            .arg("import venv")
            .output()
            .is_ok_and(|o| o.status.success())
        {
            return name.into();
        }
        let mut installed: Vec<PathBuf> = std::fs::read_dir(&pyenv)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.file_name()
                    .is_some_and(|n| n.to_string_lossy().starts_with(version))
            })
            .collect();
        installed.sort();
        if let Some(found) = installed.pop() {
            return found.join("bin/python");
        }
    }
    panic!(
        "pymesos 0.3.15 needs Python 3.7, 3.8 or 3.9, and none is on PATH or under pyenv: install one, then run the tests again"
    )
}

fn cache() -> PathBuf {
    std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(|| home().join(".cache"), PathBuf::from)
        .join("mesos-tests")
}

fn home() -> PathBuf {
    std::env::var_os("HOME").map_or_else(|| "/root".into(), PathBuf::from)
}
