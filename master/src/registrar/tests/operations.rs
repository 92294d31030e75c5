//! What each operation does to the registry, and when it is refused.

use super::*;
use crate::registrar::{Refused, Registry};

/// Applies an operation; answers whether it changed anything.
fn apply(registry: &mut Registry, operation: Operation) -> Result<bool, Refused> {
    let before = registry.clone();
    let changes = operation.changes(registry)?;
    let changed = !changes.is_empty();
    changes
        .into_iter()
        .for_each(|change| registry.apply(change));
    assert_eq!(
        changed,
        *registry != before,
        "changes are made if and only if they are told"
    );
    Ok(changed)
}

#[test]
fn an_agent_lives_through_its_states() {
    let mut registry = Registry::default();
    let a = || agent_id("a");
    let info = || agent_info("host");
    let other = || agent_info("other");

    assert_eq!(apply(&mut registry, admit("a")), Ok(true));
    assert_eq!(
        apply(&mut registry, admit("a")),
        Err(Refused::AgentAlreadyAdmitted(a()))
    );
    let update = |info| Operation::UpdateAgent { id: a(), info };
    assert_eq!(apply(&mut registry, update(info())), Ok(false));
    assert_eq!(apply(&mut registry, update(other())), Ok(true));
    assert_eq!(registry.agents[&a()], other());

    let unreachable = || Operation::MarkAgentUnreachable {
        id: a(),
        since: at(7),
    };
    assert_eq!(apply(&mut registry, unreachable()), Ok(true));
    assert_eq!(
        apply(&mut registry, unreachable()),
        Err(Refused::AgentNotAdmitted(a()))
    );
    assert_eq!(
        apply(&mut registry, admit("a")),
        Err(Refused::AgentAlreadyAdmitted(a()))
    );
    assert_eq!(
        apply(&mut registry, update(info())),
        Err(Refused::AgentNotAdmitted(a()))
    );
    assert_eq!(
        (registry.agents.len(), registry.unreachable[&a()]),
        (0, at(7))
    );

    let prune = || Operation::PruneUnreachable {
        agents: [a(), agent_id("b")].into(),
    };
    assert_eq!(apply(&mut registry.clone(), prune()), Ok(true));

    let reachable = || Operation::MarkAgentReachable {
        id: a(),
        info: info(),
    };
    assert_eq!(apply(&mut registry, reachable()), Ok(true));
    assert_eq!(apply(&mut registry, reachable()), Ok(false));
    assert_eq!((registry.agents.len(), registry.unreachable.len()), (1, 0));

    assert_eq!(apply(&mut registry, prune()), Ok(false), "it is reachable");

    let remove = || Operation::RemoveAgent { id: a() };
    assert_eq!(apply(&mut registry, remove()), Ok(true));
    assert_eq!(
        apply(&mut registry, remove()),
        Err(Refused::AgentNotAdmitted(a()))
    );
    assert_eq!(
        apply(&mut registry, reachable()),
        Ok(true),
        "the registry is not strict"
    );
}

#[test]
fn a_framework_lives_through_its_states() {
    let mut registry = Registry::default();
    let f = || framework_id("f");
    let add = || Operation::AddFramework {
        id: f(),
        framework: framework("f", None),
    };
    let update = |deadline| Operation::UpdateFramework {
        id: f(),
        framework: framework("f", deadline),
    };
    let remove = || Operation::RemoveFramework { id: f() };

    assert_eq!(
        apply(&mut registry, update(None)),
        Err(Refused::FrameworkUnknown(f()))
    );
    assert_eq!(apply(&mut registry, add()), Ok(true));
    assert_eq!(
        apply(&mut registry, add()),
        Err(Refused::FrameworkAlreadyAdded(f()))
    );
    assert_eq!(apply(&mut registry, update(None)), Ok(false));
    assert_eq!(apply(&mut registry, update(Some(at(60)))), Ok(true));
    assert_eq!(registry.frameworks[&f()].failover_deadline, Some(at(60)));
    assert_eq!(apply(&mut registry, remove()), Ok(true));
    assert_eq!(apply(&mut registry, remove()), Ok(false));
    assert_eq!(registry, Registry::default());
}
