//! The ordinary start of a framework's program: a node with a certificate, and a description.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use libprocess::Allow;
use libprocess::observe::{Observer, ObserverProtocol, Readiness};
use libprocess::prelude::*;
use libprocess::tls::{Authority, AuthorityError};
use mesos::election::zookeeper::DEFAULT_SESSION_TIMEOUT;
use mesos::election::{self, AddressError, MasterFlag};
use mesos::protocols::roles;
use mesos::v1;

use crate::scheduler::DriverConfig;

/// Why a program could not become part of a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The master's address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The certificates cannot be read or made.
    #[error("the certificates of this cluster cannot be used: {0}")]
    Certificates(#[from] AuthorityError),
    /// The node cannot listen.
    #[error(transparent)]
    Bind(#[from] libprocess::BindError),
}

/// The folder of the authority that daemons, commands and frameworks of one user on one machine share:
/// `MESOS_TLS_DIR`, else `tls` below the user's state folder.
pub fn tls_dir() -> PathBuf {
    std::env::var_os("MESOS_TLS_DIR").map_or_else(|| state_dir().join("tls"), PathBuf::from)
}

/// `$XDG_STATE_HOME/mesos`, by default `~/.local/state/mesos` (XDG base directory specification).
pub fn state_dir() -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("mesos")
}

/// The name of the user this program runs as.
pub fn current_user() -> String {
    let id = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| id.to_string(), |user| user.name)
}

/// Who may see what a framework does: people, and its master, which shows them whole clusters.
const LOOKERS: [&str; 2] = [roles::OPERATOR, roles::MASTER];

/// A node for a program that speaks to the master at `master`, certified in `role` by the authority in `tls_dir`.
/// That of a framework, which stays, shows what it does.
///
/// # Errors
///
/// The certificates cannot be used, or no port is free.
pub async fn node_towards(
    master: SocketAddr,
    role: &str,
    tls_dir: &Path,
) -> Result<Node, ConnectError> {
    let authority = Authority::load_or_create(tls_dir)?;
    // What a master on this machine reaches need not be reachable from others.
    let ip = if master.ip().is_loopback() {
        master.ip()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let identity = authority.issue(role, &current_user());
    let node = Node::bind(SocketAddr::new(ip, 0))
        .identity(identity)
        .allow(Allow::<ObserverProtocol>::roles(LOOKERS))
        .start()
        .await?;
    if role == roles::FRAMEWORK {
        show(&node);
    }
    Ok(node)
}

/// Where a node has to speak to that looks for this master.
///
/// # Errors
///
/// The name of the master cannot be found.
pub fn towards(master: &MasterFlag) -> Result<SocketAddr, AddressError> {
    match master {
        MasterFlag::One(master) => master.resolve(),
        // Masters are where their ZooKeeper is: on this machine, or anywhere.
        MasterFlag::Elected(url) if url.is_local() => Ok((Ipv4Addr::LOCALHOST, 0).into()),
        MasterFlag::Elected(_) => Ok((Ipv4Addr::UNSPECIFIED, 0).into()),
    }
}

/// Lets others look at what the node of a program does that has nothing to wait for.
pub(crate) fn show(node: &Node) {
    let readiness = Readiness::new();
    readiness.ready();
    // The name cannot be taken on a new node; one that is going down needs no observer.
    let _ = Observer::start(node, &readiness);
}

/// Makes a node and the configuration of a driver for a new framework called `name`, run by the current user.
///
/// # Errors
///
/// `master` is neither of the form `HOST:PORT` nor `zk://HOSTS/PATH`, or as for [`node_towards`].
pub async fn connect(master: &str, name: &str) -> Result<(Node, DriverConfig), ConnectError> {
    let master: MasterFlag = master.parse()?;
    let node = node_towards(towards(&master)?, roles::FRAMEWORK, &tls_dir()).await?;
    let election = election::of_flag(&master, DEFAULT_SESSION_TIMEOUT, &node)?;
    let framework = v1::FrameworkInfo {
        user: current_user(),
        name: name.to_owned(),
        ..Default::default()
    };
    let config = DriverConfig {
        framework,
        master: election.detect(),
        name: name.to_owned(),
    };
    Ok((node, config))
}
