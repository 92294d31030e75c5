//! A cluster of real processes on loopback, started from the built binary.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Output, eventually, free_port, get, get_json, mesos_binary, run_for};

/// A daemon is ready within a second (tested elsewhere); a loaded machine gets more.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// A daemon that was asked to end kills what it started first.
const ENDED_WITHIN: Duration = Duration::from_secs(30);

/// One running `mesos` daemon; it is asked to end when this is dropped.
pub struct Daemon {
    child: Child,
    arguments: Vec<String>,
    folder: PathBuf,
}

impl Daemon {
    /// Starts `mesos ARGUMENTS`; it logs to `folder/log` and keeps its certificates below `folder`.
    #[track_caller]
    pub fn start(arguments: &[&str], folder: &Path) -> Daemon {
        let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        let child = spawn(&arguments, folder);
        Daemon {
            child,
            arguments,
            folder: folder.to_owned(),
        }
    }

    /// Ends it as `kill -9` does: nothing gets a chance to clean up.
    pub fn kill_9(&mut self) {
        self.child.kill().expect("a child to kill");
        self.child.wait().expect("a child to wait for");
    }

    /// Stops it from running, without ending it, or lets it go on.
    pub fn pause(&self, paused: bool) {
        let signal = if paused {
            Signal::SIGSTOP
        } else {
            Signal::SIGCONT
        };
        let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
    }

    /// Starts it again with the same command line.
    #[track_caller]
    pub fn restart(&mut self) {
        self.child = spawn(&self.arguments, &self.folder);
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Interrupts it as Ctrl-C does and waits for its end.
    #[track_caller]
    pub fn interrupt(&mut self) -> Option<i32> {
        self.ask_to_end();
        self.wait()
    }

    /// Interrupts it as Ctrl-C does.
    pub fn ask_to_end(&self) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT);
    }

    /// Asks an agent to leave its cluster for good.
    pub fn ask_to_leave(&self) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGUSR1);
    }

    /// Waits for its end; answers the exit code.
    #[track_caller]
    pub fn wait(&mut self) -> Option<i32> {
        eventually("the daemon ends", ENDED_WITHIN, || {
            self.child.try_wait().expect("a child to wait for")
        })
        .code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.pause(false);
        if std::thread::panicking() {
            eprintln!(
                "--- log of mesos {}\n{}",
                self.arguments.join(" "),
                self.log()
            );
            let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT);
            let _ = self.child.wait();
        } else {
            self.interrupt();
        }
    }
}

fn spawn(arguments: &[String], folder: &Path) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log file");
    Command::new(mesos_binary())
        .args(arguments)
        .env("MESOS_TLS_DIR", tls_dir(folder))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .expect("the daemon starts")
}

/// All daemons of one test share an authority, beside their folders.
fn tls_dir(folder: &Path) -> PathBuf {
    folder.parent().unwrap_or(folder).join("tls")
}

/// A master with one agent: in one process (`mesos local`) or in two.
pub struct Cluster {
    /// The daemons: one of `mesos local`, or the master and then the agent.
    pub daemons: Vec<Daemon>,
    /// `HOST:PORT` of the master.
    pub master: String,
    /// `HOST:PORT` of the agent, when it is a process of its own.
    pub agent: Option<String>,
    folder: TempDir,
}

impl Cluster {
    /// `mesos local` with one agent, ready to run tasks.
    #[track_caller]
    pub fn local() -> Cluster {
        Cluster::local_with(&[])
    }

    /// `mesos local` with more of its flags.
    #[track_caller]
    pub fn local_with(flags: &[&str]) -> Cluster {
        Cluster::local_of(1, flags)
    }

    /// `mesos local` with so many agents.
    #[track_caller]
    pub fn local_of(agents: usize, flags: &[&str]) -> Cluster {
        let folder = tempfile::tempdir().expect("a folder for the cluster");
        let port = free_port();
        let (port_flag, work_dir) = (format!("--port={port}"), work_dir(folder.path(), "local"));
        let agents_flag = format!("--agents={agents}");
        let mut arguments = vec!["local", &port_flag, &work_dir, &agents_flag];
        arguments.extend(flags);
        let daemon = Daemon::start(&arguments, &subfolder(folder.path(), "local"));
        let cluster = Cluster {
            daemons: vec![daemon],
            master: format!("127.0.0.1:{port}"),
            agent: None,
            folder,
        };
        cluster.wait_for_agents(agents);
        cluster
    }

    /// `mesos master` and `mesos agent` as two processes.
    #[track_caller]
    pub fn master_and_agent() -> Cluster {
        let folder = tempfile::tempdir().expect("a folder for the cluster");
        let port = free_port();
        let agent_port = port + 1;
        let master = format!("127.0.0.1:{port}");
        let master_daemon = Daemon::start(
            &[
                "master",
                "--ip=127.0.0.1",
                &format!("--port={port}"),
                &work_dir(folder.path(), "master"),
            ],
            &subfolder(folder.path(), "master"),
        );
        let agent_daemon = Daemon::start(
            &[
                "agent",
                &format!("--master={master}"),
                "--ip=127.0.0.1",
                &format!("--port={agent_port}"),
                &work_dir(folder.path(), "agent"),
                "--resources=cpus:4;mem:4096;disk:4096;ports:[31000-32000]",
            ],
            &subfolder(folder.path(), "agent"),
        );
        let cluster = Cluster {
            daemons: vec![master_daemon, agent_daemon],
            master,
            agent: Some(format!("127.0.0.1:{agent_port}")),
            folder,
        };
        cluster.wait_for_agents(1);
        cluster
    }

    /// The folder below which everything of this cluster is kept.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A document of the master, such as `/state`.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        get_json(&self.master, path).unwrap_or_else(|| panic!("no JSON at {path}"))
    }

    /// Waits until the master has `count` active agents.
    #[track_caller]
    pub fn wait_for_agents(&self, count: usize) {
        eventually("the agents are registered", READY_WITHIN, || {
            let state = get_json(&self.master, "/state")?;
            let active = state["slaves"]
                .as_array()?
                .iter()
                .filter(|a| a["active"] == true);
            (active.count() == count).then_some(())
        });
    }

    /// Waits until the master serves again: it answers long before it has read its registry.
    #[track_caller]
    pub fn wait_for_master(&self) {
        eventually("the master is ready", READY_WITHIN, || {
            (get(&self.master, "/ready")?.status == 200).then_some(())
        });
    }

    /// Runs a `mesos` command against this cluster.
    #[track_caller]
    pub fn mesos(&self, arguments: &[&str], deadline: Duration) -> Output {
        run_for(self.command(arguments), deadline)
    }

    /// A `mesos` command against this cluster, not yet started. `--master` follows the subcommand words.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(mesos_binary());
        command
            .args(arguments)
            .env("MESOS_MASTER", &self.master)
            .env("MESOS_TLS_DIR", self.folder.path().join("tls"));
        command
    }
}

fn subfolder(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(&path).expect("a folder for the daemon");
    path
}

fn work_dir(folder: &Path, name: &str) -> String {
    format!("--work_dir={}", folder.join(name).join("work").display())
}
