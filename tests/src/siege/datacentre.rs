//! A small data centre of real processes: three masters, an ensemble of three ZooKeepers, five agents, each of masters and
//! agents on a machine of its own, and two frameworks.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::network::{Machine, Network, small_disk};
use crate::{Daemon, Running, ZooKeeper, eventually, example_binary, get_json, mesos_binary};

const MASTERS: usize = 3;
const AGENTS: usize = 5;
const SERVERS: usize = 3;

/// Sessions of 2 s: a leader that is gone is replaced after that; a loaded machine gets more.
const SOON: Duration = Duration::from_secs(60);

/// What a ZooKeeper's snapshots and logs need, and an agent's checkpoints and sandboxes.
const DISK: u64 = 16 << 20;

/// The data centre; everything in it ends when this is dropped.
///
/// Fields are dropped in this order: frameworks end before agents, those before masters, and ZooKeeper last.
pub struct DataCentre {
    service: Option<Running>,
    pub(super) agents: Vec<Host>,
    pub(super) masters: Vec<Host>,
    pub(super) zookeeper: ZooKeeper,
    pub(super) network: Network,
    /// What every copy of the service has on its command line, and nobody else.
    mark: String,
    folder: TempDir,
}

/// A machine, and the daemon on it.
pub(super) struct Host {
    pub(super) daemon: Daemon,
    pub(super) machine: Machine,
    pub(super) folder: PathBuf,
    port: u16,
}

impl DataCentre {
    /// How many copies of its command the service keeps running.
    pub const COPIES: usize = 8;

    /// Starts everything, and waits until the service runs.
    #[track_caller]
    pub fn start() -> DataCentre {
        let mut network = Network::enter();
        let folder = tempfile::tempdir().expect("a folder for the data centre");
        let zookeeper = ensemble(network.address());
        let zk = zookeeper.url("me:secret@", "/mesos");
        let masters = (0..MASTERS).map(|number| {
            let folder = folder.path().join(format!("master-{number}"));
            let flags = [format!("--zk={zk}"), "--quorum=2".to_owned()];
            Host::start(network.machine(), "master", 5050, folder, &flags)
        });
        let masters = masters.collect();
        let agents = (0..AGENTS).map(|number| {
            let name = format!("agent-{number}");
            let folder = folder.path().join(&name);
            let work = folder.join("work");
            small_disk(&work, DISK);
            let flags = [
                format!("--master={}", zookeeper.url("", "/mesos")),
                format!("--work_dir={}", work.display()),
                format!("--cgroups_root=mesos-{}-{name}", std::process::id()),
                "--resources=cpus:4;mem:1024;disk:64;ports:[31000-32000]".to_owned(),
            ];
            Host::start(network.machine(), "agent", 5051, folder, &flags)
        });
        let agents = agents.collect();
        let mark = format!("1{}", std::process::id());
        let service = service(&zookeeper, folder.path(), &mark);
        let centre = DataCentre {
            service: Some(service),
            agents,
            masters,
            zookeeper,
            network,
            mark,
            folder,
        };
        centre.wait_until_whole();
        eventually("the service runs", SOON, || {
            (centre.copies().len() == DataCentre::COPIES).then_some(())
        });
        centre
    }

    /// Waits until one leads, and every agent is registered with it.
    #[track_caller]
    pub fn wait_until_whole(&self) {
        eventually("all agents have a leader", SOON, || {
            let state = self.masters[self.leads_now()?].get_json("/state")?;
            let agents = state["slaves"].as_array()?.iter();
            let active = agents.filter(|agent| agent["active"] == true);
            (active.count() == AGENTS).then_some(())
        });
    }

    /// Waits until one leads; answers which.
    #[track_caller]
    pub fn leader(&self) -> usize {
        eventually("a master leads", SOON, || self.leads_now())
    }

    /// Waits until another than this one leads, as far as that can be seen.
    #[track_caller]
    pub fn wait_for_another(&self, former: usize) {
        eventually("another master leads", SOON, || {
            let mut others = (0..MASTERS).filter(|master| *master != former);
            others.find(|master| self.leads(*master))
        });
    }

    fn leads_now(&self) -> Option<usize> {
        (0..MASTERS).find(|master| self.leads(*master))
    }

    /// Whether a master says that it leads. One that cannot be asked does not.
    pub fn leads(&self, master: usize) -> bool {
        let metrics = self.masters[master].get_json("/metrics/snapshot");
        metrics.is_some_and(|metrics| metrics["master/elected"] == 1.0)
    }

    /// The leader's `/state`.
    #[track_caller]
    pub fn state(&self) -> Value {
        eventually("the leader shows its state", SOON, || {
            self.masters[self.leads_now()?].get_json("/state")
        })
    }

