//! ZooKeeper for a benchmark: one server of the distribution's package, with its own process, disk writes included.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mesos::election::zookeeper::{ZkUrl, ZooKeeper};
use tempfile::TempDir;

const JAR: &str = "/usr/share/java/zookeeper.jar";

/// A Java machine starts in a few.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks whether it serves.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Of sessions with it: longer than any pause of a busy machine.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);

/// A server that runs; it ends with this value.
pub(super) struct Ensemble {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Ensemble {
    /// Waits until it serves.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub(super) fn start() -> Result<Ensemble, String> {
        if !Path::new(JAR).exists() {
            return Err(format!("{JAR} is missing: install the package zookeeper"));
        }
        let folder = tempfile::tempdir().expect("a folder for ZooKeeper");
        let address = free_address();
        let config = folder.path().join("zoo.cfg");
        let lines = format!(
            "dataDir={}\nclientPort={}\nclientPortAddress={}\ntickTime=2000\nadmin.enableServer=false\n\
             4lw.commands.whitelist=srvr\n",
            folder.path().join("data").display(),
            address.port(),
            address.ip()
        );
        fs::write(&config, lines).expect("a configuration");
        let process = Command::new("java")
            .args(["-Xmx1g", "-cp", JAR])
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("java does not start: {error}"))?;
        let ensemble = Ensemble {
            process,
            address,
            _folder: folder,
        };
        let deadline = Instant::now() + PATIENCE;
        while !ensemble.serves() {
            if Instant::now() > deadline {
                return Err(format!("ZooKeeper does not serve within {PATIENCE:?}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(ensemble)
    }

    /// Where masters would meet.
    pub(super) fn client(&self) -> ZooKeeper {
        let url: ZkUrl = format!("zk://{}/bench", self.address)
            .parse()
            .expect("an address");
        ZooKeeper::new(url, SESSION_TIMEOUT)
    }

    fn serves(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(self.address).ok()?;
            stream.write_all(b"srvr").ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            Some(answer)
        };
        ask().is_some_and(|answer| answer.contains("Mode:"))
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
