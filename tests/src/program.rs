use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::eventually;

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Output {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Everything it wrote to standard output.
    pub stdout: String,
    /// Everything it wrote to standard error.
    pub stderr: String,
}

/// The binary under test, built by `cargo build -p mesos-cli` with the profile of this test.
#[track_caller]
pub fn mesos_binary() -> PathBuf {
    built("mesos", "-p mesos-cli")
}

/// An example of the frameworks crate. `cargo test --workspace` builds it, as does `cargo build --examples`.
#[track_caller]
pub fn example_binary(name: &str) -> PathBuf {
    built(
        &format!("examples/{name}"),
        "-p mesos-frameworks --examples",
    )
}

#[track_caller]
fn built(path: &str, how: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    // A test is in deps/ below the profile's folder, a program of this crate in that folder itself.
    let mut above = test.ancestors().skip(1);
    let is_profile = |folder: &&Path| folder.file_name().is_none_or(|name| name != "deps");
    let profile = above.find(is_profile).expect("the profile's folder");
    let binary = profile.join(path);
    assert!(
        binary.exists(),
        "{} is missing: build it first with `cargo build {how}`",
        binary.display()
    );
    binary
}

/// Runs `mesos` with `arguments` to its end, at most `deadline`.
#[track_caller]
pub fn mesos<S: AsRef<OsStr>>(arguments: &[S], deadline: Duration) -> Output {
    let mut command = Command::new(mesos_binary());
    command.args(arguments);
    run_for(command, deadline)
}

/// Runs a program to its end; one that takes longer than `deadline` is killed and fails the test.
#[track_caller]
pub fn run_for(mut command: Command, deadline: Duration) -> Output {
    let said = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{said}: {error}"));
    let stdout = read_in_background(child.stdout.take());
    let stderr = read_in_background(child.stderr.take());
    let status = Running(child).wait(&said, deadline);
    Output {
        code: status.code(),
        stdout: stdout.join().expect("a reader that does not panic"),
        stderr: stderr.join().expect("a reader that does not panic"),
    }
}

/// A program that a test started; it is killed when this is dropped, also by a failing test that unwinds past it.
pub struct Running(Child);

impl Running {
    /// Starts a program and lets it run.
    #[track_caller]
    pub fn start(mut command: Command) -> Running {
        match command.spawn() {
            Ok(child) => Running(child),
            Err(error) => panic!("{command:?}: {error}"),
        }
    }

    /// Interrupts it as Ctrl-C does and waits for its end, at most `deadline`.
    #[track_caller]
    pub fn interrupt(self, deadline: Duration) -> std::process::ExitStatus {
        let pid = i32::try_from(self.0.id()).expect("a process id");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("a process to interrupt");
        self.wait("an interrupted program", deadline)
    }

    /// Waits for its end, at most `deadline`; `said` is what it is called if it does not.
    #[track_caller]
    pub fn wait(mut self, said: &str, deadline: Duration) -> std::process::ExitStatus {
        eventually(&format!("{said} ends"), deadline, || {
            self.0.try_wait().expect("a child to wait for")
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn read_in_background(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
