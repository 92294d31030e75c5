//! The way to the ensemble, made anew when it breaks.

use std::time::Duration;

use mesos::election::zookeeper::ZooKeeper;
use tokio::time::sleep;
use zookeeper_client::{Client, CreateMode, CreateOptions, Error};

use crate::registrar::storage::StorageError;

/// The wait between two attempts to connect. Whoever stores or reads has a time limit for all of it.
const RETRY_EVERY: Duration = Duration::from_millis(200);

pub(super) struct Connection {
    ensemble: ZooKeeper,
    client: Option<Client>,
}

impl Connection {
    pub(super) fn new(ensemble: ZooKeeper) -> Connection {
        Connection {
            ensemble,
            client: None,
        }
    }

    /// A client whose session is not over; tries until there is one.
    ///
    /// # Errors
    /// The ensemble does not let us in.
    pub(super) async fn client(&mut self) -> Result<Client, StorageError> {
        loop {
            if let Some(client) = &self.client
                && !client.state().is_terminated()
            {
                return Ok(client.clone());
            }
            match self.ensemble.client().await {
                Ok(client) => self.client = Some(client),
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "no way to the registry; trying again");
                    sleep(RETRY_EVERY).await;
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// Lets the next call make a new session: what was under way in the old one is not waited for.
    pub(super) async fn renew(&mut self) {
        self.client = None;
        sleep(RETRY_EVERY).await;
    }

    /// Makes a folder and those above it, if they are not there.
    pub(super) async fn make_folder(&mut self, path: &str) -> Result<(), StorageError> {
        loop {
            let made = match self.client().await?.mkdir(path, &self.persistent()).await {
                Err(Error::NoNode) => self.ensemble.make_path().await,
                Err(error) if is_passing(&error) => {
                    self.renew().await;
                    continue;
                }
                made => return made.map_err(|error| self.failed(&error)),
            };
            match made {
                Err(error) if !is_passing(&error) => return Err(self.failed(&error)),
                _ => {}
            }
        }
    }

    /// How nodes are made that stay.
    pub(super) fn persistent(&self) -> CreateOptions<'static> {
        CreateMode::Persistent.with_acls(self.ensemble.acls())
    }

    pub(super) fn failed(&self, error: &Error) -> StorageError {
        StorageError::ZooKeeper {
            place: self.place(),
            problem: match error {
                Error::NoAuth | Error::AuthFailed => {
                    format!("{error}; check user and password in --zk")
                }
                error => error.to_string(),
            },
        }
    }

    /// What is wrong with a node.
    pub(super) fn damaged(&self, node: &str, what: impl Into<String>) -> StorageError {
        StorageError::Damaged {
            path: format!("{}{node}", self.place()).into(),
            line: 1,
            what: what.into(),
        }
    }

    pub(super) fn place(&self) -> String {
        self.ensemble.url().to_string()
    }
}

/// Whether the same may succeed a moment later.
pub(super) fn is_passing(error: &Error) -> bool {
    !matches!(
        error,
        Error::NoAuth
            | Error::AuthFailed
            | Error::InvalidAcl
            | Error::BadArguments(_)
            | Error::NoNode
            | Error::NodeExists
            | Error::BadVersion
            | Error::NotEmpty
            | Error::QuotaExceeded
    )
}
