//! Tasks of the one-shot framework on a cluster of one agent with the real containerizer.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use frameworks::connect::node_towards;
use frameworks::run::{self, Outcome, Progress, TaskDescription};
use mesos::election::{Election, Standalone};
use mesos::protocols::roles;
use mesos::resources::Quantity;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid as ProcessId;

/// The binary beside this one; its build is the caller's.
pub(super) fn mesos_binary() -> PathBuf {
    let here = std::env::current_exe().expect("the path of this program");
    let binary = here.with_file_name("mesos");
    assert!(
        binary.exists(),
        "{} is missing: build it with `cargo build --release`",
        binary.display()
    );
    binary
}

/// From the launch of the first task to the end of the last. The cluster is started before.
pub(super) fn tasks(count: usize) -> Duration {
    let folder = tempfile::tempdir().expect("a folder for the cluster");
    let cluster = LocalCluster::start(folder.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(cluster.run(count))
}

struct LocalCluster {
    child: Child,
    master: SocketAddr,
    tls_dir: PathBuf,
}

impl LocalCluster {
    /// One agent, which offers room for all tasks at once.
    fn start(folder: &Path) -> LocalCluster {
        let port = free_port();
        let tls_dir = folder.join("tls");
        let child = Command::new(mesos_binary())
            .arg("local")
            .arg(format!("--port={port}"))
            .arg("--resources=cpus:1000;mem:1000000;disk:1000000")
            .arg("--quiet")
            .arg("--tls_dir")
            .arg(&tls_dir)
            .stdout(Stdio::null())
            .spawn()
            .expect("mesos local starts");
        LocalCluster {
            child,
            master: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            tls_dir,
        }
    }

    async fn run(&self, count: usize) -> Duration {
        // One task first, whose end says that everything is up.
        self.run_tasks(1).await;
        self.run_tasks(count).await
    }

    async fn run_tasks(&self, count: usize) -> Duration {
        let node = node_towards(self.master, roles::FRAMEWORK, &self.tls_dir)
            .await
            .expect("a node");
        let description = TaskDescription {
            name: "true".to_owned(),
            command: vec!["true".to_owned()],
            user: frameworks::connect::current_user(),
            role: "*".to_owned(),
            resources: vec![
                (
                    "cpus".to_owned(),
                    Quantity::from_f64(0.1).expect("a quantity"),
                ),
                (
                    "mem".to_owned(),
                    Quantity::from_f64(32.0).expect("a quantity"),
                ),
            ],
            instances: u32::try_from(count).expect("a number of tasks"),
            ..Default::default()
        };
        let election = Standalone::at(self.master, "localhost");
        let mut run = run::start(&node, election.detect(), description).expect("a run");
        let mut start = Instant::now();
        let mut ended = 0;
        while let Some(news) = run.progress.recv().await {
            match news {
                Progress::Subscribed(_) => start = Instant::now(),
                Progress::Ended { outcome, .. } => {
                    assert_eq!(outcome, Outcome::Finished);
                    ended += 1;
                }
                Progress::Refused(why) => panic!("{why}"),
                Progress::Running { .. } | Progress::Waiting(_) | Progress::Disconnected => {}
            }
        }
        let took = start.elapsed();
        assert_eq!(ended, count);
        run.driver.ended().await;
        node.shutdown(Duration::from_secs(1)).await;
        took
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        let _ = kill(ProcessId::from_raw(self.child.id() as i32), Signal::SIGINT);
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("a bound address").port()
}
