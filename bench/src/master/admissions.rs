//! New agents let into the registry, all at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use libprocess::prelude::*;
use master::registrar::{
    Apply, DiskStorage, Operation, Recover, RegistrarProcess, RegistrarTimeouts, Storage,
    ZooKeeperStorage,
};
use mesos::wire::Pb;

use super::ensemble::Ensemble;
use crate::samples;

const AGENTS: u32 = 50_000;

const PATIENCE: Duration = Duration::from_secs(300);

/// Milliseconds, on the disk of the folder for temporary files.
pub(super) fn on_disk() -> f64 {
    let folder = tempfile::tempdir().expect("a folder for the registry");
    into(Box::new(DiskStorage::new(folder.path())), AGENTS)
}

/// Milliseconds, on a ZooKeeper of this machine that has one server and syncs its disk.
///
/// # Errors
/// There is none.
pub(super) fn on_zookeeper() -> Result<f64, String> {
    let ensemble = Ensemble::start()?;
    let storage = ZooKeeperStorage::new(ensemble.client(), None);
    Ok(into(Box::new(storage), AGENTS))
}

/// Milliseconds until the last of so many agents is stored.
pub(super) fn into(storage: Box<dyn Storage>, agents: u32) -> f64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let node = Node::local();
        let timeouts = RegistrarTimeouts {
            fetch: PATIENCE,
            store: PATIENCE,
        };
        let registrar = node.process("registrar").own_thread().mailbox(1 << 17);
        let registrar = registrar
            .spawn(move |_| RegistrarProcess::new(storage, timeouts))
            .expect("a registrar");
        let recovered = node.ask(&registrar, Recover, PATIENCE).await;
        let registry = recovered.expect("an answer").expect("a registry");
        assert!(registry.agents.is_empty());
        let operations: Vec<Operation> = (0..agents).map(admission).collect();
        let start = Instant::now();
        let asked = operations
            .into_iter()
            .map(|operation| node.ask(&registrar, Apply(operation), PATIENCE));
        let answers = join_all(asked).await;
        let took = start.elapsed();
        for answer in answers {
            assert!(answer.expect("an answer").expect("an admission"));
        }
        node.shutdown(PATIENCE).await;
        took.as_secs_f64() * 1e3
    })
}

fn admission(number: u32) -> Operation {
    Operation::AdmitAgent {
        id: samples::agent(number),
        info: Pb(samples::agent_info(number)),
    }
}
