//! A command's way to a cluster: a node of its own, for as long as the command takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use frameworks::connect::{ConnectError, node_towards, towards};
use libprocess::prelude::*;
use mesos::election::zookeeper::{DEFAULT_SESSION_TIMEOUT, ZooKeeper};
use mesos::election::{
    AddressError, Elected, Election, Leader, MasterAddress, MasterFlag, NoLeader, Standalone,
};
use mesos::protocols::reader::{Document, Read, ReadError};
use mesos::protocols::{ReaderProtocol, names};
use serde_json::Value;
use tokio::sync::watch;

use crate::arguments::ClusterFlags;

/// A master that does not answer the first subscription for so long is not there.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(10);

/// A healthy master answers in milliseconds; a person waits this long for one that is not.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// While masters elect a leader anew, a person waits for it: a session with ZooKeeper lasts 10 s, and a new leader
/// begins within another one.
const LEADER_WITHIN: Duration = Duration::from_secs(12);

/// A node that may ask a master.
pub(crate) struct Connection {
    /// This command's own node.
    pub(crate) node: Node,
    /// Where the master is.
    pub(crate) master: SocketAddr,
    /// Who leads, now and later.
    pub(crate) leader: watch::Receiver<Option<Leader>>,
    /// How long the first answer to a framework may take.
    pub(crate) patience: Duration,
}

/// Why a cluster cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("--master: {0}")]
    Address(#[from] AddressError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(
        "no master answers at {master} ({reason}). Start one with `mesos local` or `mesos master`, or name another with --master=HOST:PORT; both sides need the same --tls_dir"
    )]
    NoMaster { master: SocketAddr, reason: String },
    #[error("--master: {0}")]
    NoLeader(#[from] NoLeader),
    #[error("the master at {master} stands by, and no other one leads; try again in a moment")]
    StandsBy { master: SocketAddr, leader: String },
    #[error("the master at {master} refuses: {reason}")]
    Refused { master: SocketAddr, reason: String },
}

impl Connection {
    /// Makes a node with the certificate of `role` and remembers where the master is. Nothing is sent yet.
    pub(crate) async fn open(
        flags: &ClusterFlags,
        role: &str,
    ) -> Result<Connection, ConnectionError> {
        let flag: MasterFlag = flags.master.parse()?;
        let node = node_towards(towards(&flag)?, role, &flags.tls.folder()).await?;
        let (master, leader) = match &flag {
            MasterFlag::One(one) => {
                let address = one.resolve()?;
                (address, Standalone::at(address, &one.host).detect())
            }
            MasterFlag::Elected(url) => {
                let group = ZooKeeper::new(url.clone(), DEFAULT_SESSION_TIMEOUT);
                let election = Elected::new(&node, Arc::new(group));
                let leader = election.leader(LEADER_WITHIN).await?;
                (leader.address, election.detect())
            }
        };
        let patience = match flag {
            MasterFlag::One(_) => SUBSCRIBED_WITHIN,
            // The leader that is known may have died just now.
            MasterFlag::Elected(_) => SUBSCRIBED_WITHIN + DEFAULT_SESSION_TIMEOUT,
        };
        Ok(Connection {
            node,
            master,
            leader,
            patience,
        })
    }

    /// A document of the master, such as `/state`.
    pub(crate) async fn read(&self, path: &str, query: &str) -> Result<Document, ConnectionError> {
        match self.read_at(self.master, path, query).await {
            // This one stands by, and knows better.
            Err(ConnectionError::StandsBy { leader, .. }) if !leader.is_empty() => {
                self.read_at(resolve(&leader)?, path, query).await
            }
            read => read,
        }
    }

    async fn read_at(
        &self,
        master: SocketAddr,
        path: &str,
        query: &str,
    ) -> Result<Document, ConnectionError> {
        let reader: Pid<ReaderProtocol> = Pid::named(names::READER, master);
        let read = Read {
            path: path.to_owned(),
            query: query.to_owned(),
        };
        match self.node.ask(&reader, read, ANSWER_WITHIN).await {
            Ok(Ok(document)) => Ok(document),
            Ok(Err(ReadError::NotLeader(leader))) => {
                Err(ConnectionError::StandsBy { master, leader })
            }
            Ok(Err(refusal)) => Err(ConnectionError::Refused {
                master,
                reason: refusal.to_string(),
            }),
            Err(error) => Err(ConnectionError::NoMaster {
                master,
                reason: error.to_string(),
            }),
        }
    }

    /// A document of the master as JSON.
    pub(crate) async fn read_json(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Value, ConnectionError> {
        let document = self.read(path, query).await?;
        serde_json::from_slice(&document.body).map_err(|error| ConnectionError::Refused {
            master: self.master,
            reason: format!("{path} is not JSON: {error}"),
        })
    }
}

/// `HOST:PORT` as an address; a name is looked up.
pub(crate) fn resolve(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse::<MasterAddress>()?.resolve()
}
