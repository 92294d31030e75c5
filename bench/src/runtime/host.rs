//! A node of libprocess in a process of its own, with the actors that are measured from here.

use std::net::SocketAddr;
use std::path::Path;

use libprocess::prelude::*;
use libprocess::tls::{Authority, Identity};
use tempfile::TempDir;

use super::adder::{Adder, AdderProtocol, Sink, SinkProtocol};
use super::runtime;
use crate::child::{self, Child, Role};

const IDENTITY: &str = "host.pem";

/// The process with the node: it is told its folder and its address, and says where it listens.
pub(super) const ROLE: Role = ("node", play);

fn play(arguments: &[String]) {
    let [folder, address] = arguments else {
        panic!("a folder and an address are missing");
    };
    let folder = Path::new(folder);
    let identity = Identity::read(&folder.join(IDENTITY)).expect("an identity");
    let runtime = runtime();
    let _node = runtime.block_on(async {
        let node = Node::bind(address.as_str())
            .identity(identity)
            .keys_dir(folder)
            .links_with_actors();
        let node = node.start().await.expect("a node");
        node.spawn("adder", |_| Adder::default()).expect("a name");
        node.spawn("sink", |_| Sink).expect("a name");
        println!("{}", node.address());
        node
    });
    child::tell_memory();
}

/// That process, as seen from the one that started it.
pub(super) struct Host {
    pub(super) process: Child,
    address: SocketAddr,
    authority: Authority,
    folder: TempDir,
}

impl Host {
    pub(super) fn start() -> Self {
        let authority = Authority::generate("bench");
        let folder = tempfile::tempdir().expect("a folder");
        let identity = authority.issue("bench", "host");
        identity
            .write(&folder.path().join(IDENTITY))
            .expect("a file");
        let (process, address) = start(folder.path(), "127.0.0.1:0");
        Self {
            process,
            address,
            authority,
            folder,
        }
    }

    /// Starts it again where it was, with the keys it had.
    pub(super) fn restart(&mut self) {
        let address = self.address.to_string();
        (self.process, _) = start(self.folder.path(), &address);
    }

    /// What another node presents to it.
    pub(super) fn caller(&self) -> Identity {
        self.authority.issue("bench", "caller")
    }

    pub(super) fn adder(&self) -> Pid<AdderProtocol> {
        Pid::named("adder", self.address)
    }

    pub(super) fn sink(&self) -> Pid<SinkProtocol> {
        Pid::named("sink", self.address)
    }
}

fn start(folder: &Path, address: &str) -> (Child, SocketAddr) {
    let folder = folder.to_str().expect("a path of text");
    let mut process = Child::start(ROLE.0, &[folder, address]);
    let address = process.line().parse().expect("an address");
    (process, address)
}

/// A node of this process.
pub(super) async fn node(identity: Identity) -> Node {
    let node = Node::bind("127.0.0.1:0").identity(identity);
    node.start().await.expect("a node")
}
