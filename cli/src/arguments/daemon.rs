//! What every daemon takes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use frameworks::connect::tls_dir;

/// Where the daemon listens, for actors (QUIC) and for HTTP alike.
#[derive(Debug, Args)]
pub(crate) struct NodeFlags {
    /// Address to listen on and to be known by
    #[arg(long, env = "MESOS_IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) ip: IpAddr,

    /// Name to be shown as; the address if unset
    #[arg(long, env = "MESOS_HOSTNAME")]
    pub(crate) hostname: Option<String>,
}

impl NodeFlags {
    pub(crate) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, port)
    }
}

/// Where certificates come from.
#[derive(Debug, Args)]
pub(crate) struct TlsFlags {
    /// Folder of the authority that masters, agents and commands share; made on first use under the user's state folder
    #[arg(long = "tls_dir", env = "MESOS_TLS_DIR")]
    pub(crate) tls_dir: Option<PathBuf>,
}

impl TlsFlags {
    /// The folder: as said, or the one that all daemons and commands of this user share.
    pub(crate) fn folder(&self) -> PathBuf {
        self.tls_dir.clone().unwrap_or_else(tls_dir)
    }
}

/// The HTTP door.
#[derive(Debug, Args)]
pub(crate) struct HttpFlags {
    /// Do not serve HTTP: actors only
    #[arg(long = "no-http", env = "MESOS_NO_HTTP")]
    pub(crate) no_http: bool,
}

/// How much is logged, and where.
#[derive(Debug, Args)]
pub(crate) struct LogFlags {
    /// Least severity of log lines on standard error: INFO, WARNING or ERROR
    #[arg(
        long = "logging_level",
        env = "MESOS_LOGGING_LEVEL",
        default_value = "INFO"
    )]
    pub(crate) logging_level: String,

    /// Form of log lines: for people, or one JSON object a line
    #[arg(
        long = "logging_format",
        env = "MESOS_LOGGING_FORMAT",
        default_value = "text"
    )]
    pub(crate) logging_format: LogFormat,

    /// Log errors only
    #[arg(long, env = "MESOS_QUIET")]
    pub(crate) quiet: bool,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}
