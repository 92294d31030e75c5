//! `zk://user:password@host1:port1,host2:port2/path`: where the masters of a cluster meet.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::flags::{self, ValueError};

/// ZooKeeper's port for clients.
const DEFAULT_PORT: u16 = 2181;

/// What people may write.
const EXAMPLE: &str = "zk://h1:2181,h2:2181,h3:2181/mesos";

/// An ensemble, a path below which a cluster keeps its nodes, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct ZkUrl {
    /// User and password (digest authentication).
    pub(crate) credentials: Option<(String, String)>,
    /// `host:port,host:port`, as clients of ZooKeeper want it.
    pub(crate) servers: String,
    /// Absolute, without a slash at its end; not the root.
    pub(crate) path: String,
}

/// Why a ZooKeeper URL is refused. The texts hold no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZkUrlError {
    /// It is no such URL.
    #[error("the address of ZooKeeper begins with zk://, as in {EXAMPLE}")]
    Scheme,
    /// No server is named.
    #[error("it names no ZooKeeper server; write {EXAMPLE}")]
    NoServers,
    /// A server is none.
    #[error("'{0}' is no ZooKeeper server; write HOST:PORT, as in {EXAMPLE}")]
    Server(String),
    /// What is before the `@` is no user with a password.
    #[error("before the '@' stand user and password, as in zk://USER:PASSWORD@h1:2181/mesos")]
    Credentials,
    /// The path cannot be used.
    #[error(
        "'{0}' is no path for masters to meet at; write one below the root, without empty segments, as in {EXAMPLE}"
    )]
    Path(String),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] ValueError),
}

impl ZkUrl {
    /// Whether it looks like one.
    pub fn is_meant(text: &str) -> bool {
        text.trim().starts_with("zk:")
    }

    /// Whether all servers are on this machine. Looks names up, which may block.
    pub fn is_local(&self) -> bool {
        let local = |server: &str| {
            let found = server.to_socket_addrs();
            found.is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
        };
        self.servers.split(',').all(local)
    }

    /// Where one of the servers is, the first that can be found. Looks names up, which may block.
    pub fn server(&self) -> Option<SocketAddr> {
        let mut servers = self.servers.split(',');
        servers.find_map(|server| server.to_socket_addrs().ok()?.next())
    }

    /// `/path` below which the cluster keeps its nodes.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for ZkUrl {
    type Err = ZkUrlError;

    fn from_str(text: &str) -> Result<ZkUrl, ZkUrlError> {
        let text = flags::text_or_file(text.trim())?;
        let rest = text
            .trim()
            .strip_prefix("zk://")
            .ok_or(ZkUrlError::Scheme)?;
        // A password may hold anything but a slash.
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (credentials, servers) = match authority.rsplit_once('@') {
            Some((credentials, servers)) => (Some(who(credentials)?), servers),
            None => (None, authority),
        };
        if servers.is_empty() {
            return Err(ZkUrlError::NoServers);
        }
        let servers: Vec<String> = servers.split(',').map(server).collect::<Result<_, _>>()?;
        Ok(ZkUrl {
            credentials,
            servers: servers.join(","),
            path: directory(path)?,
        })
    }
}

fn who(text: &str) -> Result<(String, String), ZkUrlError> {
    let (user, password) = text.split_once(':').ok_or(ZkUrlError::Credentials)?;
    if user.is_empty() || password.is_empty() {
        return Err(ZkUrlError::Credentials);
    }
    Ok((user.to_owned(), password.to_owned()))
}

fn server(text: &str) -> Result<String, ZkUrlError> {
    let wrong = || ZkUrlError::Server(text.to_owned());
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address in brackets, without a port.
        Some((_, after)) if after.ends_with(']') => (text, None),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let port = match port {
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(wrong)?,
        None => DEFAULT_PORT,
    };
    let strange = |c: char| c.is_whitespace() || c.is_control() || "@/".contains(c);
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let fits = !host.is_empty() && !host.contains(strange) && (bracketed || !host.contains(':'));
    fits.then(|| format!("{host}:{port}")).ok_or_else(wrong)
}

fn directory(path: &str) -> Result<String, ZkUrlError> {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let names = trimmed.split('/').skip(1);
    let is_name = |name: &str| {
        !name.is_empty() && name != "." && name != ".." && !name.contains(|c: char| c.is_control())
    };
    let mut names = names.peekable();
    if names.peek().is_none() || !names.all(is_name) {
        return Err(ZkUrlError::Path(path.to_owned()));
    }
    Ok(trimmed.to_owned())
}

/// Without the password: it goes into logs and documents.
impl fmt::Display for ZkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zk://")?;
        if let Some((user, _)) = &self.credentials {
            write!(f, "{user}:…@")?;
        }
        write!(f, "{}{}", self.servers, self.path)
    }
}

impl fmt::Debug for ZkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, shown) in [
            ("zk://h:2181/mesos", "zk://h:2181/mesos"),
            ("zk://h/mesos/", "zk://h:2181/mesos"),
            (" zk://h1:1,h2,h3:3/a/b ", "zk://h1:1,h2:2181,h3:3/a/b"),
            ("zk://[::1]:7,[::2]/m", "zk://[::1]:7,[::2]:2181/m"),
            ("zk://me:se:cr@et@h/mesos", "zk://me:…@h:2181/mesos"),
        ] {
            let url: ZkUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("cr@et"));
        }
        let url: ZkUrl = "zk://me:se:cr@et@h/mesos".parse().unwrap();
        let expected = ("me".to_owned(), "se:cr@et".to_owned());
        assert_eq!(url.credentials, Some(expected));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expected) in [
            ("h:2181/mesos", "begins with zk://"),
            ("zk:/h/mesos", "begins with zk://"),
            ("zk:///mesos", "no ZooKeeper server"),
            ("zk://u:secret@/mesos", "no ZooKeeper server"),
            ("zk://h:port/mesos", "'h:port' is no ZooKeeper server"),
            ("zk://h:0/mesos", "'h:0' is no ZooKeeper server"),
            ("zk://h,/mesos", "'' is no ZooKeeper server"),
            ("zk://::1/mesos", "'::1' is no ZooKeeper server"),
            ("zk://secret@h/mesos", "user and password"),
            ("zk://:secret@h/mesos", "user and password"),
            ("zk://h", "'' is no path"),
            ("zk://h/", "'/' is no path"),
            ("zk://h/a//b", "'/a//b' is no path"),
            ("zk://h/../b", "'/../b' is no path"),
            ("file:///no/such/file", "/no/such/file"),
        ] {
            let error = text.parse::<ZkUrl>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text} gave: {error}");
            assert!(!error.contains("secret"), "a password is shown: {error}");
        }
    }
}
