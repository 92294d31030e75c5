//! The registrar with its storages.

mod disk;
mod golden;
mod laws;
mod operations;
mod process;

use mesos::v1::{
    AgentId, AgentInfo, DrainConfig, FrameworkId, FrameworkInfo, TimeInfo, Unavailability,
};
use mesos::wire::Pb;

use super::{FrameworkRecord, MachineKey, Operation, Storage, StorageError, Writer};

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
        extended: false,
    }
}

fn admit(name: &str) -> Operation {
    Operation::AdmitAgent {
        id: agent_id(name),
        info: agent_info("host"),
    }
}

fn drain(name: &str, since: i64) -> Operation {
    Operation::DrainAgent {
        id: agent_id(name),
        config: Pb(DrainConfig::default()),
        since: at(since),
    }
}

fn machine(hostname: &str) -> MachineKey {
    MachineKey {
        hostname: hostname.to_owned(),
        ip: String::new(),
    }
}

/// Machines with their windows, and when those begin.
fn schedule(machines: &[(&str, u32, i64)]) -> Operation {
    let machines = machines.iter().map(|(name, window, start)| {
        let unavailability = Unavailability {
            start: at(*start),
            duration: None,
        };
        (machine(name), (*window, unavailability))
    });
    Operation::UpdateSchedule {
        machines: machines.collect(),
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
