//! What actors cost, beside what the runtime is made of and what people would use instead.

mod adder;
mod bare_quinn;
mod connections;
mod host;
mod local;
mod remote;
mod restart;
mod victim;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::child::Role;
use crate::measure::Contest;

/// What is sent: 100 bytes.
#[derive(Clone, Serialize, Deserialize)]
struct Note(Bytes);

const SIZE: usize = 100;

impl Note {
    fn new() -> Self {
        Note(Bytes::from_static(&[7; SIZE]))
    }
}

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = local::contests();
    contests.extend(remote::contests());
    contests.push(victim::contest());
    contests.push(connections::contest());
    contests.extend(restart::contests());
    contests
}

/// The processes that benchmarks start.
pub(crate) fn roles() -> Vec<Role> {
    let mut roles = vec![local::IDLE, host::ROLE, connections::QUINN];
    roles.extend(remote::ROLES);
    roles
}

/// What every contestant runs on, where it has no reason for another.
fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// The thread that drives it, and no other.
fn single() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