    /// The processes of the service's copies, by number.
    pub fn copies(&self) -> BTreeSet<u32> {
        let line = format!("sleep\0{}\0", self.mark);
        let processes = fs::read_dir("/proc").expect("/proc");
        let found = processes.filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_copy = fs::read(path.join("cmdline")).ok()? == line.as_bytes();
            is_copy.then(|| path.file_name()?.to_str()?.parse().ok())?
        });
        found.collect()
    }

    /// Starts a job: so many instances, once, of which each works for two seconds and then writes its name down.
    #[track_caller]
    pub(super) fn job(&self, instances: usize) -> Job {
        let folder = self.folder.path();
        let file = |name: &str| fs::File::create(folder.join(name)).expect("a file for output");
        // Tasks may run as anybody, and on a disk that is full: this file is elsewhere.
        file("done");
        let work = format!(
            "sleep 2; echo \"$MESOS_TASK_ID\" >> {}",
            folder.join("done").display()
        );
        let mut program = self.command(mesos_binary());
        program
            .args(["run", &format!("--instances={instances}")])
            .args([
                "--cpus=0.1",
                "--mem=16",
                "--disk=1",
                "--",
                "sh",
                "-c",
                &work,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file("job"));
        let job = Job {
            running: Running::start(program),
            folder: folder.to_owned(),
        };
        // Who cannot find a master to begin with says so and ends.
        eventually("the job is subscribed", SOON, || {
            let frameworks = self.state()["frameworks"].as_array()?.len();
            (frameworks == 2).then_some(())
        });
        job
    }

    fn command(&self, program: PathBuf) -> Command {
        command(program, &self.zookeeper, self.folder.path())
    }
}

impl Drop for DataCentre {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["service", "job", "done"] {
                let log = fs::read_to_string(self.folder.path().join(name));
                eprintln!("--- {name}\n{}", log.unwrap_or_default());
            }
            // Whether anybody would still hear of its end is not certain.
            self.copies().into_iter().for_each(kill_9);
        } else if let Some(service) = self.service.take() {
            service.interrupt(SOON);
            eventually("the service's copies end", SOON, || {
                self.copies().is_empty().then_some(())
            });
        }
    }
}

fn kill_9(process: u32) {
    let pid = Pid::from_raw(i32::try_from(process).expect("a process id"));
    // It may have ended meanwhile.
    let _ = kill(pid, Signal::SIGKILL);
}

/// A `mesos run` that was started.
pub(super) struct Job {
    running: Running,
    folder: PathBuf,
}

impl Job {
    /// Waits for its end; answers how many tasks did their work, each of them once, and how many were said not to have ended
    /// well.
    #[track_caller]
    pub(super) fn wait(self) -> (usize, usize) {
        let status = self.running.wait("a job", 2 * SOON);
        let read = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let (done, said) = (read("done"), read("job"));
        let names: BTreeSet<&str> = done.lines().collect();
        assert_eq!(names.len(), done.lines().count(), "done twice: {done}");
        let lost = said.lines().filter(|line| line.contains(" ended with "));
        let lost = lost.count();
        assert_eq!(status.success(), lost == 0, "{said}");
        (names.len(), lost)
    }
}

impl Host {
    #[track_caller]
    fn start(machine: Machine, role: &str, port: u16, folder: PathBuf, flags: &[String]) -> Host {
        fs::create_dir_all(&folder).expect("a folder for a daemon");
        let common = [
            role.to_owned(),
            format!("--ip={}", machine.address),
            format!("--port={port}"),
            "--zk_session_timeout=2secs".to_owned(),
        ];
        let arguments: Vec<&str> = common.iter().chain(flags).map(String::as_str).collect();
        let daemon = machine.within(|| Daemon::start(&arguments, &folder));
        Host {
            daemon,
            machine,
            folder,
            port,
        }
    }

    /// A document of its daemon. Without credentials a daemon shows documents to its own machine only, so they are read
    /// there, also when its cable is pulled.
    fn get_json(&self, path: &str) -> Option<Value> {
        let address = format!("127.0.0.1:{}", self.port);
        self.machine.within(|| get_json(&address, path))
    }

    /// Starts its daemon again.
    pub(super) fn restart(&mut self) {
        self.machine.within(|| self.daemon.restart());
    }

    /// Waits until its daemon answers.
    #[track_caller]
    pub(super) fn wait(&self) {
        eventually("a daemon answers", SOON, || {
            self.get_json("/state").map(drop)
        });
    }

    /// Fills the disk that it works on, or empties it again of what filled it.
    pub(super) fn fill_disk(&self, full: bool) {
        fill(&self.folder.join("work"), full);
    }
}

/// Fills the disk of a folder to the last byte, or removes what did.
pub(super) fn fill(folder: &Path, full: bool) {
    let ballast = folder.join("ballast");
    if full {
        let mut file = fs::File::create(&ballast).expect("a file");
        // It ends with the error that this is about.
        let _ = std::io::copy(&mut std::io::repeat(0), &mut file);
    } else {
        fs::remove_file(&ballast).expect("a file to remove");
    }
}

fn ensemble(ip: Ipv4Addr) -> ZooKeeper {
    let folder = tempfile::tempdir().expect("a folder for ZooKeeper");
    for server in 0..SERVERS {
        small_disk(&folder.path().join(format!("server-{server}/data")), DISK);
    }
    ZooKeeper::at(ip, SERVERS, folder)
}

/// Keeps copies of `sleep` running, which are known by how long they sleep.
fn service(zookeeper: &ZooKeeper, folder: &Path, mark: &str) -> Running {
    let log = fs::File::create(folder.join("service")).expect("a file for output");
    let mut program = command(example_binary("keep_running"), zookeeper, folder);
    program
        .arg(zookeeper.url("", "/mesos"))
        .arg(DataCentre::COPIES.to_string())
        .arg(format!("exec sleep {mark}"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log);
    Running::start(program)
}

/// A program that uses this cluster.
fn command(program: PathBuf, zookeeper: &ZooKeeper, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("MESOS_MASTER", zookeeper.url("", "/mesos"))
        .env("MESOS_TLS_DIR", folder.join("tls"));
    command
}
