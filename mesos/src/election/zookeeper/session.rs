//! One session with an ensemble.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use zookeeper_client::{Client, CreateMode, Error};

use super::ZooKeeper;
use crate::election::group::{GroupError, Look, Membership, Session};

/// How masters' nodes begin; ZooKeeper appends a number of ten digits. Mesos' name.
const PREFIX: &str = "json.info_";

/// The node below which masters are, as the client sees it.
const ROOT: &str = "/";

pub(super) struct ZkSession {
    ensemble: ZooKeeper,
    client: Client,
}

impl ZkSession {
    pub(super) fn new(ensemble: ZooKeeper, client: Client) -> ZkSession {
        ZkSession { ensemble, client }
    }

    fn failed(&self, error: Error) -> GroupError {
        self.ensemble.failed(error)
    }

    async fn make_node(&self, data: &[u8]) -> Result<Membership, Error> {
        let options = CreateMode::EphemeralSequential.with_acls(self.ensemble.acls());
        let prefix = format!("/{PREFIX}");
        let made = match self.client.create(&prefix, data, &options).await {
            Err(Error::NoNode) => {
                self.ensemble.make_path().await?;
                self.client.create(&prefix, data, &options).await?
            }
            made => made?,
        };
        let (_, sequence) = made;
        Ok(Membership {
            sequence: sequence.into_i64(),
            node: format!("{prefix}{sequence}").into(),
        })
    }

    async fn look_now(&self) -> Result<Look, Error> {
        loop {
            let (names, changed) = match self.client.list_and_watch_children(ROOT).await {
                Ok(listed) => listed,
                Err(Error::NoNode) => match self.client.check_and_watch_stat(ROOT).await? {
                    (None, made) => {
                        return Ok(Look {
                            first: None,
                            changed: made.changed().map(drop).boxed(),
                        });
                    }
                    // It was made just now.
                    (Some(_), _) => continue,
                },
                Err(error) => return Err(error),
            };
            let members = names
                .iter()
                .filter_map(|name| Some((sequence(name)?, name)));
            let first = match members.min() {
                Some((sequence, name)) => {
                    match self.client.get_data(&format!("/{name}")).await {
                        Ok((data, _)) => Some((sequence, data)),
                        // It has gone just now.
                        Err(Error::NoNode) => continue,
                        Err(error) => return Err(error),
                    }
                }
                None => None,
            };
            let changed = changed.changed().map(drop).boxed();
            return Ok(Look { first, changed });
        }
    }
}

/// The number of a master's node; none of what else there may be.
fn sequence(name: &str) -> Option<i64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

impl Session for ZkSession {
    fn timeout(&self) -> Duration {
        // Servers have bounds of their own.
        self.client.session_timeout()
    }

    fn join(&self, data: Vec<u8>) -> BoxFuture<'_, Result<Membership, GroupError>> {
        async move {
            self.make_node(&data)
                .await
                .map_err(|error| self.failed(error))
        }
        .boxed()
    }

    fn confirm<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<(), GroupError>> {
        async move {
            // A transaction that changes nothing: other than a read it needs a majority of the ensemble, and
            // nobody who watches the node hears of it.
            let mut transaction = self.client.new_multi_writer();
            let checked = transaction.add_check_version(&member.node, -1);
            checked.map_err(|error| self.failed(error))?;
            let done = transaction.commit().await;
            done.map(drop).map_err(|error| self.failed(error.into()))
        }
        .boxed()
    }

    fn leave<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<(), GroupError>> {
        async move {
            let left = self.client.delete(&member.node, None).await;
            left.map_err(|error| self.failed(error))
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Result<Look, GroupError>> {
        async move { self.look_now().await.map_err(|error| self.failed(error)) }.boxed()
    }

    fn ended(&self) -> BoxFuture<'static, ()> {
        let mut states = self.client.state_watcher();
        async move {
            while !states.state().is_terminated() {
                states.changed().await;
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nodes_of_masters_count() {
        for (name, expected) in [
            ("json.info_0000000007", Some(7)),
            ("info_0000000007", None),
            ("log_replicas", None),
            ("json.info_", None),
        ] {
            assert_eq!(sequence(name), expected, "{name}");
        }
    }
}
