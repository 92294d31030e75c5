//! Machines on one network, as namespaces of this machine: each with its own address, and a cable that can be pulled.
//!
//! Nothing of it is left behind, however a test ends: a namespace lasts as long as a process in it, or a file that is it.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

/// The network that all machines are in; addresses of tests never leave it.
const PREFIX: [u8; 3] = [10, 77, 0];

/// A switch, in a namespace of its own, and how to get there.
///
/// The thread that makes it lives in that namespace from then on, and so does whatever it starts.
pub(super) struct Network {
    namespace: File,
    machines: u8,
}

/// A machine that is connected to the network.
pub(super) struct Machine {
    namespace: File,
    home: File,
    /// Its address.
    pub(super) address: Ipv4Addr,
    port: String,
}

impl Network {
    /// Enters a new network, and new mounts, both of which end with the caller.
    #[track_caller]
    pub(super) fn enter() -> Network {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
            .expect("namespaces of one's own: run this test as root");
        // What is mounted here is nobody else's business.
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("private mounts");
        let network = Network {
            namespace: own_namespace(),
            machines: 0,
        };
        ip("link set lo up");
        ip("link add switch type bridge");
        ip(&format!("address add {}/24 dev switch", network.address()));
        ip("link set switch up");
        network
    }

    /// Where this end of the network is reached from the machines.
    pub(super) fn address(&self) -> Ipv4Addr {
        address_of(1)
    }

    /// One machine more.
    #[track_caller]
    pub(super) fn machine(&mut self) -> Machine {
        self.machines += 1;
        // A thread that enters it and ends: the file keeps it.
        let namespace = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("a namespace");
            own_namespace()
        });
        let machine = Machine {
            namespace: namespace.join().expect("a namespace"),
            home: self.namespace.try_clone().expect("a second handle"),
            address: address_of(self.machines + 1),
            port: format!("port{}", self.machines),
        };
        let port = &machine.port;
        let namespace = format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            machine.namespace.as_raw_fd()
        );
        ip(&format!(
            "link add {port} type veth peer name eth0 netns {namespace}"
        ));
        ip(&format!("link set {port} master switch up"));
        machine.within(|| {
            ip("link set lo up");
            ip(&format!("address add {}/24 dev eth0", machine.address));
            ip("link set eth0 up");
        });
        machine
    }
}

impl Machine {
    /// Does something on this machine; what is started there stays there.
    pub(super) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        setns(&self.namespace, CloneFlags::CLONE_NEWNET).expect("the machine");
        let done = act();
        setns(&self.home, CloneFlags::CLONE_NEWNET).expect("the way back");
        done
    }

    /// Pulls its cable, or puts it back.
    pub(super) fn cut_off(&self, cut: bool) {
        let state = if cut { "down" } else { "up" };
        ip(&format!("link set {} {state}", self.port));
    }

    /// Lets nothing that this machine sends arrive at `other`, or lets it again. What that one sends arrives here.
    pub(super) fn mute(&self, other: Ipv4Addr, muted: bool) {
        let change = if muted { "add" } else { "del" };
        self.within(|| ip(&format!("route {change} blackhole {other}")));
    }
}

/// A file system of so many bytes at `folder`, in memory.
#[track_caller]
pub(super) fn small_disk(folder: &Path, bytes: u64) {
    std::fs::create_dir_all(folder).expect("a folder for a disk");
    let size = format!("size={bytes}");
    let flags = MsFlags::empty();
    mount(Some("disk"), folder, Some("tmpfs"), flags, Some(&*size)).expect("a disk in memory");
}

fn address_of(number: u8) -> Ipv4Addr {
    let [a, b, c] = PREFIX;
    Ipv4Addr::new(a, b, c, number)
}

fn own_namespace() -> File {
    File::open("/proc/thread-self/ns/net").expect("a namespace")
}

#[track_caller]
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.expect("ip: install the package iproute2, as tests/run does");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {error}");
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use crate::eventually;

    fn reaches(listener: &TcpListener) -> bool {
        let address = listener.local_addr().expect("an address");
        TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
    }

    #[test]
    fn machines_reach_one_another_until_a_cable_is_pulled_or_one_is_muted() {
        let mut network = Network::enter();
        let (one, two) = (network.machine(), network.machine());
        let listen = |machine: &Machine| {
            machine.within(|| TcpListener::bind((machine.address, 0)).expect("a port"))
        };
        let (at_one, at_two) = (listen(&one), listen(&two));
        assert!(one.within(|| reaches(&at_two)) && two.within(|| reaches(&at_one)));
        assert!(reaches(&at_one));

        two.cut_off(true);
        assert!(!one.within(|| reaches(&at_two)) && reaches(&at_one));
        two.cut_off(false);
        let soon = Duration::from_secs(30);
        eventually("the cable is in again", soon, || {
            one.within(|| reaches(&at_two)).then_some(())
        });

        one.mute(two.address, true);
        assert!(!one.within(|| reaches(&at_two)) && reaches(&at_two));
        one.mute(two.address, false);
        assert!(one.within(|| reaches(&at_two)));
    }

    #[test]
    fn a_small_disk_is_soon_full() {
        let _network = Network::enter();
        let folder = tempfile::tempdir().expect("a folder");
        small_disk(folder.path(), 1 << 20);
        let mut file = File::create(folder.path().join("file")).expect("a file");
        let full = file.write_all(&vec![0; 2 << 20]).expect_err("a full disk");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }
}
