//! Making a node that others can reach.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Handle;

use super::{LOCAL_ADDRESS, Node};
use crate::allow::{Allow, Rules};
use crate::arbiter::{Arbiters, Placement};
use crate::link::Links;
use crate::protocol::Protocol;
use crate::seat::Seat;
#[cfg(feature = "sim")]
use crate::tls::PeerIdentity;
use crate::tls::{Authority, Identity, Trust};
use crate::transport::{BindError, EndpointConfig, Liveness, Network, bind};

/// How a node is to be started; made by [`Node::bind`].
#[must_use = "nothing is bound before `start`"]
pub struct NodeBuilder {
    address: io::Result<SocketAddr>,
    advertised: Option<SocketAddr>,
    identity: Option<Identity>,
    trusts: Vec<Trust>,
    seed: Option<u64>,
    keys_dir: Option<PathBuf>,
    liveness: Liveness,
    network: Network,
    threads: Option<usize>,
    links_with_actors: bool,
    rules: Rules,
}

impl Node {
    /// A node that others reach at `address` (UDP). Port 0 lets the system choose.
    pub fn bind(address: impl ToSocketAddrs) -> NodeBuilder {
        let address = address.to_socket_addrs().and_then(|mut addresses| {
            let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            addresses.next().ok_or_else(none)
        });
        NodeBuilder {
            address,
            advertised: None,
            identity: None,
            trusts: Vec::new(),
            seed: None,
            keys_dir: None,
            liveness: Liveness::default(),
            network: Network::default(),
            threads: None,
            links_with_actors: false,
            rules: Rules::default(),
        }
    }
}

impl NodeBuilder {
    /// The address that this node's pids carry, if others do not reach it where it is bound. By default
    /// the bound one; if that is unspecified (`0.0.0.0`), with the address of the default route's interface.
    pub fn advertise(mut self, address: SocketAddr) -> Self {
        self.advertised = Some(address);
        self
    }

    /// What the node presents to others. Without, it makes up an authority of its own: then nobody
    /// believes it.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Whom to believe; may be given several times. Without, the authority that issued the identity.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trusts.push(trust);
        self
    }

    /// Makes the node's random choices a function of `seed`, which must be another one for each life
    /// of each node. For tests and simulation; by default the system's randomness.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Where the node keeps the keys by which, once restarted, it ends the links of its former life
    /// at once. Without it, others notice a killed node by its silence.
    pub fn keys_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.keys_dir = Some(folder.into());
        self
    }

    /// How soon silence counts as the end of a link.
    pub fn liveness(mut self, liveness: Liveness) -> Self {
        self.liveness = liveness;
        self
    }

    /// The network underneath. On a simulated one, all actors live on the current `LocalSet`.
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Who may send messages of a protocol to actors of this node. Protocols without such a list are open to
    /// every peer that is believed. It is checked before a message is looked at: what is not allowed is
    /// refused to those who ask, dropped and counted ([`Node::refused`]) for those who tell. Actors of this
    /// node itself may send anything; to monitor is allowed to all.
    pub fn allow<P: Protocol>(mut self, allow: Allow<P>) -> Self {
        self.rules.add(allow);
        self
    }

    /// Nodes in these roles may link actors of theirs to actors of this node ([`Context::link`](crate::Context::link)). Who
    /// is linked ends with the other, so that whoever may link may end: without this nobody may, and who tries hears
    /// that. Actors of this node itself may link to each other, and to those of nodes that let them.
    pub fn allow_links<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.rules.add_linkers(roles);
        self
    }

    /// How many threads the actors share; by default one per core. With 0 they live on the `LocalSet` in which the node
    /// is started, which is needed then: for programs with thousands of nodes.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = Some(count);
        self
    }

    /// Lets the links live on the first thread of actors instead of the runtime in which the node is started. Then
    /// a message from another node does not pass from thread to thread on its way to an actor there, nor
    /// does its answer: for nodes whose actors do little at a time. An actor that holds up its thread
    /// holds up the links too, for which [`own_thread`](super::ProcessBuilder::own_thread) is the remedy.
    /// Without effect in simulation.
    pub fn links_with_actors(mut self) -> Self {
        self.links_with_actors = true;
        self
    }

    /// Starts the node. Its links live on the runtime in which this is called, unless they live
    /// [with actors](Self::links_with_actors).
    ///
    /// # Errors
    /// If the address cannot be had, or the identity or the keys cannot be used.
    pub async fn start(self) -> Result<Node, BindError> {
        let address = self.address.map_err(|source| BindError::Refused {
            address: LOCAL_ADDRESS,
            source,
        })?;
        let seed = self.seed.unwrap_or_else(|| StdRng::from_os_rng().random());
        let simulated = !matches!(self.network, Network::Udp);
        let placement = match (simulated, self.threads) {
            (true, _) => Placement::Here,
            (false, Some(0)) => Placement::Here,
            (false, Some(count)) => Placement::Threads(count),
            (false, None) => Placement::cores(),
        };
        #[cfg(feature = "sim")]
        if let Network::Messages(messages) = &self.network {
            let identity = self.identity.map(|identity| identity.peer().clone());
            let identity = messages.identity().or(identity);
            let identity = identity.unwrap_or_else(|| PeerIdentity::new("node", "node"));
            let attached = messages.attach(address, identity);
            let attachment = attached.map_err(|source| BindError::of(address, source))?;
            let (bound, seat) = (attachment.address(), attachment.seat());
            let links = Links::in_memory(attachment, self.liveness, self.rules);
            let advertised = self.advertised.unwrap_or(bound);
            let arbiters = Arbiters::new(placement);
            return Ok(open(advertised, bound, seed, arbiters, links, seat));
        }
        let identity = self
            .identity
            .unwrap_or_else(|| Authority::generate("nobody").issue("node", "node"));
        let arbiters = Arbiters::new(placement);
        let shared = match self.links_with_actors {
            true => arbiters.share(),
            false => None,
        };
        let runtime = shared.as_ref().map(|shared| shared.runtime.clone());
        let _entered = runtime.as_ref().map(Handle::enter);
        let endpoint = bind(EndpointConfig {
            address,
            identity,
            trusts: self.trusts,
            seed: self.seed.filter(|_| simulated),
            keys_dir: self.keys_dir,
            liveness: self.liveness,
            network: self.network,
        })?;
        let bound = endpoint.local_addr();
        let advertised = self.advertised.unwrap_or_else(|| reachable(bound));
        let seat = endpoint.seat();
        let links = Links::new(endpoint, self.liveness, self.rules, shared);
        Ok(open(advertised, bound, seed, arbiters, links, seat))
    }
}

/// The node that is reached by `links`, which it begins to accept.
fn open(
    advertised: SocketAddr,
    bound: SocketAddr,
    seed: u64,
    arbiters: Arbiters,
    links: Arc<Links>,
    seat: Seat,
) -> Node {
    let node = Node::new(advertised, bound, seed, arbiters, Some(links.clone()), seat);
    links.open(&node);
    node
}

/// Where others reach what is bound to `address`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        // Connecting a UDP socket sends nothing, but chooses the interface (192.0.2.0/24 is nowhere).
        let chosen = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect("192.0.2.1:9")?;
            socket.local_addr()
        });
        let ip = chosen.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |chosen| chosen.ip());
        address.set_ip(ip);
    }
    address
}
