//! `mesos task list`, `logs` and `kill`.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::master::SchedulerCall;
use mesos::protocols::{MasterProtocol, names, roles};
use mesos::v1;
use mesos::v1::scheduler::{Call, call};
use mesos::wire::Pb;
use serde_json::Value;
use tokio::sync::watch;

use super::tail::{Place, follow};
use super::{elements, number, print_json, text};
use crate::Outcome;
use crate::arguments::{KillFlags, ListFlags, LogsFlags};
use crate::connection::{Connection, resolve};
use crate::table;

/// More tasks than any screen shows; a program that wants all pages through `/tasks` itself.
const LIST_LIMIT: &str = "limit=10000";
/// A master answers a KILL when it has passed it on.
const KILL_WITHIN: Duration = Duration::from_secs(10);
/// How often a followed task is looked at, to know when it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) async fn list(flags: ListFlags) -> Outcome {
    let connection = Connection::open(&flags.state.cluster, roles::OPERATOR).await?;
    let document = connection.read_json("/tasks", LIST_LIMIT).await?;
    let shown: Vec<Value> = elements(&document, "tasks")
        .iter()
        .filter(|task| flags.all || !has_ended(task))
        .cloned()
        .collect();
    if flags.state.output.json {
        return print_json(&Value::Array(shown));
    }
    let rows: Vec<[String; 6]> = shown.iter().map(row).collect();
    let headings = ["ID", "NAME", "STATE", "AGENT", "CPUS", "MEM"];
    print!("{}", table::render(headings, &rows));
    Ok(ExitCode::SUCCESS)
}

fn row(task: &Value) -> [String; 6] {
    [
        text(task, "id"),
        text(task, "name"),
        text(task, "state"),
        text(task, "slave_id"),
        number(&task["resources"]["cpus"]),
        number(&task["resources"]["mem"]),
    ]
}

pub(super) async fn logs(flags: LogsFlags) -> Outcome {
    let connection = Connection::open(&flags.cluster, roles::OPERATOR).await?;
    let task = find(&connection, &flags.task).await?;
    let file = if flags.stderr { "stderr" } else { "stdout" };
    let place = place_of(&connection, &task, file).await?;
    let (end, ended) = watch::channel(!flags.follow || has_ended(&task));
    let node = connection.node.clone();
    let watching = async {
        while !*end.borrow() {
            tokio::time::sleep(LOOK_EVERY).await;
            let gone = match find(&connection, &text(&task, "id")).await {
                Ok(task) => has_ended(&task),
                Err(_) => true,
            };
            end.send_replace(gone);
        }
    };
    let (result, ()) = tokio::join!(follow(node, place, ended, io::stdout()), watching);
    result?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn kill(flags: KillFlags) -> Outcome {
    let connection = Connection::open(&flags.cluster, roles::OPERATOR).await?;
    let task = find(&connection, &flags.task).await?;
    let id = text(&task, "id");
    if has_ended(&task) {
        return Err(format!("task '{id}' has ended already ({})", text(&task, "state")).into());
    }
    let call = Call {
        framework_id: Some(v1::FrameworkId {
            value: text(&task, "framework_id"),
        }),
        r#type: Some(call::Type::Kill.into()),
        kill: Some(call::Kill {
            task_id: v1::TaskId { value: id.clone() },
            agent_id: Some(v1::AgentId {
                value: text(&task, "slave_id"),
            }),
            kill_policy: None,
        }),
        ..Default::default()
    };
    let message = SchedulerCall {
        call: Pb(call),
        from: None,
        stream_id: None,
        principal: None,
    };
    let master: Pid<MasterProtocol> = Pid::named(names::MASTER, connection.master);
    match connection.node.ask(&master, message, KILL_WITHIN).await {
        Ok(Ok(_)) => {
            println!("asked {id} to end");
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(rejected)) => Err(format!("task '{id}' is not killed: {}", rejected.message).into()),
        Err(error) => Err(format!(
            "the master at {} does not answer: {error}",
            connection.master
        )
        .into()),
    }
}

/// The task of this id, or the only one whose id begins so; a task that runs goes before those that have ended.
async fn find(connection: &Connection, id: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let document = connection.read_json("/tasks", LIST_LIMIT).await?;
    let tasks = elements(&document, "tasks");
    let exact: Vec<&Value> = tasks.iter().filter(|task| task["id"] == id).collect();
    let found = if exact.is_empty() {
        tasks
            .iter()
            .filter(|task| text(task, "id").starts_with(id))
            .collect()
    } else {
        exact
    };
    let running: Vec<&Value> = found
        .iter()
        .copied()
        .filter(|task| !has_ended(task))
        .collect();
    match (running.as_slice(), found.as_slice()) {
        ([one], _) | ([], [one, ..]) => Ok(Value::clone(one)),
        ([], []) => {
            Err(format!("no task has the id '{id}'; `mesos task list --all` shows them").into())
        }
        (several, _) => Err(format!(
            "{} tasks have ids that begin with '{id}'; write more of it",
            several.len()
        )
        .into()),
    }
}

fn has_ended(task: &Value) -> bool {
    v1::TaskState::from_str_name(&text(task, "state")).is_none_or(mesos::task_state::is_terminal)
}

/// Where a file of the task's sandbox is.
async fn place_of(
    connection: &Connection,
    task: &Value,
    file: &str,
) -> Result<Place, Box<dyn std::error::Error>> {
    let agents = connection.read_json("/slaves", "").await?;
    let agent_id = text(task, "slave_id");
    let agent = elements(&agents, "slaves")
        .iter()
        .find(|agent| agent["id"] == agent_id.as_str())
        .ok_or_else(|| format!("the agent of this task ({agent_id}) is not registered now; its files cannot be read"))?;
    // `slave(1)@10.0.0.1:5051`
    let pid = text(agent, "pid");
    let address = pid.rsplit('@').next().unwrap_or_default();
    // A command task's executor has the task's own id.
    let executor = Some(text(task, "executor_id")).filter(|id| !id.is_empty());
    Ok(Place {
        agent: resolve(address)?,
        path: sandbox_file(
            &text(task, "framework_id"),
            &executor.unwrap_or_else(|| text(task, "id")),
            file,
        ),
    })
}

/// The virtual path of a file in the latest sandbox of an executor.
pub(super) fn sandbox_file(framework_id: &str, executor_id: &str, file: &str) -> String {
    format!("/frameworks/{framework_id}/executors/{executor_id}/runs/latest/{file}")
}
