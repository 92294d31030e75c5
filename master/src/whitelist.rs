//! Hosts that may be offered: `--whitelist` (Mesos' `docs/configuration/master.md`).
//!
//! A file with one host name a line; other agents register, but nothing of them is offered. It is
//! read again from time to time, so that hosts come and go without a restart. An empty file is an
//! empty list: nobody is offered.
//!
//! ```text
//!  file ──every 5 s──▶ watcher ── Whitelist ──▶ inbox ──▶ master ── UpdateWhitelist ──▶ allocator
//! ```
//!
//! A file that cannot be read or understood is an error when the master starts. Later, the list of
//! before stays: half a cluster must not vanish while somebody edits the file.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libprocess::prelude::*;

use crate::inbox::{InboxProtocol, Whitelist};

/// How often the file is looked at, as in Mesos.
const WHITELIST_WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// The longest file: a few times the names of the hundred thousand agents that a registry holds.
const MAX_BYTES: u64 = 16 << 20;

/// The longest name of a host (RFC 1123).
const MAX_HOSTNAME: usize = 255;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum WhitelistError {
    /// The file is not there, or not for us to read.
    #[error("--whitelist: cannot read {path}: {reason}; name a file with one host name a line")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file is far longer than a list of hosts.
    #[error("--whitelist: {path} is longer than {MAX_BYTES} bytes")]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// A line is no host name.
    #[error(
        "--whitelist: {path}, line {line}: {text:?} is no host name; write one a line, such as node-1.example.com"
    )]
    NoHostname {
        /// Which file.
        path: PathBuf,
        /// Where in it, from 1 on.
        line: usize,
        /// What stands there, or the beginning of it.
        text: String,
    },
}

/// Reads the names in the file.
pub(crate) fn read(path: &Path) -> Result<BTreeSet<String>, WhitelistError> {
    let unreadable = |reason| WhitelistError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut bounded = file.take(MAX_BYTES + 1);
    bounded.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(WhitelistError::TooLong {
            path: path.to_owned(),
        });
    }
    parse(&String::from_utf8_lossy(&bytes)).map_err(|(line, text)| WhitelistError::NoHostname {
        path: path.to_owned(),
        line,
        text: text.chars().take(MAX_HOSTNAME).collect(),
    })
}

/// The names, or the first line that is none.
fn parse(text: &str) -> Result<BTreeSet<String>, (usize, &str)> {
    let lines = text.lines().map(str::trim).enumerate();
    let names = lines.filter(|(_, name)| !name.is_empty());
    names
        .map(|(at, name)| match is_hostname(name) {
            true => Ok(name.to_owned()),
            false => Err((at + 1, name)),
        })
        .collect()
}

/// Agents may call themselves by a name or an address, also of IPv6.
fn is_hostname(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    name.len() <= MAX_HOSTNAME && name.bytes().all(allowed)
}

protocol! {
    /// Nobody has anything to say to the one that watches the file.
    pub(crate) local WatcherProtocol = "mesos.master.whitelist" {}
}

/// Looks at the file until its master ends.
pub(crate) struct WhitelistWatcher {
    path: PathBuf,
    /// What the master knows.
    last: BTreeSet<String>,
    inbox: Pid<InboxProtocol>,
}

impl WhitelistWatcher {
    /// Tells `inbox` whenever the file says something else than `last`. Spawned with a thread of
    /// its own, as it reads files.
    pub(crate) fn new(
        path: PathBuf,
        last: BTreeSet<String>,
        inbox: Pid<InboxProtocol>,
    ) -> WhitelistWatcher {
        WhitelistWatcher { path, last, inbox }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        match read(&self.path) {
            Ok(names) if names != self.last => {
                tracing::info!(hosts = names.len(), "the whitelist has changed");
                self.last.clone_from(&names);
                ctx.tell(&self.inbox, Whitelist(names));
            }
            Ok(_) => {}
            Err(error) => tracing::error!("{error}; the list of before stays"),
        }
    }
}

impl Actor for WhitelistWatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.monitor(&self.inbox);
        ctx.run_interval(WHITELIST_WATCH_INTERVAL, WhitelistWatcher::look);
    }
}

impl Process for WhitelistWatcher {
    type Protocol = WatcherProtocol;
}

impl Handler<Exited> for WhitelistWatcher {
    type Result = ();

    fn handle(&mut self, _: Exited, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> BTreeSet<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_line_is_a_host() {
        assert_eq!(
            parse("a\n\n b.example.com \r\n10.0.0.1\n::1"),
            Ok(names("a b.example.com 10.0.0.1 ::1"))
        );
        assert_eq!(parse(""), Ok(BTreeSet::new()));
        assert_eq!(parse("a\nb c\n"), Err((2, "b c")));
        assert_eq!(parse("# hosts"), Err((1, "# hosts")));
        let long = "a".repeat(MAX_HOSTNAME + 1);
        assert_eq!(parse(&long), Err((1, &*long)));
    }

    #[test]
    fn errors_name_the_flag_and_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hosts");
        let error = |path: &Path| read(path).expect_err("no list").to_string();
        assert!(error(&path).starts_with("--whitelist: cannot read "));
        std::fs::write(&path, "a b\n").expect("a file");
        assert!(error(&path).contains("line 1: \"a b\" is no host name"));
        let file = std::fs::File::create(&path).expect("a file");
        file.set_len(MAX_BYTES + 1).expect("a long file");
        assert!(error(&path).ends_with("is longer than 16777216 bytes"));
    }
}
