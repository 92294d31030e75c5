//! Tests of whole clusters: the harness that starts the built binary as a person would, third-party clients, and
//! simulated scenarios.
//!
//! Start at [`Cluster`] for real processes, at [`sim`] for simulated ones. What a single crate can test alone is beside that crate's code.

mod browser;
mod cluster;
mod events;
mod framework;
mod http;
mod onlooker;
mod program;
mod replicated;
pub mod siege;
pub mod sim;
mod third_party;
mod wait;
mod zookeeper;

pub use browser::Browser;
pub use cluster::{Cluster, Daemon};
pub use events::OperatorEvents;
pub use framework::Framework;
pub use http::{Answer, get, get_json, post};
pub use onlooker::{Onlooker, Seen};
pub use program::{Output, Running, example_binary, mesos, mesos_binary, run_for};
pub use replicated::{Replicated, RunningTask};
pub use third_party::{node_path, python_with_pymesos, third_party_folder};
pub use wait::{eventually, free_port, pause};
pub use zookeeper::ZooKeeper;
