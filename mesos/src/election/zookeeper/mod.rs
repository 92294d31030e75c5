//! ZooKeeper, where replicated masters meet, and where they may keep their registry.
//!
//! ```text
//!   /path                          the path of the URL; made by the first master
//!     json.info_0000000007         one master: ephemeral, sequential; its MasterInfo as JSON
//!     json.info_0000000009         another one, which leads when the first is gone
//!     registry/..                  what masters must not forget (the master's crate)
//! ```
//!
//! With credentials in the URL everything belongs to whoever has them, and everybody may read; without,
//! everybody may do everything (Mesos' `docs/high-availability.md`). Other than in Mesos, strangers
//! cannot join the election of masters with credentials.

mod session;
mod url;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use zookeeper_client::{Acl, Acls, Client, Error, Permission};

pub use url::{ZkUrl, ZkUrlError};

use super::group::{Group, GroupError, Session};
use session::ZkSession;

/// Mesos' default of `--zk_session_timeout`.
pub const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// What people may give for `--zk_session_timeout`. Below, the clocks of ordinary ensembles (ticks of 2 s) are too
/// coarse; beyond, a dead leader is missed for longer than anybody would want.
pub const SESSION_TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// Who may do what to nodes that belong to nobody.
const OPEN: &[Acl] = &[Acl::new_const(Permission::ALL, "world", "anyone")];

/// Who may do what to nodes that belong to whoever has the credentials.
const OWNED: &[Acl] = &[
    Acl::new_const(Permission::ALL, "auth", ""),
    Acl::new_const(Permission::READ, "world", "anyone"),
];

/// The masters that meet at a URL.
#[derive(Clone, Debug)]
pub struct ZooKeeper {
    url: ZkUrl,
    timeout: Duration,
}

impl ZooKeeper {
    /// Nothing is connected yet.
    pub fn new(url: ZkUrl, session_timeout: Duration) -> ZooKeeper {
        ZooKeeper {
            url,
            timeout: session_timeout,
        }
    }

    /// A session of the client library below the path of the URL.
    ///
    /// # Errors
    /// No server answers, or none lets us in.
    pub async fn client(&self) -> Result<Client, Error> {
        let connector = Client::connector()
            .with_session_timeout(self.timeout)
            .with_fail_eagerly();
        let client = connector.connect(&self.url.servers).await?;
        if let Some((user, password)) = &self.url.credentials {
            client
                .auth("digest", format!("{user}:{password}").as_bytes())
                .await?;
        }
        let wrong = |_| Error::BadArguments(&"the path of the URL cannot be used");
        client.chroot(self.url.path.clone()).map_err(wrong)
    }

    /// Who may do what to the nodes that are made here.
    pub fn acls(&self) -> Acls<'static> {
        match self.url.credentials {
            Some(_) => Acls::new(OWNED),
            None => Acls::new(OPEN),
        }
    }

    /// Makes the path of the URL, if it is not there.
    ///
    /// # Errors
    /// No server answers, or we may not.
    pub async fn make_path(&self) -> Result<(), Error> {
        // Below itself, the path cannot be made.
        let root = Client::connector()
            .with_session_timeout(self.timeout)
            .with_fail_eagerly();
        let root = root.connect(&self.url.servers).await?;
        if let Some((user, password)) = &self.url.credentials {
            root.auth("digest", format!("{user}:{password}").as_bytes())
                .await?;
        }
        let options = zookeeper_client::CreateMode::Persistent.with_acls(self.acls());
        root.mkdir(&self.url.path, &options).await
    }

    /// Where all this is.
    pub fn url(&self) -> &ZkUrl {
        &self.url
    }

    fn failed(&self, error: Error) -> GroupError {
        let group = self.name();
        let reason = error.to_string();
        match error {
            Error::NoAuth | Error::AuthFailed | Error::InvalidAcl => {
                GroupError::Refused { group, reason }
            }
            Error::SessionExpired | Error::ClientClosed | Error::NoNode => GroupError::Over(group),
            _ => GroupError::Unreachable { group, reason },
        }
    }
}

impl Group for ZooKeeper {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Session>, GroupError>> {
        async move {
            let connecting = tokio::time::timeout(self.timeout, self.client());
            match connecting.await {
                Ok(Ok(client)) => Ok(Box::new(ZkSession::new(self.clone(), client)) as _),
                Ok(Err(error)) => Err(self.failed(error)),
                Err(_) => Err(self.failed(Error::Timeout)),
            }
        }
        .boxed()
    }

    fn name(&self) -> String {
        self.url.to_string()
    }
}
