//! How people say where the master is: the value of `--master`.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use super::zookeeper::{ZkUrl, ZkUrlError};
use crate::flags::{self, ValueError};

/// Mesos' port for masters.
pub const DEFAULT_MASTER_PORT: u16 = 5050;

/// Where one master is: `HOST:PORT`, `HOST`, or `file:///path` to a file that holds one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterAddress {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port, [`DEFAULT_MASTER_PORT`] if none was given.
    pub port: u16,
}

/// The value of `--master`: one master, or where replicated masters meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterFlag {
    /// One master.
    One(MasterAddress),
    /// Whoever leads there.
    Elected(ZkUrl),
}

/// Why the address of a master is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("the master's address is empty; write HOST:PORT, for example 127.0.0.1:5050")]
    Empty,
    /// ZooKeeper, where one master is wanted.
    #[error("this needs the address of one master, as HOST:PORT, and no zk:// address")]
    Replicated,
    /// An address of ZooKeeper that is none.
    #[error(transparent)]
    ZooKeeper(#[from] ZkUrlError),
    /// None of the known forms.
    #[error("'{0}' is no master; write HOST:PORT, for example 127.0.0.1:5050, or zk://HOSTS/PATH")]
    Malformed(String),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] ValueError),
    /// The name has no address.
    #[error("cannot find the address of master '{host}': {problem}")]
    Unresolvable {
        /// The name.
        host: String,
        /// What the resolver said.
        problem: String,
    },
}

impl MasterAddress {
    /// Looks the name up; IPv4 is preferred. Blocks as the system's resolver does: for start-up.
    ///
    /// # Errors
    /// [`AddressError::Unresolvable`].
    pub fn resolve(&self) -> Result<SocketAddr, AddressError> {
        let unresolvable = |problem: String| AddressError::Unresolvable {
            host: self.host.clone(),
            problem,
        };
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let addresses: Vec<SocketAddr> = found
            .map_err(|error| unresolvable(error.to_string()))?
            .collect();
        let ipv4 = addresses.iter().find(|address| address.is_ipv4());
        let any = ipv4.or(addresses.first()).copied();
        any.ok_or_else(|| unresolvable("it has none".to_string()))
    }
}

impl FromStr for MasterFlag {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<MasterFlag, AddressError> {
        let text = flags::text_or_file(text.trim())?;
        match ZkUrl::is_meant(&text) {
            true => Ok(MasterFlag::Elected(text.parse()?)),
            false => Ok(MasterFlag::One(text.parse()?)),
        }
    }
}

impl FromStr for MasterAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<MasterAddress, AddressError> {
        let text = flags::text_or_file(text.trim())?;
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if ZkUrl::is_meant(text) {
            return Err(AddressError::Replicated);
        }
        // The form in which logs and endpoints show masters.
        let bare = text.strip_prefix("master@").unwrap_or(text);
        split(bare).ok_or_else(|| AddressError::Malformed(text.to_string()))
    }
}

fn split(text: &str) -> Option<MasterAddress> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (
                host,
                if after.is_empty() {
                    None
                } else {
                    Some(after.strip_prefix(':')?)
                },
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => DEFAULT_MASTER_PORT,
    };
    let strange = |c: char| c.is_whitespace() || c.is_control() || "/@[]".contains(c);
    let valid = !host.is_empty() && !host.contains(strange);
    valid.then(|| MasterAddress {
        host: host.to_string(),
        port,
    })
}

impl fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn reads_the_forms_people_write() {
        let table = [
            ("127.0.0.1:5050", "127.0.0.1:5050"),
            ("master@10.0.0.1:5051", "10.0.0.1:5051"),
            (" localhost ", "localhost:5050"),
            ("[::1]:6000", "[::1]:6000"),
            ("[::1]", "[::1]:5050"),
        ];
        for (text, printed) in table {
            assert_eq!(text.parse::<MasterAddress>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn reads_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "10.0.0.7:5050").unwrap();
        let address: MasterAddress = format!("file://{}", file.path().display()).parse().unwrap();
        assert_eq!(address.to_string(), "10.0.0.7:5050");
    }

    #[test]
    fn knows_one_master_from_many() {
        let one: MasterFlag = "10.0.0.1:5050".parse().unwrap();
        assert!(matches!(one, MasterFlag::One(_)), "{one:?}");
        let many: MasterFlag = "zk://h1,h2/mesos".parse().unwrap();
        assert!(matches!(many, MasterFlag::Elected(_)), "{many:?}");
        let error = "zk://h1,h2".parse::<MasterFlag>().unwrap_err();
        assert!(error.to_string().contains("no path"), "{error}");
    }

    #[test]
    fn says_what_is_wrong() {
        let table = [
            ("", "is empty"),
            ("zk://a:b@h1:2181,h2:2181/mesos", "one master, as HOST:PORT"),
            ("host:port", "is no master"),
            ("host:", "is no master"),
            ("host:0", "is no master"),
            ("host:99999", "is no master"),
            ("http://host:5050", "is no master"),
            ("[::1", "is no master"),
            ("::1", "is no master"),
            ("file:///no/such/file", "/no/such/file"),
        ];
        for (text, expected) in table {
            let error = text.parse::<MasterAddress>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text} gave: {error}");
            assert!(!error.contains("a:b@"), "a password is shown");
        }
    }
}
