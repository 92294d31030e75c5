//! The actor that writes status updates down before anybody relies on them.
//!
//! It lives on a thread of its own, because it waits for the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::v1::FrameworkId;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use uuid::Uuid;

use super::log;
use super::operation::OperationReport;
use super::stream::{Reported, Stream, Verdict};
use super::streams::Streams;
use super::task::Update;
use crate::checkpoint::disk::Disk;
use crate::checkpoint::envelope::CheckpointError;
use crate::checkpoint::log::Log;
use crate::inbox::Inbound;

/// Update logs that are kept open. Beyond it the one used longest ago is closed; tasks report
/// rarely, and file descriptors are few.
const MAX_OPEN_LOGS: usize = 256;

protocol! {
    /// What the manager of the status updates of tasks accepts, from its agent.
    pub local StatusUpdatesProtocol = "mesos.agent.status_updates" {
        1 => Report<Update>,
        2 => Acknowledge<Update>,
        3 => Pause,
        4 => Resume,
        5 => Forget,
        6 => Recover<Update>,
    }
}

protocol! {
    /// What the manager of the status updates of operations accepts, from its agent.
    pub local OperationUpdatesProtocol = "mesos.agent.operation_updates" {
        1 => Report<OperationReport>,
        2 => Acknowledge<OperationReport>,
        3 => Pause,
        4 => Resume,
        5 => Forget,
        6 => Recover<OperationReport>,
    }
}

/// Write an update down, then send it until it is acknowledged.
#[derive(Clone, Debug)]
pub struct Report<U> {
    /// The update.
    pub update: U,
    /// Its stream's log; `None` keeps it in memory only.
    pub log: Option<PathBuf>,
}

/// What became of a [`Report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// It is written down, now or before; or it comes after the task's end, which is.
    Safe,
    /// It could not be written down, or too many wait: do not acknowledge it to the executor.
    Unsafe,
}

/// The framework acknowledged an update. Answers the update once that is written down; `None` if
/// it was not the one in flight.
#[derive(Clone, Debug)]
pub struct Acknowledge<U: Reported> {
    /// Which stream.
    pub key: U::Key,
    /// Which update.
    pub uuid: Uuid,
}

/// There is no master.
#[derive(Clone, Copy, Debug)]
pub struct Pause;

/// There is a master again.
#[derive(Clone, Copy, Debug)]
pub struct Resume;

/// A framework is gone.
#[derive(Clone, Debug)]
pub struct Forget {
    /// Which one.
    pub framework_id: FrameworkId,
}

/// Streams of an earlier life.
#[derive(Clone, Debug)]
pub struct Recover<U: Reported> {
    /// Each with its log, if it has one.
    pub streams: Vec<(U::Key, Option<PathBuf>, Stream<U>)>,
}

impl<U: Reported> Message for Report<U> {
    type Result = Confirmation;
}

impl<U: Reported> Message for Acknowledge<U> {
    type Result = Option<Arc<U>>;
}

impl Message for Pause {
    type Result = ();
}

impl Message for Resume {
    type Result = ();
}

impl Message for Forget {
    type Result = ();
}

impl<U: Reported> Message for Recover<U> {
    type Result = ();
}

/// The actor.
pub struct Manager<U: Reported> {
    disk: Disk,
    streams: Streams<U>,
    paths: BTreeMap<U::Key, PathBuf>,
    logs: BTreeMap<U::Key, (u64, Log)>,
    uses: u64,
    /// Pending updates that the disk refused.
    unwritten: BTreeSet<(U::Key, Uuid)>,
    /// Where updates to be sent go.
    agent: UnboundedSender<Inbound>,
    started: Instant,
    timer: Option<(Duration, SpawnHandle)>,
}

