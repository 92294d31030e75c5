//! Replicated masters as real processes, with a real ZooKeeper and an agent.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Daemon, Onlooker, Output, Running, ZooKeeper, eventually, free_port, get, get_json};
use crate::{mesos_binary, run_for};

/// A leader that was killed is replaced once its session is over; a loaded machine gets more.
const LED_WITHIN: Duration = Duration::from_secs(60);
/// What is done within a second on a machine that has nothing else to do.
const SOON: Duration = Duration::from_secs(60);

/// Masters that elect a leader, one agent, and the ZooKeeper they meet in.
pub struct Replicated {
    masters: Vec<(Daemon, String)>,
    /// Those that stand still: nobody waits for their answers.
    paused: BTreeSet<usize>,
    _agent: Daemon,
    /// Where they meet; it ends after them.
    pub zookeeper: ZooKeeper,
    folder: TempDir,
}

/// A `mesos run` that runs.
pub struct RunningTask {
    child: Option<Running>,
    folder: PathBuf,
}

impl Replicated {
    /// So many masters and an agent; sessions with ZooKeeper last 2 s.
    #[track_caller]
    pub fn start(masters: usize) -> Replicated {
        Replicated::start_in(ZooKeeper::start(), masters)
    }

    /// As [`Replicated::start`], in this ZooKeeper.
    #[track_caller]
    pub fn start_in(zookeeper: ZooKeeper, masters: usize) -> Replicated {
        let folder = tempfile::tempdir().expect("a folder for the cluster");
        let zk = zookeeper.url("me:secret@", "/mesos");
        let masters = (0..masters).map(|number| {
            let port = free_port();
            let address = format!("127.0.0.1:{port}");
            let name = format!("master-{number}");
            let arguments = [
                "master".to_owned(),
                format!("--port={port}"),
                format!("--zk={zk}"),
                "--zk_session_timeout=2secs".to_owned(),
                "--quorum=2".to_owned(),
            ];
            let daemon = daemon(&arguments, folder.path(), &name);
            // Its port is not free any more for the next one.
            eventually("a master answers", SOON, || {
                (get(&address, "/health")?.status == 200).then_some(())
            });
            (daemon, address)
        });
        let masters = masters.collect();
        let arguments = [
            "agent".to_owned(),
            format!("--master={}", zookeeper.url("", "/mesos")),
            format!("--port={}", free_port()),
            format!("--work_dir={}", folder.path().join("work").display()),
            "--resources=cpus:4;mem:4096;disk:4096;ports:[31000-32000]".to_owned(),
        ];
        let agent = daemon(&arguments, folder.path(), "agent");
        Replicated {
            zookeeper,
            masters,
            paused: BTreeSet::new(),
            _agent: agent,
            folder,
        }
    }

    /// The folder below which everything of this cluster is kept.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `HOST:PORT` of a master.
    pub fn address(&self, master: usize) -> &str {
        &self.masters[master].1
    }

    /// Waits until one leads and serves; answers which.
    #[track_caller]
    pub fn leader(&self) -> usize {
        eventually("a master leads", LED_WITHIN, || {
            self.running().find(|master| self.leads(*master))
        })
    }

    /// Waits until another one than `former` leads and serves.
    #[track_caller]
    pub fn leader_but(&self, former: usize) -> usize {
        eventually("another master leads", LED_WITHIN, || {
            let mut others = self.running().filter(|master| *master != former);
            others.find(|master| self.leads(*master))
        })
    }

    /// Starts a framework with a task, which looks on.
    pub fn look_on(&self) -> Onlooker {
        let tls = self.folder.path().join("tls");
        Onlooker::start(&self.zookeeper.url("", "/mesos"), &tls, self.folder())
    }

    /// Waits until a master answers.
    #[track_caller]
    pub fn wait_for_master(&self, master: usize) {
        eventually("a master answers", LED_WITHIN, || {
            (get(self.address(master), "/health")?.status == 200).then_some(())
        });
    }

