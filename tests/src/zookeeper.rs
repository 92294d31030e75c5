//! A real ZooKeeper from the distribution's package, on loopback.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::{eventually, free_port};

/// Where Debian's package has it.
const JAR: &str = "/usr/share/java/zookeeper.jar";

/// A server is up within a second, an ensemble within three; a loaded machine gets more.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Servers of ZooKeeper with folders of their own; they end when this is dropped.
pub struct ZooKeeper {
    servers: Vec<Server>,
    folder: TempDir,
}

struct Server {
    address: SocketAddrV4,
    folder: PathBuf,
    child: Option<Child>,
}

impl ZooKeeper {
    /// One server.
    #[track_caller]
    pub fn start() -> ZooKeeper {
        ZooKeeper::of(1)
    }

    /// An ensemble of so many.
    #[track_caller]
    pub fn of(count: usize) -> ZooKeeper {
        let folder = tempfile::tempdir().expect("a folder for ZooKeeper");
        ZooKeeper::at(Ipv4Addr::LOCALHOST, count, folder)
    }

    /// An ensemble of so many with this address, below this folder; a server keeps its data in `server-N/data`.
    #[track_caller]
    pub fn at(ip: Ipv4Addr, count: usize, folder: TempDir) -> ZooKeeper {
        assert!(
            Path::new(JAR).exists(),
            "{JAR} is missing: install the package zookeeper, as tests/run does"
        );
        // Three for each: for clients, for the ensemble, and for its elections.
        let first = free_port();
        let ports: Vec<u16> = (0..count * 3).map(|n| first + n as u16).collect();
        let ensemble: String = match count {
            1 => String::new(),
            _ => (0..count)
                .map(|n| {
                    let (peers, election) = (ports[n * 3 + 1], ports[n * 3 + 2]);
                    format!("server.{}={ip}:{peers}:{election}\n", n + 1)
                })
                .collect(),
        };
        let servers = (0..count).map(|n| {
            let folder = folder.path().join(format!("server-{n}"));
            let address = SocketAddrV4::new(ip, ports[n * 3]);
            Server::new(n + 1, address, &ensemble, folder)
        });
        let mut zookeeper = ZooKeeper {
            servers: servers.collect(),
            folder,
        };
        for server in 0..count {
            zookeeper.servers[server].start();
        }
        zookeeper.wait();
        zookeeper
    }

    /// `zk://[who@]servers/path`.
    pub fn url(&self, who: &str, path: &str) -> String {
        let servers = self.servers.iter();
        let servers: Vec<String> = servers.map(|s| s.address.to_string()).collect();
        format!("zk://{who}{}{path}", servers.join(","))
    }

    /// Kills all servers as `kill -9` does.
    pub fn kill(&mut self) {
        (0..self.servers.len()).for_each(|server| self.kill_one(server));
    }

    /// Kills one.
    pub fn kill_one(&mut self, server: usize) {
        self.servers[server].signal(Signal::SIGKILL);
        if let Some(mut child) = self.servers[server].child.take() {
            child.wait().expect("a server to wait for");
        }
    }

    /// Starts those again that are down, with what they stored.
    #[track_caller]
    pub fn restart(&mut self) {
        let down = self.servers.iter_mut().filter(|s| s.child.is_none());
        down.for_each(Server::start);
        self.wait();
    }

    /// Lets nothing answer until [`ZooKeeper::go_on`].
    pub fn pause(&self) {
        self.servers.iter().for_each(|s| s.signal(Signal::SIGSTOP));
    }

    /// See [`ZooKeeper::pause`].
    pub fn go_on(&self) {
        self.servers.iter().for_each(|s| s.signal(Signal::SIGCONT));
    }

    /// Where a server keeps what it stores.
    pub fn data(&self, server: usize) -> PathBuf {
        self.folder.path().join(format!("server-{server}/data"))
    }

    /// Whether a server leads the others of its ensemble.
    pub fn leads(&self, server: usize) -> bool {
        let answer = self.servers[server].ask("srvr").unwrap_or_default();
        answer.contains("Mode: leader")
    }

    #[track_caller]
    fn wait(&self) {
        eventually("ZooKeeper serves", READY_WITHIN, || {
            let mut servers = self.servers.iter();
            // One that has not found its ensemble yet answers that it does not serve.
            servers
                .all(|s| s.ask("srvr").is_some_and(|answer| answer.contains("Mode:")))
                .then_some(())
        });
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    fn new(id: usize, address: SocketAddrV4, ensemble: &str, folder: PathBuf) -> Server {
        fs::create_dir_all(folder.join("data")).expect("a folder for a server");
        fs::write(folder.join("data/myid"), id.to_string()).expect("a server's number");
        let data = folder.join("data");
        // Ticks as short as tests can use: a session may end after a second.
        let config = format!(
            "dataDir={}\nclientPort={}\nclientPortAddress={}\ntickTime=200\ninitLimit=50\nsyncLimit=25\n\
             minSessionTimeout=1000\nmaxSessionTimeout=60000\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n{ensemble}",
            data.display(),
            address.port(),
            address.ip()
        );
        fs::write(folder.join("zoo.cfg"), config).expect("a configuration");
        let logging = "log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n\
                       log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
                       log4j.appender.out.layout.ConversionPattern=%d %p %m%n\n";
        fs::write(folder.join("log4j.properties"), logging).expect("a configuration of logs");
        Server {
            address,
            folder,
            child: None,
        }
    }

    fn start(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("a log file");
        let child = Command::new("java")
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            // What is written survives a kill; only a power failure would lose it.
            .arg("-Dzookeeper.forceSync=no")
            // In KiB: small enough for small disks.
            .arg("-Dzookeeper.preAllocSize=256")
            .arg("-cp")
            .arg(format!("{}:{JAR}", self.folder.display()))
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(self.folder.join("zoo.cfg"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .expect("java starts: install the package zookeeper, as tests/run does");
        self.child = Some(child);
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            let _ = kill(Pid::from_raw(child.id() as i32), signal);
        }
    }

    /// The answer to a word of four letters.
    fn ask(&self, word: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        stream.write_all(word.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}