impl<U: Reported> Manager<U> {
    /// A manager that writes to this disk and sends through `agent`; paused until the first [`Resume`].
    pub fn new(disk: Disk, agent: UnboundedSender<Inbound>) -> Self {
        Manager {
            disk,
            streams: Streams::paused(),
            paths: BTreeMap::new(),
            logs: BTreeMap::new(),
            uses: 0,
            unwritten: BTreeSet::new(),
            agent,
            started: Instant::now(),
            timer: None,
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn send(&mut self, updates: impl IntoIterator<Item = Arc<U>>, ctx: &mut Context<Self>) {
        for update in updates {
            // The agent outlives its manager; if it does not, nobody is left to tell.
            let _ = self.agent.send(U::inbound(update));
        }
        self.arm(ctx);
    }

    /// Keeps one timer, for the next retry.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        let next = self.streams.next_due();
        if self.timer.as_ref().map(|(at, _)| *at) == next {
            return;
        }
        if let Some((_, handle)) = self.timer.take() {
            ctx.cancel_future(handle);
        }
        if let Some(at) = next {
            let wait = at.saturating_sub(self.now());
            let handle = ctx.run_later(wait, |manager, ctx| {
                manager.timer = None;
                let due = manager.streams.due(manager.now());
                manager.send(due, ctx);
            });
            self.timer = Some((at, handle));
        }
    }

    fn write(
        &mut self,
        key: &U::Key,
        write: impl FnOnce(&mut Log) -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        let Some(path) = self.paths.get(key) else {
            return Ok(());
        };
        self.uses += 1;
        if !self.logs.contains_key(key) {
            let log = Log::open(&self.disk, path)?;
            self.close_one_log();
            self.logs.insert(key.clone(), (self.uses, log));
        }
        match self.logs.get_mut(key) {
            Some((used, log)) => {
                *used = self.uses;
                write(log)
            }
            None => Ok(()),
        }
    }

    fn close_one_log(&mut self) {
        if self.logs.len() < MAX_OPEN_LOGS {
            return;
        }
        let oldest = self.logs.iter().min_by_key(|(_, (used, _))| *used);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.logs.remove(&key);
        }
    }

    fn drop_log(&mut self, key: &U::Key) {
        self.logs.remove(key);
        self.paths.remove(key);
    }
}

impl<U: Reported> Actor for Manager<U> {
    type Context = Context<Self>;
}

impl Process for Manager<Update> {
    type Protocol = StatusUpdatesProtocol;
}

impl Process for Manager<OperationReport> {
    type Protocol = OperationUpdatesProtocol;
}

impl<U: Reported> Handler<Report<U>> for Manager<U> {
    type Result = MessageResult<Report<U>>;

    fn handle(&mut self, report: Report<U>, ctx: &mut Context<Self>) -> Self::Result {
        let Report { update, log: path } = report;
        match self.streams.judge(&update) {
            Verdict::Repeated if self.unwritten.contains(&(update.key(), update.uuid())) => {
                return MessageResult(Confirmation::Unsafe);
            }
            Verdict::Repeated | Verdict::TooLate => return MessageResult(Confirmation::Safe),
            Verdict::Overflow => {
                tracing::warn!(of = ?update.key(), "too many updates wait, one is refused");
                return MessageResult(Confirmation::Unsafe);
            }
            Verdict::New => {}
        }
        let key = update.key();
        if let Some(path) = path {
            self.paths.insert(key.clone(), path);
        }
        let written = self.write(&key, |log| log::append_update(log, &update));
        let confirmation = match written {
            Ok(()) => Confirmation::Safe,
            Err(error) => {
                // A full disk must not keep the framework in the dark: it is sent all the same.
                tracing::error!(of = ?key, "a status update is kept in memory only: {error}");
                self.unwritten.insert((key.clone(), update.uuid()));
                Confirmation::Unsafe
            }
        };
        let now = self.now();
        let to_send = self.streams.accept(now, Arc::new(update));
        self.send(to_send, ctx);
        MessageResult(confirmation)
    }
}

impl<U: Reported> Handler<Acknowledge<U>> for Manager<U> {
    type Result = MessageResult<Acknowledge<U>>;

    fn handle(&mut self, ack: Acknowledge<U>, ctx: &mut Context<Self>) -> Self::Result {
        if !self.streams.expects(&ack.key, &ack.uuid) {
            // Ordinary where an update was sent twice: both are acknowledged.
            tracing::debug!(of = ?ack.key, uuid = %ack.uuid, "an unexpected acknowledgement is ignored");
            return MessageResult(None);
        }
        let written = self.write(&ack.key, |log| log::append_acknowledgement(log, &ack.uuid));
        if let Err(error) = written {
            // Worst case: the update is sent once more after a restart.
            tracing::error!(of = ?ack.key, "an acknowledgement is not written down: {error}");
        }
        let now = self.now();
        let Some(done) = self.streams.acknowledge(now, &ack.key) else {
            return MessageResult(None);
        };
        self.unwritten.remove(&(ack.key.clone(), ack.uuid));
        if done.update.is_terminal() {
            self.drop_log(&ack.key);
        }
        self.send(done.next, ctx);
        MessageResult(Some(done.update))
    }
}

