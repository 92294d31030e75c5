//! For any sequence of operations, in any batches: what is stored is the value, in memory and on
//! disk, also if the storage is closed and opened in between.

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::registrar::{Change, DiskStorage, MemoryStorage, Registry};

fn operation() -> impl Strategy<Value = Operation> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let deadline = || prop::option::of((0..9i64).prop_map(at));
    prop_oneof![
        name().prop_map(admit),
        (name(), name()).prop_map(|(a, host)| Operation::UpdateAgent {
            id: agent_id(a),
            info: agent_info(host)
        }),
        (name(), 0..9i64).prop_map(|(a, t)| Operation::MarkAgentUnreachable {
            id: agent_id(a),
            since: at(t)
        }),
        (name(), name()).prop_map(|(a, host)| Operation::MarkAgentReachable {
            id: agent_id(a),
            info: agent_info(host)
        }),
        name().prop_map(|a| Operation::Prune {
            unreachable: [agent_id(a)].into(),
            gone: [agent_id("a")].into(),
        }),
        name().prop_map(|a| Operation::RemoveAgent { id: agent_id(a) }),
        (name(), 0..9i64).prop_map(|(a, t)| Operation::MarkAgentGone {
            id: agent_id(a),
            since: at(t)
        }),
        (name(), 0..9i64).prop_map(|(a, t)| drain(a, t)),
        name().prop_map(|a| Operation::MarkAgentDrained { id: agent_id(a) }),
        name().prop_map(|a| Operation::DeactivateAgent { id: agent_id(a) }),
        name().prop_map(|a| Operation::ReactivateAgent { id: agent_id(a) }),
        (name(), name()).prop_map(|(a, b)| schedule(&[(a, 0, 1), (b, 1, 2)])),
        name().prop_map(|m| Operation::StartMaintenance {
            machines: [machine(m)].into()
        }),
        name().prop_map(|m| Operation::StopMaintenance {
            machines: [machine(m)].into()
        }),
        (name(), deadline()).prop_map(|(f, deadline)| Operation::AddFramework {
            id: framework_id(f),
            framework: framework(f, deadline)
        }),
        (name(), deadline()).prop_map(|(f, deadline)| Operation::UpdateFramework {
            id: framework_id(f),
            framework: framework(f, deadline)
        }),
        name().prop_map(|f| Operation::RemoveFramework {
            id: framework_id(f)
        }),
    ]
}

/// Batches of operations.
fn batches() -> impl Strategy<Value = Vec<Vec<Operation>>> {
    prop::collection::vec(prop::collection::vec(operation(), 1..5), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_stored_is_the_value(batches in batches(), reopen_every in 1..5usize) {
        let work_dir = tempfile::tempdir().unwrap();
        let disk = || DiskStorage::new(work_dir.path());
        let memory = MemoryStorage::default();
        let mut registry = Registry::default();
        let (_, mut on_disk) = now(open(disk())).unwrap();
        let (_, mut in_memory) = now(open(memory.clone())).unwrap();
        for (number, batch) in batches.into_iter().enumerate() {
            let changes = apply_all(&mut registry, batch);
            now(on_disk.store(changes.clone())).unwrap();
            now(in_memory.store(changes)).unwrap();
            if number % reopen_every == 0 {
                drop(on_disk);
                let (stored, writer) = now(open(disk())).unwrap();
                prop_assert_eq!(&stored, &registry);
                on_disk = writer;
            }
        }
        prop_assert_eq!(memory.registry(), registry.clone());
        drop(on_disk);
        prop_assert_eq!(now(open(disk())).unwrap().0, registry);
    }
}

fn apply_all(registry: &mut Registry, batch: Vec<Operation>) -> Vec<Change> {
    let mut all = vec![];
    for operation in batch {
        let Ok(changes) = operation.changes(registry) else {
            continue;
        };
        changes
            .iter()
            .cloned()
            .for_each(|change| registry.apply(change));
        all.extend(changes);
    }
    all
}

/// The result of a future that does not wait for anything.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it does not wait")
}
