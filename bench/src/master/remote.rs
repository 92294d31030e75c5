//! Agents that come back to a new leader over the network: each a node with a socket of its own in this process, the
//! master in another.

use std::path::Path;
use std::time::{Duration, Instant};

use libprocess::prelude::*;
use libprocess::tls::{Authority, Identity};
use master::Master;
use master::config::{Config, RegistryKind};
use mesos::protocols::{MasterProtocol, names, roles};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::agent::{Again, Agent, Crowd};
use super::course::Course;
use super::tally::Tally;
use super::world::{Size, registry};
use crate::child::{self, Child, Role};
use crate::samples;

const AGENTS: u32 = 10_000;

/// As in the failovers within one process.
const TASKS: u32 = 10;

/// They stay away: their tasks are known all the same.
const FRAMEWORKS: u32 = 100;

const IDENTITY: &str = "master.pem";

/// As agents have it unless told otherwise (`--registration_backoff_factor`): all of a crowd come within it.
const BACKOFF: Duration = Duration::from_secs(1);

/// What was measured.
#[derive(Clone, Copy)]
pub(super) struct Return {
    /// Milliseconds until the last agent is told that it is known again.
    pub(super) took: f64,
    /// Bytes that the master has more then.
    pub(super) memory: f64,
}

/// Agents that were never connected to this master come back to it.
pub(super) fn all_return() -> Return {
    allow_files();
    let authority = Authority::generate("bench");
    let folder = tempfile::tempdir().expect("a folder");
    let identity = authority.issue(roles::MASTER, "master");
    identity
        .write(&folder.path().join(IDENTITY))
        .expect("a file");
    let path = folder.path().to_str().expect("a path of text");
    let mut leader = Child::start(LEADER.0, &[path]);
    let master: Pid<MasterProtocol> =
        Pid::named(names::MASTER, leader.line().parse().expect("an address"));
    let before = leader.memory();

    let runtime = Runtime::new().expect("a runtime");
    let here = LocalSet::new();
    let go = watch::Sender::new(false);
    let back = std::sync::Arc::new(Tally::new(&[AGENTS as usize]));
    let crowd = Crowd {
        master,
        go: go.subscribe(),
        back: back.clone(),
        acknowledged: std::sync::Arc::new(Tally::new(&[])),
        course: std::sync::Arc::new(Course::new()),
        again: Some(Again::within(BACKOFF)),
    };
    let agent = authority.issue(roles::AGENT, "agent");
    let took = here.block_on(&runtime, async {
        let mut nodes = Vec::new();
        for number in 0..AGENTS {
            let node = Node::bind("127.0.0.1:0").identity(agent.clone()).threads(0);
            let node = node.start().await.expect("a node");
            let owners = [number % FRAMEWORKS, (number + 1) % FRAMEWORKS];
            let crowd = crowd.clone();
            let spawned = node.spawn(names::AGENT, move |ctx| {
                let request = samples::returning(ctx.me(), number, TASKS, owners);
                Agent::new(number, request, crowd)
            });
            spawned.expect("an agent");
            nodes.push(node);
        }
        let start = Instant::now();
        go.send_replace(true);
        back.reached().await[0] - start
    });
    Return {
        took: took.as_secs_f64() * 1e3,
        memory: leader.memory().saturating_sub(before) as f64,
    }
}

/// The process of the master: it is told its folder, and says where it listens once it leads.
pub(crate) const LEADER: Role = ("leader", lead);

fn lead(arguments: &[String]) {
    let [folder] = arguments else {
        panic!("a folder is missing");
    };
    let identity = Identity::read(&Path::new(folder).join(IDENTITY)).expect("an identity");
    let runtime = Runtime::new().expect("a runtime");
    let size = Size {
        agents: AGENTS,
        tasks: TASKS,
        frameworks: FRAMEWORKS,
        ended: 0,
    };
    let _master = runtime.block_on(async {
        let node = Node::bind("127.0.0.1:0").identity(identity);
        let node = node.start().await.expect("a node");
        let config = Config {
            registry: RegistryKind::InMemory,
            ..Config::default()
        };
        let storage = registry(size).await;
        let master = Master::start_with(config, Box::new(storage), &node).await;
        let master = master.expect("a master");
        assert!(master.ready().await, "the master ended");
        println!("{}", node.address());
        (master, node)
    });
    child::tell_memory();
}

/// Each node has a socket.
fn allow_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("a limit as high as allowed");
}
