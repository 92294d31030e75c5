//! ZooKeeper for a benchmark: one server of the distribution's package as operators run it. That of the tests is made to
//! start soon and to end sessions soon instead, and does not sync its disk.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mesos::election::zookeeper::{ZkUrl, ZooKeeper};
use tempfile::TempDir;

const JAR: &str = "/usr/share/java/zookeeper.jar";

/// Of sessions with it: longer than any pause of a busy machine.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);

/// A server that runs; it ends with this value.
pub(super) struct Ensemble {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Ensemble {
    /// Starts it. The registry's storage tries to reach it until it serves.
    ///
    /// # Errors
    /// It is not installed.
    pub(super) fn start() -> Result<Ensemble, String> {
        if !Path::new(JAR).exists() {
            return Err(format!("{JAR} is missing: install the package zookeeper"));
        }
        let folder = tempfile::tempdir().expect("a folder for ZooKeeper");
        let address = free_address();
        let config = folder.path().join("zoo.cfg");
        let lines = format!(
            "dataDir={}\nclientPort={}\nclientPortAddress={}\ntickTime=2000\nadmin.enableServer=false\n",
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
        Ok(Ensemble {
            process,
            address,
            _folder: folder,
        })
    }

    /// Where masters would meet.
    pub(super) fn client(&self) -> ZooKeeper {
        let url: ZkUrl = format!("zk://{}/bench", self.address)
            .parse()
            .expect("an address");
        ZooKeeper::new(url, SESSION_TIMEOUT)
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
