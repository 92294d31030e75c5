//! The registrar with its storages.

mod disk;
mod laws;
mod operations;
mod process;

use mesos::v1::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, TimeInfo};
use mesos::wire::Pb;

use super::{FrameworkRecord, Operation, Storage, StorageError, Writer};

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

fn agent_info(hostname: &str) -> Pb<AgentInfo> {
    Pb(AgentInfo {
        hostname: hostname.to_owned(),
        ..AgentInfo::default()
    })
}

fn framework(name: &str, failover_deadline: Option<TimeInfo>) -> FrameworkRecord {
    let info = Pb(FrameworkInfo {
        name: name.to_owned(),
        ..FrameworkInfo::default()
    });
    FrameworkRecord {
        info,
        failover_deadline,
    }
}

fn admit(name: &str) -> Operation {
    Operation::AdmitAgent {
        id: agent_id(name),
        info: agent_info("host"),
    }
}

fn at(seconds: i64) -> TimeInfo {
    TimeInfo {
        nanoseconds: seconds * 1_000_000_000,
    }
}

/// What a storage holds, with the right to change it.
async fn open(
    storage: impl Storage + 'static,
) -> Result<(super::Registry, Box<dyn Writer>), StorageError> {
    let (records, writer) = Box::new(storage).open().await?;
    Ok((records.into_iter().collect(), writer))
}
