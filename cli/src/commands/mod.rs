//! What commands do that talk to a cluster: one file each.

mod agents;
mod explain;
mod frameworks;
mod maintenance;
mod operator;
mod registry;
mod run;
mod state;
mod tail;
mod tasks;
mod top;

use std::process::ExitCode;

use serde_json::Value;

use crate::Outcome;
use crate::arguments::{
    AgentCommand, ExplainFlags, ListCommand, MaintenanceCommand, RegistryCommand, RunFlags,
    StateFlags, TaskCommand, TopFlags,
};

pub(crate) async fn run(flags: RunFlags) -> Outcome {
    run::run(flags).await
}

pub(crate) async fn task(command: TaskCommand) -> Outcome {
    match command {
        TaskCommand::List(flags) => tasks::list(flags).await,
        TaskCommand::Logs(flags) => tasks::logs(flags).await,
        TaskCommand::Kill(flags) => tasks::kill(flags).await,
    }
}

pub(crate) async fn agent(command: AgentCommand) -> Outcome {
    match command {
        AgentCommand::List(flags) => agents::list(flags).await,
        AgentCommand::Drain(flags) => agents::drain(flags).await,
        AgentCommand::Deactivate(flags) => agents::deactivate(flags).await,
        AgentCommand::Reactivate(flags) => agents::reactivate(flags).await,
    }
}

pub(crate) async fn maintenance(command: MaintenanceCommand) -> Outcome {
    maintenance::run(command).await
}

pub(crate) async fn framework(command: ListCommand) -> Outcome {
    let ListCommand::List(flags) = command;
    frameworks::list(flags).await
}

pub(crate) async fn state(flags: StateFlags) -> Outcome {
    state::show(flags).await
}

pub(crate) async fn explain(flags: ExplainFlags) -> Outcome {
    explain::explain(flags).await
}

pub(crate) async fn registry(command: RegistryCommand) -> Outcome {
    registry::run(command).await
}

pub(crate) async fn top(flags: TopFlags) -> Outcome {
    top::watch(flags).await
}

/// Prints `value` as indented JSON.
fn print_json(value: &Value) -> Outcome {
    println!("{value:#}");
    Ok(ExitCode::SUCCESS)
}

/// The elements of a list inside a document; none if it is missing.
fn elements<'a>(document: &'a Value, list: &str) -> &'a [Value] {
    document[list].as_array().map_or(&[], Vec::as_slice)
}

/// A text field; empty if it is missing.
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// A number as people write it: no decimals where there are none.
fn number(value: &Value) -> String {
    let number = value.as_f64().unwrap_or_default();
    format!("{}", (number * 1000.0).round() / 1000.0)
}
