//! Reservations and volumes of an agent, across its lives.

mod cluster;

use std::fs;
use std::path::Path;

use cluster::{Cluster, in_virtual_time, task};
use mesos::resources::Resources;
use mesos::v1::TaskState::TaskDropped;
use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::{Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type};
use mesos::v1::value::Scalar;
use mesos::v1::{OperationState, Resource};
use mesos_agent::containerizer::simulated::Simulation;
use uuid::Uuid;

fn reserved(disk: &str) -> Resource {
    sized(100, disk)
}

fn sized(size: u32, disk: &str) -> Resource {
    let text = format!(
        r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":{size}}},
            "reservations":[{{"type":"DYNAMIC","role":"eng","principal":"p"}}]{disk}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// What makes a volume of a reservation.
const VOLUME: &str =
    r#","disk":{"persistence":{"id":"v"},"volume":{"container_path":"data","mode":"RW"}}"#;

fn volume() -> Resource {
    reserved(VOLUME)
}

fn operation(id: Option<&str>, kind: Type) -> Operation {
    let mut operation = Operation {
        id: id.map(Into::into),
        ..Default::default()
    };
    operation.set_type(kind);
    operation
}

fn reserve(id: Option<&str>) -> Operation {
    Operation {
        reserve: Some(Reserve {
            resources: vec![reserved("")],
            source: Vec::new(),
        }),
        ..operation(id, Type::Reserve)
    }
}

fn create(id: Option<&str>) -> Operation {
    let volumes = vec![volume()];
    Operation {
        create: Some(Create { volumes }),
        ..operation(id, Type::Create)
    }
}

fn destroy(id: Option<&str>) -> Operation {
    let volumes = vec![volume()];
    Operation {
        destroy: Some(Destroy { volumes }),
        ..operation(id, Type::Destroy)
    }
}

/// A folder that exists exactly while the volume does.
fn folder(work_dir: &Path) -> std::path::PathBuf {
    work_dir.join("volumes/roles/eng/v")
}

#[test]
fn operations_survive_the_agent_and_are_told_until_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let work_dir = dir.path();
        let mut cluster = Cluster::start(&node, work_dir, Simulation::new()).await;
        cluster.apply(1, reserve(None), None);
        let update = cluster.operation().await;
        assert_eq!(update.status.state(), OperationState::OperationFinished);
        assert_eq!(update.status.uuid, None, "nobody asked for it");
        cluster.apply(2, create(Some("c")), None);
        let update = cluster.operation().await;
        assert_eq!(update.operation, Uuid::from_u128(2));
        assert_eq!(update.status.state(), OperationState::OperationFinished);
        fs::write(folder(work_dir).join("kept"), "x").unwrap();
        // Sent twice, done once.
        cluster.apply(2, create(Some("c")), None);
        assert_eq!(cluster.operation().await, update, "not acknowledged");

        let config = cluster::config(work_dir);
        let (mut cluster, again) = cluster.restart_agent(config, Simulation::new()).await;
        let checkpointed = again.checkpointed_resources;
        assert_eq!(checkpointed.len(), 1);
        assert!(checkpointed[0].disk.is_some());
        assert_eq!(again.operations.len(), 1);
        let retold = cluster.operation().await;
        assert_eq!(retold.status, update.status);
        assert!(folder(work_dir).join("kept").exists());
        cluster.acknowledge_operation(&retold);
        cluster.apply(3, destroy(None), again.resource_version);
        let update = cluster.operation().await;
        assert_eq!(update.status.state(), OperationState::OperationFinished);
        assert!(!folder(work_dir).exists());

        let config = cluster::config(work_dir);
        let (_, last) = cluster.restart_agent(config, Simulation::new()).await;
        assert!(last.operations.is_empty());
        assert!(last.checkpointed_resources[0].disk.is_none());
    });
}

#[test]
fn volumes_grow_and_shrink_around_their_content() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let work_dir = dir.path();
        let mut cluster = Cluster::start(&node, work_dir, Simulation::new()).await;
        let create = Operation {
            create: Some(Create {
                volumes: vec![sized(40, VOLUME)],
            }),
            ..operation(None, Type::Create)
        };
        let grow = Operation {
            grow_volume: Some(GrowVolume {
                volume: sized(40, VOLUME),
                addition: sized(50, ""),
            }),
            ..operation(None, Type::GrowVolume)
        };
        let shrink = Operation {
            shrink_volume: Some(ShrinkVolume {
                volume: sized(90, VOLUME),
                subtract: Scalar { value: 60.0 },
            }),
            ..operation(None, Type::ShrinkVolume)
        };
        let steps = [reserve(None), create, grow, shrink];
        for (number, (step, size)) in (1..).zip(steps.into_iter().zip([0, 40, 90, 30])) {
            cluster.apply(number, step, None);
            let update = cluster.operation().await;
            assert_eq!(update.status.state(), OperationState::OperationFinished);
            match number {
                1 => assert!(!folder(work_dir).exists()),
                2 => fs::write(folder(work_dir).join("kept"), "x").unwrap(),
                _ => assert!(folder(work_dir).join("kept").exists()),
            }
            let config = cluster::config(work_dir);
            let (next, again) = cluster.restart_agent(config, Simulation::new()).await;
            cluster = next;
            let told = again.checkpointed_resources.iter().map(|part| &part.0);
            let checkpointed = Resources::from_v1(told).unwrap();
            assert_eq!(checkpointed.disk().to_string(), "100");
            let volumes = checkpointed.persistent_volumes();
            assert_eq!(volumes.disk().to_string(), size.to_string());
        }
    });
}

#[test]
fn what_was_decided_on_an_outdated_state_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        let outdated = Some(Uuid::from_u128(99));
        cluster.apply(1, reserve(Some("r")), outdated);
        let update = cluster.operation().await;
        assert_eq!(update.status.state(), OperationState::OperationDropped);
        assert!(update.status.uuid.is_some());
        let mut reserved_task = task("t", "sleep 1");
        reserved_task.resources.push(reserved(""));
        cluster.run(reserved_task);
        cluster.update("t", TaskDropped).await;
    });
}

#[test]
fn an_operation_that_fails_is_preceded_by_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    in_virtual_time(|node| async move {
        let mut cluster = Cluster::start(&node, dir.path(), Simulation::new()).await;
        cluster.apply(1, reserve(None), None);
        cluster.operation().await;
        fs::write(dir.path().join("volumes"), "in the way").unwrap();
        cluster.apply(2, create(Some("c")), None);
        let cluster::Heard::Resources(now) = cluster.next().await else {
            panic!("the resources come first")
        };
        assert!(now.checkpointed_resources[0].disk.is_none());
        let update = cluster.operation().await;
        assert_eq!(update.status.state(), OperationState::OperationFailed);
        // Later operations build on what it said.
        fs::remove_file(dir.path().join("volumes")).unwrap();
        cluster.apply(3, create(None), now.resource_version);
        let update = cluster.operation().await;
        assert_eq!(update.status.state(), OperationState::OperationFinished);
        assert!(folder(dir.path()).is_dir());
    });
}
