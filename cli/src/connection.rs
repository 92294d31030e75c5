//! A command's way to a cluster: a node of its own, for as long as the command takes.

use std::net::SocketAddr;
use std::time::Duration;

use frameworks::connect::{ConnectError, node_towards};
use libprocess::prelude::*;
use mesos::election::{AddressError, MasterAddress};
use mesos::protocols::reader::{Document, Read};
use mesos::protocols::{ReaderProtocol, names};
use serde_json::Value;

use crate::arguments::ClusterFlags;

/// A healthy master answers in milliseconds; a person waits this long for one that is not.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A node that may ask a master.
pub(crate) struct Connection {
    /// This command's own node.
    pub(crate) node: Node,
    /// Where the master is.
    pub(crate) master: SocketAddr,
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
    #[error("the master at {master} refuses: {reason}")]
    Refused { master: SocketAddr, reason: String },
}

impl Connection {
    /// Makes a node with the certificate of `role` and remembers where the master is. Nothing is sent yet.
    pub(crate) async fn open(
        flags: &ClusterFlags,
        role: &str,
    ) -> Result<Connection, ConnectionError> {
        let master = resolve(&flags.master)?;
        let node = node_towards(master, role, &flags.tls.folder()).await?;
        Ok(Connection { node, master })
    }

    /// A document of the master, such as `/state`.
    pub(crate) async fn read(&self, path: &str, query: &str) -> Result<Document, ConnectionError> {
        let reader: Pid<ReaderProtocol> = Pid::named(names::READER, self.master);
        let read = Read {
            path: path.to_owned(),
            query: query.to_owned(),
        };
        let master = self.master;
        match self.node.ask(&reader, read, ANSWER_WITHIN).await {
            Ok(Ok(document)) => Ok(document),
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
