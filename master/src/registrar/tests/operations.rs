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

    let prune = || Operation::Prune {
        unreachable: [a(), agent_id("b")].into(),
        gone: [a()].into(),
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
fn an_agent_that_is_gone_never_comes_back() {
    let mut registry = Registry::default();
    let a = || agent_id("a");
    let gone = |since| Operation::MarkAgentGone {
        id: a(),
        since: at(since),
    };
    assert_eq!(
        apply(&mut registry, gone(1)),
        Err(Refused::AgentUnknown(a()))
    );
    apply(&mut registry, admit("a")).unwrap();
    apply(&mut registry, drain("a", 1)).unwrap();
    assert_eq!(apply(&mut registry, gone(2)), Ok(true));
    assert_eq!(apply(&mut registry, gone(3)), Ok(false));
    assert!(registry.agents.is_empty() && registry.drains.is_empty());
    assert_eq!(registry.gone[&a()], at(2));
    assert_eq!(
        apply(&mut registry, admit("a")),
        Err(Refused::AgentGone(a()))
    );
    let back = Operation::MarkAgentReachable {
        id: a(),
        info: agent_info("host"),
    };
    assert_eq!(
        apply(&mut registry, back.clone()),
        Err(Refused::AgentGone(a()))
    );
    let prune = Operation::Prune {
        unreachable: [a()].into(),
        gone: [a()].into(),
    };
    assert_eq!(apply(&mut registry, prune), Ok(true));
    assert_eq!(apply(&mut registry, back), Ok(true), "it is forgotten");
}

#[test]
fn what_operators_ask_of_an_agent_outlives_its_silence_but_not_the_agent() {
    let mut registry = Registry::default();
    let a = || agent_id("a");
    assert_eq!(
        apply(&mut registry, drain("a", 1)),
        Err(Refused::AgentUnknown(a()))
    );
    apply(&mut registry, admit("a")).unwrap();
    let drained = || Operation::MarkAgentDrained { id: a() };
    let deactivate = || Operation::DeactivateAgent { id: a() };
    let reactivate = || Operation::ReactivateAgent { id: a() };
    assert_eq!(
        apply(&mut registry, drained()),
        Err(Refused::AgentNotDraining(a()))
    );
    assert_eq!(apply(&mut registry, deactivate()), Ok(true));
    assert_eq!(apply(&mut registry, deactivate()), Ok(false));
    assert_eq!(apply(&mut registry, drain("a", 1)), Ok(true));
    assert_eq!(apply(&mut registry, drain("a", 1)), Ok(false));
    let unreachable = Operation::MarkAgentUnreachable {
        id: a(),
        since: at(7),
    };
    apply(&mut registry, unreachable).unwrap();
    assert_eq!(apply(&mut registry, drained()), Ok(true));
    assert_eq!(apply(&mut registry, drained()), Ok(false));
    assert_eq!(
        apply(&mut registry, drain("a", 8)),
        Ok(true),
        "it is drained anew"
    );
    assert!(!registry.drains[&a()].drained);
    assert_eq!(apply(&mut registry, reactivate()), Ok(true));
    assert_eq!(apply(&mut registry, reactivate()), Ok(false));
    assert!(registry.drains.is_empty() && registry.deactivated.is_empty());
    apply(&mut registry, deactivate()).unwrap();
    let prune = Operation::Prune {
        unreachable: [a()].into(),
        gone: [].into(),
    };
    apply(&mut registry, prune).unwrap();
    assert_eq!(registry, Registry::default());
}

#[test]
fn a_machine_goes_down_and_comes_up_by_the_schedule() {
    let mut registry = Registry::default();
    let m = || machine("m");
    let down = || Operation::StartMaintenance {
        machines: [m()].into(),
    };
    let up = || Operation::StopMaintenance {
        machines: [m()].into(),
    };
    assert_eq!(
        apply(&mut registry, down()),
        Err(Refused::MachineNotDraining(m()))
    );
    let both = || schedule(&[("m", 0, 1), ("n", 0, 1)]);
    assert_eq!(apply(&mut registry, both()), Ok(true));
    assert_eq!(apply(&mut registry, both()), Ok(false));
    assert_eq!(
        apply(&mut registry, up()),
        Err(Refused::MachineNotDown(m()))
    );
    assert_eq!(apply(&mut registry, down()), Ok(true));
    assert_eq!(
        apply(&mut registry, down()),
        Err(Refused::MachineNotDraining(m()))
    );
    assert_eq!(
        apply(&mut registry, schedule(&[("n", 0, 1)])),
        Err(Refused::MachineDown(m()))
    );
    assert_eq!(
        apply(&mut registry, schedule(&[("m", 0, 5)])),
        Ok(true),
        "another window"
    );
    assert!(registry.machines[&m()].down && registry.machines.len() == 1);
    assert_eq!(apply(&mut registry, up()), Ok(true));
    assert_eq!(registry, Registry::default());
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
