//! What is known of the copies: decisions without actors.

use std::collections::BTreeMap;

use mesos::task_state::is_terminal;
use mesos::v1::{AgentId, TaskId, TaskState, TaskStatus};

/// What is known of one copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copy {
    /// Launched; nothing heard yet.
    Launched,
    /// It runs.
    Running,
    /// Its agent cannot be reached, or nobody knows it. It may come back.
    Missing,
    /// Told to end.
    Surplus,
}

/// All copies that have not ended, with their agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    copies: BTreeMap<TaskId, (Option<AgentId>, Copy)>,
    /// Copies ever launched.
    pub launched: u64,
    /// Copies that ended without being told to.
    pub ended: u64,
    /// Why the framework is over, if it is.
    pub error: Option<String>,
}

/// What is to be done after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// A copy is gone: offers are wanted.
    Replace,
    /// There is one too many.
    Kill,
}

impl Copies {
    /// The copies that run.
    pub fn running(&self) -> impl Iterator<Item = &TaskId> {
        self.all()
            .filter(|(_, _, copy)| **copy == Copy::Running)
            .map(|(task, _, _)| task)
    }

    /// All that have not ended: task, agent (as far as it is known), and how they are.
    pub fn all(&self) -> impl Iterator<Item = (&TaskId, Option<&AgentId>, &Copy)> {
        let copies = self.copies.iter();
        copies.map(|(task, (agent, copy))| (task, agent.as_ref(), copy))
    }

    /// Those that count: what is missing or was told to end does not.
    fn counted(&self) -> usize {
        let counts = |copy: &Copy| matches!(copy, Copy::Launched | Copy::Running);
        self.all().filter(|(_, _, copy)| counts(copy)).count()
    }

    /// How many are to be launched so that there are `wanted`.
    pub(super) fn lacking(&self, wanted: usize) -> usize {
        wanted.saturating_sub(self.counted())
    }

    /// A copy is on its way.
    pub(super) fn launch(&mut self, task: TaskId, agent: AgentId) {
        self.launched += 1;
        self.copies.insert(task, (Some(agent), Copy::Launched));
    }

    /// Notes what became of a copy.
    pub(super) fn note(&mut self, status: &TaskStatus, wanted: usize) -> Next {
        let known = self.copies.remove(&status.task_id);
        let (agent, before) = match known {
            Some((agent, copy)) => (agent, Some(copy)),
            None => (None, None),
        };
        let agent = status.agent_id.clone().or(agent);
        if is_terminal(status.state()) {
            return match before {
                Some(Copy::Launched | Copy::Running) => {
                    self.ended += 1;
                    Next::Replace
                }
                _ => Next::Nothing,
            };
        }
        let (now, next) = match (before, status.state()) {
            (Some(Copy::Surplus), _) => (Copy::Surplus, Next::Nothing),
            (Some(Copy::Missing), TaskState::TaskUnreachable | TaskState::TaskUnknown) => {
                (Copy::Missing, Next::Nothing)
            }
            (_, TaskState::TaskUnreachable | TaskState::TaskUnknown) => {
                (Copy::Missing, Next::Replace)
            }
            (before, state) => {
                let runs = matches!(state, TaskState::TaskRunning | TaskState::TaskKilling);
                let counted = matches!(before, Some(Copy::Launched | Copy::Running));
                if !counted && self.counted() >= wanted {
                    (Copy::Surplus, Next::Kill)
                } else if runs {
                    (Copy::Running, Next::Nothing)
                } else {
                    (Copy::Launched, Next::Nothing)
                }
            }
        };
        self.copies.insert(status.task_id.clone(), (agent, now));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(copies: &mut Copies, task: &str, state: TaskState) -> Next {
        let status = TaskStatus {
            task_id: task.into(),
            state: state.into(),
            ..Default::default()
        };
        copies.note(&status, 1)
    }

    #[test]
    fn what_ends_is_replaced_once() {
        let mut copies = Copies::default();
        assert_eq!(copies.lacking(1), 1);
        copies.launch("a".into(), "agent".into());
        assert_eq!(copies.lacking(1), 0);
        assert_eq!(
            note(&mut copies, "a", TaskState::TaskRunning),
            Next::Nothing
        );
        assert_eq!(note(&mut copies, "a", TaskState::TaskFailed), Next::Replace);
        assert_eq!(note(&mut copies, "a", TaskState::TaskFailed), Next::Nothing);
        assert_eq!((copies.lacking(1), copies.ended), (1, 1));
    }

    #[test]
    fn what_comes_back_is_one_too_many_if_it_was_replaced() {
        let mut copies = Copies::default();
        copies.launch("a".into(), "agent".into());
        let lost = note(&mut copies, "a", TaskState::TaskUnreachable);
        assert_eq!((lost, copies.lacking(1)), (Next::Replace, 1));
        let again = note(&mut copies, "a", TaskState::TaskUnreachable);
        assert_eq!(again, Next::Nothing);
        let mut not_replaced = copies.clone();
        copies.launch("b".into(), "other".into());
        assert_eq!(note(&mut copies, "a", TaskState::TaskRunning), Next::Kill);
        assert_eq!(note(&mut copies, "a", TaskState::TaskKilled), Next::Nothing);
        assert_eq!((copies.lacking(1), copies.ended), (0, 0));

        let back = note(&mut not_replaced, "a", TaskState::TaskRunning);
        assert_eq!((back, not_replaced.lacking(1)), (Next::Nothing, 0));
    }

    #[test]
    fn copies_of_an_earlier_life_are_taken_over() {
        let mut copies = Copies::default();
        assert_eq!(
            note(&mut copies, "a", TaskState::TaskRunning),
            Next::Nothing
        );
        assert_eq!(copies.running().count(), 1);
        assert_eq!(note(&mut copies, "b", TaskState::TaskRunning), Next::Kill);
    }
}
