//! `mesos run`.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use ::frameworks::connect::current_user;
use ::frameworks::run::{self, Progress, TaskDescription};
use libprocess::prelude::*;
use mesos::protocols::roles;
use mesos::v1;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::tail::{Place, follow};
use super::tasks::sandbox_file;
use crate::Outcome;
use crate::arguments::RunFlags;
use crate::connection::{Connection, ConnectionError};

/// What the shell reports for a command that Ctrl-C ended (128 + SIGINT).
const INTERRUPTED: u8 = 130;
/// How long the last words to the master may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn run(flags: RunFlags) -> Outcome {
    let description = describe(&flags);
    let connection = Connection::open(&flags.cluster, roles::FRAMEWORK).await?;
    let leader = connection.leader.clone();
    let mut running = run::start(&connection.node, leader, description)?;

    let first = tokio::time::timeout(connection.patience, running.progress.recv()).await;
    let framework_id = match first {
        Ok(Some(Progress::Subscribed(framework_id))) => framework_id,
        Ok(Some(Progress::Refused(why))) => {
            return Err(format!("the master refuses this framework: {why}").into());
        }
        _ => {
            return Err(ConnectionError::NoMaster {
                master: connection.master,
                reason: format!("no subscription within {} s", connection.patience.as_secs()),
            }
            .into());
        }
    };

    let mut session = Session {
        node: connection.node.clone(),
        framework_id,
        tails: JoinSet::new(),
        ends: BTreeMap::new(),
        code: 0,
    };
    let interrupted = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => true,
        result = session.follow(&mut running.progress) => { result?; false }
    };
    if interrupted {
        eprintln!("mesos run: ending the tasks");
        running.driver.teardown();
        session.code = INTERRUPTED;
    }
    // The master is to hear that this framework is done; if it cannot, its failover timeout says so later.
    let _ = tokio::time::timeout(GOODBYE_WITHIN, running.driver.ended()).await;
    connection.node.shutdown(GOODBYE_WITHIN).await;
    Ok(ExitCode::from(session.code))
}

fn describe(flags: &RunFlags) -> TaskDescription {
    let program = flags
        .command
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let name = std::path::Path::new(program)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let mut resources = vec![
        ("cpus".to_owned(), flags.cpus),
        ("mem".to_owned(), flags.mem),
    ];
    resources.extend(flags.disk.map(|disk| ("disk".to_owned(), disk)));
    TaskDescription {
        name: flags
            .name
            .clone()
            .or(name)
            .unwrap_or_else(|| "run".to_owned()),
        command: flags.command.clone(),
        environment: flags.env.clone(),
        uris: flags.uri.clone(),
        user: flags.user.clone().unwrap_or_else(current_user),
        role: flags.role.clone(),
        resources,
        instances: flags.instances,
    }
}

/// What `mesos run` shows: the output of every task, and at the end the first exit code that is not zero.
struct Session {
    node: Node,
    framework_id: v1::FrameworkId,
    tails: JoinSet<Result<(), String>>,
    /// Tells the tails of a task that it has ended.
    ends: BTreeMap<v1::TaskId, watch::Sender<bool>>,
    code: u8,
}

impl Session {
    async fn follow(
        &mut self,
        progress: &mut tokio::sync::mpsc::Receiver<Progress>,
    ) -> Result<(), String> {
        while let Some(news) = progress.recv().await {
            match news {
                Progress::Waiting(why) => eprintln!("mesos run: waiting for resources: {why}"),
                Progress::Running { task_id, agent } => self.tail(&task_id, agent),
                Progress::Ended {
                    task_id,
                    place,
                    outcome,
                } => {
                    if let Some(agent) = place {
                        // A task that ended at once was never said to run.
                        self.tail(&task_id, agent);
                    }
                    if let Some(end) = self.ends.get(&task_id) {
                        end.send_replace(true);
                    }
                    if let run::Outcome::Lost(why) = &outcome {
                        eprintln!("mesos run: task {task_id} ended with {why}");
                    }
                    if self.code == 0 {
                        self.code = outcome.exit_code();
                    }
                }
                Progress::Subscribed(_) => eprintln!("mesos run: the master is back"),
                Progress::Disconnected => {
                    eprintln!("mesos run: the master is gone; waiting for it")
                }
                Progress::Refused(why) => {
                    return Err(format!("the master ended this framework: {why}"));
                }
            }
        }
        while let Some(result) = self.tails.join_next().await {
            match result {
                Ok(Ok(())) => {}
                Ok(Err(why)) => eprintln!("mesos run: some output is missing: {why}"),
                Err(error) => eprintln!("mesos run: some output is missing: {error}"),
            }
        }
        Ok(())
    }

    /// Starts to copy a task's output, once.
    fn tail(&mut self, task_id: &v1::TaskId, agent: SocketAddr) {
        if self.ends.contains_key(task_id) {
            return;
        }
        let (end, ended) = watch::channel(false);
        let place = |file| Place {
            agent,
            path: sandbox_file(&self.framework_id.value, &task_id.value, file),
        };
        self.tails.spawn(follow(
            self.node.clone(),
            place("stdout"),
            ended.clone(),
            io::stdout(),
        ));
        self.tails.spawn(follow(
            self.node.clone(),
            place("stderr"),
            ended,
            io::stderr(),
        ));
        self.ends.insert(task_id.clone(), end);
    }
}
