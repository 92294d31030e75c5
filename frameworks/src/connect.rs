//! The ordinary start of a framework's program: a node with a certificate, and a description.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
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
    let ip = own_address_towards(master);
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
        // Masters are reached the way their ZooKeeper is.
        MasterFlag::Elected(url) => Ok(url.server().unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into())),
    }
}

/// The address of this machine that `peer` can answer to. What a master on this machine reaches need not be reachable
/// from others.
fn own_address_towards(peer: SocketAddr) -> IpAddr {
    let any = match peer {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    if peer.ip().is_unspecified() {
        return any;
    }
    // Connecting a UDP socket sends nothing, but chooses the interface.
    let chosen = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(peer)?;
        socket.local_addr()
    });
    // Where no way is known yet, there may be one later.
    chosen.map_or(any, |chosen| chosen.ip())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_where_its_master_can_answer_to() {
        let master = |text: &str| text.parse().expect("an address");
        let here = |text: &str| own_address_towards(master(text)).to_string();
        assert_eq!(here("127.0.0.1:5050"), "127.0.0.1");
        assert_eq!(here("[::1]:5050"), "::1");
        // Nobody knows yet where the master is.
        assert_eq!(here("0.0.0.0:0"), "0.0.0.0");
    }
}
