//! The allocator without a master: scenarios that read like a log, and laws that hold for any
//! sequence of events.

mod laws;
mod process;
mod scale;
mod scenario;
mod scenarios;

use mesos::resources::Resources;
use mesos::v1::{AgentId, FrameworkId};

fn agent_id(name: &str) -> AgentId {
    AgentId {
        value: name.to_owned(),
    }
}

fn framework_id(name: &str) -> FrameworkId {
    FrameworkId {
        value: name.to_owned(),
    }
}

#[track_caller]
fn resources(text: &str) -> Resources {
    Resources::parse(text, "*").unwrap_or_else(|error| panic!("{text}: {error}"))
}
