//! Reading the whole of a large cluster over HTTP, and what that costs those who do not read.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use libprocess::observe::Readiness;
use master::http::{HttpOptions, HttpServer};
use master::reader::Library;

use super::course::EVERY;
use super::scheduler::Work;
use super::tally::Tally;
use super::world::{Size, World};
use crate::child::{self, Child, Role};

const SIZE: Size = Size {
    agents: 20_000,
    tasks: 10,
    frameworks: 100,
    ended: 0,
};

/// Requests, of which the median counts.
const REQUESTS: usize = 5;

/// How many read in a loop.
const POLLERS: usize = 20;

/// Updates whose way is measured: those of ten seconds.
const UPDATES: usize = (10_000 / EVERY.as_millis()) as usize;

/// A master that is read over HTTP.
struct Site {
    world: World,
    address: SocketAddr,
}

impl Site {
    fn new() -> Site {
        // Frameworks keep what they are offered.
        let world = World::new(SIZE, Work::new(0, 0), Tally::new(&[]));
        world.all_come_back();
        let options = HttpOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            credentials: None,
            readiness: Readiness::new(),
        };
        let library = Library::new(&world.node, world.master.view.clone());
        let server = world.runtime.block_on(async {
            HttpServer::start(options, &world.node, world.master.pid.clone(), library)
        });
        let address = server.expect("a server").address();
        Site { world, address }
    }

    /// The slowest hundredth of updates, in microseconds.
    fn slowest(&self) -> f64 {
        let course = self.world.course.measure(UPDATES);
        let mut took = self.world.runtime.block_on(course);
        took.sort();
        took[took.len() * 99 / 100].as_secs_f64() * 1e6
    }
}

/// Milliseconds until the last byte of `/state` has arrived.
pub(super) fn one_reader() -> f64 {
    let site = Site::new();
    let mut times: Vec<Duration> = (0..REQUESTS)
        .map(|_| {
            let start = Instant::now();
            let bytes = get(site.address);
            let took = start.elapsed();
            // Every task has more than a hundred.
            assert!(bytes > 100 * (SIZE.agents * SIZE.tasks) as usize, "{bytes}");
            took
        })
        .collect();
    site.world.end();
    times.sort();
    times[REQUESTS / 2].as_secs_f64() * 1e3
}

/// Microseconds that the slowest hundredth of status updates take from their agent to their framework.
pub(super) fn updates_alone() -> f64 {
    let site = Site::new();
    let slowest = site.slowest();
    site.world.end();
    slowest
}

/// The same while others read.
pub(super) fn updates_beside_readers() -> f64 {
    let site = Site::new();
    // They stand for other machines: of this one they get what is left over.
    let address = site.address.to_string();
    let mut readers = Child::start_by(&["chrt", "--idle", "0"], READERS.0, &[&address]);
    // They say so when each has read it once.
    readers.line();
    let slowest = site.slowest();
    drop(readers);
    site.world.end();
    slowest
}

/// The hidden command of the process with those who read in a loop.
pub(crate) const READERS: Role = ("state-readers", read);

fn read(arguments: &[String]) {
    let address: SocketAddr = arguments[0].parse().expect("an address");
    let (once, all) = std::sync::mpsc::channel();
    for _ in 0..POLLERS {
        let once = once.clone();
        std::thread::spawn(move || {
            loop {
                get(address);
                // Nobody counts them any more.
                let _ = once.send(());
            }
        });
    }
    (0..POLLERS).for_each(|_| all.recv().expect("a reader"));
    println!("all have read");
    loop {
        child::hear();
    }
}

/// How many bytes come.
fn get(address: SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET /state HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return bytes,
            Ok(count) => {
                if bytes == 0 {
                    assert!(buffer.starts_with(b"HTTP/1.1 200"), "it is refused");
                }
                bytes += count;
            }
            // The server has ended.
            Err(_) => return bytes,
        }
    }
}
