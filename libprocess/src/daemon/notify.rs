//! Telling systemd how it goes: datagrams of `NAME=value` lines, see sd_notify(3).

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to whoever started the process, if it wants to know how it goes.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The address is neither a path nor an abstract name.
    #[error("NOTIFY_SOCKET={} is neither an absolute path nor an abstract name (@..)", .0.display())]
    Address(OsString),
    /// Nobody listens there, or we may not.
    #[error("NOTIFY_SOCKET={} cannot be used: {}", .0.display(), .1)]
    Socket(OsString, std::io::Error),
}

impl Notifier {
    /// As `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` say. Without the first, nobody is told anything.
    ///
    /// # Errors
    /// If the socket cannot be used: then the service manager would wait in vain.
    pub fn from_environment() -> Result<Self, NotifyError> {
        let number = |name| -> Option<u64> { env::var(name).ok()?.parse().ok() };
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| meant && *micros > 0);
        match env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) {
            Some(address) => Self::to(&address, watchdog.map(Duration::from_micros)),
            None => Ok(Self::default()),
        }
    }

    /// Tells the socket at `address`: a path, or an abstract name after `@`.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn to(address: &OsStr, watchdog: Option<Duration>) -> Result<Self, NotifyError> {
        let refused = |error| NotifyError::Socket(address.to_owned(), error);
        let at = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(address),
            // Sockets of virtual machines (vsock:) among others.
            _ => return Err(NotifyError::Address(address.to_owned())),
        };
        let socket = UnixDatagram::unbound().map_err(refused)?;
        socket
            .connect_addr(&at.map_err(refused)?)
            .map_err(refused)?;
        // A manager that does not read must not stop us.
        socket.set_nonblocking(true).map_err(refused)?;
        Ok(Self {
            socket: Some(socket),
            watchdog,
        })
    }

    /// How often the manager wants to hear that the process lives.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// It serves.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}\n", one_line(status)));
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=draining\n");
    }

    /// What it does, for people.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}\n", one_line(status)));
    }

    /// It lives.
    pub fn alive(&self) {
        self.send("WATCHDOG=1\n");
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(message.as_bytes())
        {
            tracing::warn!(%error, "the service manager was not told {message:?}");
        }
    }
}

/// A line break would begin another variable.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn tell_everything(notifier: &Notifier) {
        notifier.ready("serving\nREADY=0");
        notifier.status("3 agents");
        notifier.alive();
        notifier.stopping();
    }

    fn everything_is_heard(socket: &UnixDatagram) {
        for message in [
            "READY=1\nSTATUS=serving READY=0\n",
            "STATUS=3 agents\n",
            "WATCHDOG=1\n",
            "STOPPING=1\nSTATUS=draining\n",
        ] {
            assert_eq!(heard(socket), message);
        }
    }

    #[test]
    fn a_socket_with_a_path_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        tell_everything(&Notifier::to(path.as_os_str(), None).unwrap());
        everything_is_heard(&socket);
    }

    #[test]
    fn an_abstract_socket_is_told() {
        let name = format!("libprocess-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        let every = Some(Duration::from_secs(2));
        let notifier = Notifier::to(OsStr::new(&format!("@{name}")), every).unwrap();
        assert_eq!(notifier.watchdog(), every);
        tell_everything(&notifier);
        everything_is_heard(&socket);
    }

    #[test]
    fn what_cannot_be_told_is_an_error_at_the_start() {
        let told = |address: &str| Notifier::to(OsStr::new(address), None);
        assert!(matches!(told("vsock:2:1"), Err(NotifyError::Address(_))));
        assert!(matches!(
            told("/nowhere/at/all"),
            Err(NotifyError::Socket(..))
        ));
    }

    #[test]
    fn a_manager_that_does_not_read_stops_nobody() {
        let name = format!("libprocess-full-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _unread = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = Notifier::to(OsStr::new(&format!("@{name}")), None).unwrap();
        // More than any socket buffers: this returns only if sending does not block.
        for _ in 0..10_000 {
            notifier.alive();
        }
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        tell_everything(&Notifier::default());
    }
}