    /// Whether a master leads and serves.
    pub fn leads(&self, master: usize) -> bool {
        let metrics = get_json(self.address(master), "/metrics/snapshot");
        metrics.is_some_and(|metrics| metrics["master/elected"] == 1.0)
    }

    /// Waits until whoever leads has so many active agents.
    #[track_caller]
    pub fn wait_for_agents(&self, count: usize) {
        eventually("the agents are registered", LED_WITHIN, || {
            let mut states = self
                .running()
                .filter_map(|master| get_json(self.address(master), "/state"));
            let state = states.next()?;
            let agents = state["slaves"].as_array()?.iter();
            (agents.filter(|agent| agent["active"] == true).count() == count).then_some(())
        });
    }

    fn running(&self) -> impl Iterator<Item = usize> {
        (0..self.masters.len()).filter(|master| !self.paused.contains(master))
    }

    /// Kills a master as `kill -9` does.
    pub fn kill_9(&mut self, master: usize) {
        self.masters[master].0.kill_9();
    }

    /// Ends a master in order.
    pub fn interrupt(&mut self, master: usize) -> Option<i32> {
        self.masters[master].0.interrupt()
    }

    /// Asks a master to end in order.
    pub fn ask_to_end(&self, master: usize) {
        self.masters[master].0.ask_to_end();
    }

    /// Waits for the end of a master that was killed or asked to end.
    #[track_caller]
    pub fn wait_for_end(&mut self, master: usize) {
        self.masters[master].0.wait();
    }

    /// Starts a master again.
    pub fn restart(&mut self, master: usize) {
        self.masters[master].0.restart();
    }

    /// Stops a master from running, without ending it, or lets it go on.
    pub fn pause(&mut self, master: usize, paused: bool) {
        self.masters[master].0.pause(paused);
        match paused {
            true => self.paused.insert(master),
            false => self.paused.remove(&master),
        };
    }

    /// What a master has logged.
    pub fn log(&self, master: usize) -> String {
        self.masters[master].0.log()
    }

    /// `--zk` with the password.
    pub fn zk_flag(&self) -> String {
        format!("--zk={}", self.zookeeper.url("me:secret@", "/mesos"))
    }

    /// What a `mesos` command that succeeds prints.
    #[track_caller]
    pub fn mesos(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(
            output.code,
            Some(0),
            "mesos {arguments:?}: {}",
            output.stderr
        );
        output.stdout
    }

    /// What a `mesos` command that fails says.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(
            output.code,
            Some(1),
            "mesos {arguments:?}: {}",
            output.stdout
        );
        output.stderr
    }

    #[track_caller]
    fn output(&self, arguments: &[&str]) -> Output {
        run_for(self.command(arguments), SOON)
    }

    /// Starts `mesos run -- COMMAND`.
    #[track_caller]
    pub fn run(&self, command: &[&str]) -> RunningTask {
        let folder = self.folder.path().join("run");
        fs::create_dir_all(&folder).expect("a folder for the command");
        let file = |name: &str| File::create(folder.join(name)).expect("a file for output");
        let mut program = self.command(&["run", "--"]);
        program
            .args(command)
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        RunningTask {
            child: Some(Running::start(program)),
            folder,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(mesos_binary());
        command
            .args(arguments)
            .env("MESOS_MASTER", self.zookeeper.url("", "/mesos"))
            .env("MESOS_TLS_DIR", self.folder.path().join("tls"));
        command
    }
}

impl RunningTask {
    /// What the task wrote so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.folder.join("stdout")).unwrap_or_default()
    }

    /// What the command and the task said so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
    }

    /// Waits for its end; answers the exit code.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> Option<i32> {
        let child = self
            .child
            .take()
            .expect("a command that was not waited for");
        child.wait("mesos run", deadline).code()
    }
}

fn daemon(arguments: &[String], folder: &Path, name: &str) -> Daemon {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let folder = folder.join(name);
    fs::create_dir_all(&folder).expect("a folder for a daemon");
    Daemon::start(&arguments, &folder)
}
