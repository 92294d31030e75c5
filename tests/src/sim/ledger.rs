//! What really ran: the truth that all views are compared with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent::containerizer::simulated::{Behaviour, End, Simulation};
use mesos::v1::{AgentId, TaskId, TaskInfo};
use tokio::time::Instant;

/// One start of a task, as its executor saw it.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where.
    pub agent: AgentId,
    /// When.
    pub began: Instant,
}

/// All starts of tasks with the command `work`. Clones are handles of the same one.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<TaskId, Vec<Run>>>>);

impl Ledger {
    /// The starts of each task, in order.
    pub fn runs(&self) -> BTreeMap<TaskId, Vec<Run>> {
        self.lock().clone()
    }

    /// Whether a task ever started.
    pub fn has_run(&self, task: &TaskId) -> bool {
        self.lock().contains_key(task)
    }

    /// What commands mean in a simulated cluster: `sleep N`, `true` and `false` as always, and
    ///
    /// * `work`: takes between half a minute and two and a half, and fails one time in eight; both a function of the
    ///   task's id.
    pub fn simulation(&self) -> Simulation {
        let ledger = self.clone();
        let sleeping = self.clone();
        Simulation::new()
            .task("work", move |task| {
                ledger.write(task);
                work(task)
            })
            .task("sleep", move |task| {
                sleeping.write(task);
                sleep(task)
            })
    }

    /// How many starts so far.
    pub(super) fn len(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    fn write(&self, task: &TaskInfo) {
        let run = Run {
            agent: task.agent_id.clone(),
            began: Instant::now(),
        };
        let mut ledger = self.lock();
        ledger.entry(task.task_id.clone()).or_default().push(run);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, Vec<Run>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work(task: &TaskInfo) -> Behaviour {
    let id = &task.task_id.value;
    let number = id.bytes().fold(7u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    Behaviour {
        lasts: Duration::from_secs(30 + number % 120),
        end: if number % 8 == 0 {
            End::Failed
        } else {
            End::Finished
        },
    }
}

fn sleep(task: &TaskInfo) -> Behaviour {
    let command = task.command.as_ref().and_then(|c| c.value.as_deref());
    let seconds = command.and_then(|words| words.split_whitespace().nth(1));
    let seconds = seconds.and_then(|word| word.parse().ok());
    Behaviour {
        lasts: Duration::from_secs(seconds.unwrap_or_default()),
        end: End::Finished,
    }
}