impl<U: Reported> Handler<Pause> for Manager<U> {
    type Result = ();

    fn handle(&mut self, _: Pause, ctx: &mut Context<Self>) {
        self.streams.pause();
        self.arm(ctx);
    }
}

impl<U: Reported> Handler<Resume> for Manager<U> {
    type Result = ();

    fn handle(&mut self, _: Resume, ctx: &mut Context<Self>) {
        let now = self.now();
        let in_flight = self.streams.resume(now);
        self.send(in_flight, ctx);
    }
}

impl<U: Reported> Handler<Forget> for Manager<U> {
    type Result = ();

    fn handle(&mut self, forget: Forget, ctx: &mut Context<Self>) {
        let framework = &forget.framework_id;
        self.streams.forget(framework);
        self.unwritten
            .retain(|(key, _)| !U::belongs_to(key, framework));
        self.logs.retain(|key, _| !U::belongs_to(key, framework));
        self.paths.retain(|key, _| !U::belongs_to(key, framework));
        self.arm(ctx);
    }
}

impl<U: Reported> Handler<Recover<U>> for Manager<U> {
    type Result = ();

    fn handle(&mut self, recover: Recover<U>, _: &mut Context<Self>) {
        for (key, path, stream) in recover.streams {
            self.paths.extend(path.map(|path| (key.clone(), path)));
            self.streams.recover(key, stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos::v1::{TaskId, TaskState, TaskStatus};
    use tokio::sync::mpsc;
    use tokio::task::LocalSet;

    const SOON: Duration = Duration::from_secs(5);

    fn update(number: u128, state: TaskState) -> Update {
        let uuid = Uuid::from_u128(number);
        Update {
            framework_id: "f".into(),
            status: TaskStatus {
                task_id: TaskId { value: "t".into() },
                state: state as i32,
                uuid: Some(uuid.as_bytes().to_vec()),
                ..Default::default()
            },
            uuid,
            terminal: state == TaskState::TaskFinished,
        }
    }

    #[test]
    fn a_disk_that_refuses_silences_nobody_and_confirms_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let refused = dir.path().join("file/task.updates");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, async {
            let node = Node::local_here(1);
            let (agent, mut sent) = mpsc::unbounded_channel();
            let manager = node
                .spawn("manager", |_| {
                    Manager::<Update>::new(Disk::default(), agent)
                })
                .unwrap();
            node.tell(&manager, Resume);
            let report = |number, state, log: &PathBuf| {
                let message = Report {
                    update: update(number, state),
                    log: Some(log.clone()),
                };
                node.ask(&manager, message, SOON)
            };
            let running = TaskState::TaskRunning;
            assert_eq!(report(1, running, &refused).await, Ok(Confirmation::Unsafe));
            assert!(
                sent.recv().await.is_some(),
                "the framework hears of it all the same"
            );
            assert_eq!(report(1, running, &refused).await, Ok(Confirmation::Unsafe));

            let works = dir.path().join("task.updates");
            let finished = TaskState::TaskFinished;
            assert_eq!(report(2, finished, &works).await, Ok(Confirmation::Safe));
            assert_eq!(report(2, finished, &works).await, Ok(Confirmation::Safe));
            let key = update(1, running).key();
            let acknowledge = |number| Acknowledge {
                key: key.clone(),
                uuid: Uuid::from_u128(number),
            };
            let early = node.ask(&manager, acknowledge(2), SOON).await.unwrap();
            assert!(early.is_none(), "it is not in flight");
            let first = node.ask(&manager, acknowledge(1), SOON).await.unwrap();
            assert_eq!(first.unwrap().uuid.as_u128(), 1);
            assert!(sent.recv().await.is_some());
            let last = node.ask(&manager, acknowledge(2), SOON).await.unwrap();
            assert!(last.unwrap().terminal);
            let replay = log::replay::<Update>(&works, &key).unwrap();
            assert_eq!(replay.updates.len(), 1);
            assert!(
                replay.stream.in_flight().is_none(),
                "acknowledged on the disk too"
            );
        });
    }
}
