//! The registrar as its master sees it.

use std::time::Duration;

use futures_util::future::join_all;
use libprocess::prelude::*;

use super::*;
use crate::registrar::{
    Apply, Fault, MemoryStorage, Recover, Refused, RegistrarError, RegistrarProcess,
    RegistrarProtocol, RegistrarTimeouts, Registry,
};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    node: Node,
    registrar: Pid<RegistrarProtocol>,
}

impl World {
    fn new(storage: impl Storage + 'static) -> Self {
        let timeouts = RegistrarTimeouts {
            store: Duration::from_secs(1),
            ..Default::default()
        };
        let node = Node::local();
        let storage: Box<dyn Storage> = Box::new(storage);
        let registrar = node
            .process("registrar")
            .own_thread()
            .spawn(move |_| RegistrarProcess::new(storage, timeouts))
            .unwrap();
        Self { node, registrar }
    }

    async fn recovered(storage: &MemoryStorage) -> Self {
        let world = Self::new(storage.clone());
        world.recover().await.unwrap();
        world
    }

    async fn recover(&self) -> Result<Registry, RegistrarError> {
        self.node
            .ask(&self.registrar, Recover, PATIENCE)
            .await
            .expect("an answer")
    }

    async fn apply(&self, operation: Operation) -> Result<bool, RegistrarError> {
        self.node
            .ask(&self.registrar, Apply(operation), PATIENCE)
            .await
            .expect("an answer")
    }
}

#[tokio::test]
async fn an_answered_operation_is_there_for_the_next_master() {
    let storage = MemoryStorage::default();
    let first = World::recovered(&storage).await;
    assert!(first.apply(admit("a")).await.unwrap());
    let refused = first.apply(admit("a")).await.unwrap_err();
    assert!(matches!(
        refused,
        RegistrarError::Refused(Refused::AgentAlreadyAdmitted(_))
    ));

    let second = World::new(storage.clone());
    assert_eq!(second.recover().await.unwrap(), storage.registry());
    assert_eq!(storage.registry().agents.len(), 1);
}

#[tokio::test]
async fn operations_need_a_recovered_registry() {
    let world = World::new(MemoryStorage::default());
    let error = world.apply(admit("a")).await.unwrap_err();
    assert!(matches!(error, RegistrarError::NotRecovered));
}

#[tokio::test]
async fn operations_that_come_while_a_store_is_in_flight_are_stored_together() {
    let storage = MemoryStorage::default();
    let world = World::recovered(&storage).await;
    storage.inject(Fault::Delay(Duration::from_millis(50)));
    let names: Vec<String> = (0..100).map(|number| format!("a{number}")).collect();
    let answers = join_all(names.iter().map(|name| world.apply(admit(name)))).await;
    assert!(
        answers
            .into_iter()
            .all(|answer| answer.is_ok_and(|changed| changed))
    );
    assert_eq!(storage.registry().agents.len(), 100);
    assert!(storage.stores() < 50, "{} stores", storage.stores());
}

#[tokio::test]
async fn what_changes_nothing_is_not_stored() {
    let storage = MemoryStorage::default();
    let world = World::recovered(&storage).await;
    let remove = Operation::RemoveFramework {
        id: framework_id("f"),
    };
    assert!(!world.apply(remove).await.unwrap());
    assert_eq!(storage.stores(), 0);
}

#[tokio::test]
async fn after_a_failed_store_everything_fails() {
    let storage = MemoryStorage::default();
    let world = World::recovered(&storage).await;
    storage.inject(Fault::FailAfterwards(StorageError::Fenced));
    let both = join_all([world.apply(admit("a")), world.apply(admit("b"))]).await;
    for error in both.into_iter().map(Result::unwrap_err) {
        assert!(matches!(error, RegistrarError::Storage(_)), "{error}");
    }
    assert!(matches!(
        world.recover().await,
        Err(RegistrarError::Storage(_))
    ));
    assert_eq!(storage.stores(), 1, "nothing is tried again");
}

#[tokio::test]
async fn a_storage_that_does_not_answer_in_time_has_failed() {
    let storage = MemoryStorage::default();
    let world = World::recovered(&storage).await;
    storage.inject(Fault::Delay(PATIENCE));
    let error = world.apply(admit("a")).await.unwrap_err();
    assert!(error.to_string().contains("within 1 s"), "{error}");
}

#[tokio::test]
async fn an_old_master_can_change_nothing_any_more() {
    let storage = MemoryStorage::default();
    let old = World::recovered(&storage).await;
    let new = World::recovered(&storage).await;
    let error = old.apply(admit("a")).await.unwrap_err();
    assert!(
        error.to_string().contains("another master has taken over"),
        "{error}"
    );
    assert!(new.apply(admit("b")).await.unwrap());
    assert_eq!(
        storage.registry().agents.keys().collect::<Vec<_>>(),
        [&agent_id("b")]
    );
}
