//! What happened between two moments of a cluster, in events.
//!
//! Moments share what did not change, so that only what did is looked at.

use std::sync::Arc;

use imbl::ordmap::DiffItem;
use mesos::v1::TaskStatus;
use mesos::v1::master::Event;
use mesos::v1::master::event::{
    AgentAdded, AgentRemoved, FrameworkAdded, FrameworkRemoved, FrameworkUpdated, TaskAdded,
    TaskUpdated, Type,
};

use crate::documents::operator::state;
use crate::state::{Agent, Cluster, Framework, Task};

/// Where an event stands among those of one step: nothing is told of what is not known yet, or no
/// more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    FrameworkAdded,
    AgentAdded,
    Task,
    FrameworkUpdated,
    AgentRemoved,
    FrameworkRemoved,
}

type Told = Vec<(Rank, Event)>;

/// What makes `new` of `old`, in an order that makes sense to whoever follows.
pub(super) fn between(old: &Cluster, new: &Cluster) -> Vec<Event> {
    let mut told = Told::new();
    for item in old.frameworks.diff(&new.frameworks) {
        match item {
            DiffItem::Add(_, added) => framework_added(old, added, new, &mut told),
            DiffItem::Update { old: was, new: is } => {
                if is_updated(was.1, is.1) {
                    let framework = state::framework(is.1, new);
                    told.push((Rank::FrameworkUpdated, framework_updated(framework)));
                }
                tasks(was.1, is.1, &mut told);
            }
            DiffItem::Remove(_, removed) => framework_removed(removed, new, &mut told),
        }
    }
    for item in old.agents.diff(&new.agents) {
        match item {
            DiffItem::Add(_, agent) => told.push((Rank::AgentAdded, agent_added(agent, new))),
            DiffItem::Update { old: was, new: is } if was.1.reregistered != is.1.reregistered => {
                told.push((Rank::AgentAdded, agent_added(is.1, new)));
            }
            DiffItem::Update { .. } => {}
            DiffItem::Remove(_, agent) => told.push((Rank::AgentRemoved, agent_removed(agent))),
        }
    }
    told.sort_by_key(|(rank, _)| *rank);
    told.into_iter().map(|(_, event)| event).collect()
}

fn framework_added(old: &Cluster, framework: &Framework, new: &Cluster, told: &mut Told) {
    let added = FrameworkAdded {
        framework: state::framework(framework, new),
    };
    let event = event(Type::FrameworkAdded, |e| e.framework_added = Some(added));
    told.push((Rank::FrameworkAdded, event));
    // Nothing of it was told while it counted as completed.
    debug_assert!(old.framework(&framework.id).is_none());
    for task in framework.tasks.values() {
        told.push((Rank::Task, task_added(task)));
    }
}

fn framework_removed(framework: &Framework, new: &Cluster, told: &mut Told) {
    let ended = new.completed_frameworks.iter().rev();
    if let Some(ended) = ended.clone().find(|ended| ended.id == framework.id) {
        tasks(framework, ended, told);
    }
    let removed = FrameworkRemoved {
        framework_info: (*framework.info).clone(),
    };
    let event = event(Type::FrameworkRemoved, |e| {
        e.framework_removed = Some(removed);
    });
    told.push((Rank::FrameworkRemoved, event));
}

/// Whether anything changed of what a framework is, and not only of what it holds.
fn is_updated(old: &Framework, new: &Framework) -> bool {
    let same_info = Arc::ptr_eq(&old.info, &new.info) || old.info == new.info;
    !same_info
        || old.active != new.active
        || old.connected() != new.connected()
        || old.recovered() != new.recovered()
        || old.reregistered != new.reregistered
        || old.offer_constraints != new.offer_constraints
}

fn tasks(old: &Framework, new: &Framework, told: &mut Told) {
    let ended = |task: &Task| {
        let id = task.id();
        let completed = new.completed_tasks.iter().rev();
        let mut completed = completed.filter(|task| task.id() == id);
        new.unreachable_tasks
            .get(&**id)
            .or_else(|| completed.next())
    };
    for item in old.tasks.diff(&new.tasks) {
        match item {
            DiffItem::Add(id, task) => match old.unreachable_tasks.get(id) {
                Some(was) => task_updated(was, task, told),
                None => told.push((Rank::Task, task_added(task))),
            },
            DiffItem::Update { old: was, new: is } => task_updated(was.1, is.1, told),
            DiffItem::Remove(_, was) => {
                if let Some(is) = ended(was) {
                    task_updated(was, is, told);
                }
            }
        }
    }
    for item in old.unreachable_tasks.diff(&new.unreachable_tasks) {
        match item {
            DiffItem::Update { old: was, new: is } => task_updated(was.1, is.1, told),
            DiffItem::Remove(id, was) if !new.tasks.contains_key(id) => {
                if let Some(is) = ended(was) {
                    task_updated(was, is, told);
                }
            }
            DiffItem::Add(..) | DiffItem::Remove(..) => {}
        }
    }
}

/// One event for each status that is new, or for a state that no status tells.
fn task_updated(old: &Task, new: &Task, told: &mut Told) {
    let known: Vec<TaskStatus> = old.statuses().collect();
    let statuses: Vec<TaskStatus> = new.statuses().collect();
    let statuses = statuses.into_iter().rev();
    let mut fresh: Vec<TaskStatus> = statuses
        .take_while(|status| !known.contains(status))
        .collect();
    if fresh.is_empty() && old.state() != new.state() {
        fresh.push(TaskStatus {
            task_id: new.id().to_v1(),
            agent_id: Some(new.agent_id().to_v1()),
            state: new.state() as i32,
            ..Default::default()
        });
    }
    for status in fresh.into_iter().rev() {
        let updated = TaskUpdated {
            framework_id: new.framework_id().to_v1(),
            status,
            state: new.state() as i32,
        };
        let event = event(Type::TaskUpdated, |e| e.task_updated = Some(updated));
        told.push((Rank::Task, event));
    }
}

fn task_added(task: &Task) -> Event {
    let task = task.to_v1();
    event(Type::TaskAdded, |e| e.task_added = Some(TaskAdded { task }))
}

fn framework_updated(framework: mesos::v1::master::response::get_frameworks::Framework) -> Event {
    event(Type::FrameworkUpdated, |e| {
        e.framework_updated = Some(FrameworkUpdated { framework });
    })
}

fn agent_added(agent: &Agent, cluster: &Cluster) -> Event {
    let agent = state::agent(agent, cluster);
    event(Type::AgentAdded, |e| {
        e.agent_added = Some(AgentAdded { agent });
    })
}

fn agent_removed(agent: &Agent) -> Event {
    let agent_id = agent.id.clone();
    event(Type::AgentRemoved, |e| {
        e.agent_removed = Some(AgentRemoved { agent_id });
    })
}

fn event(kind: Type, set: impl FnOnce(&mut Event)) -> Event {
    let mut event = Event {
        r#type: Some(kind as i32),
        ..Default::default()
    };
    set(&mut event);
    event
}
