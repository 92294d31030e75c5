//! `mesos framework list`.

use std::process::ExitCode;

use mesos::protocols::roles;
use serde_json::Value;

use super::{elements, number, print_json, text};
use crate::Outcome;
use crate::arguments::StateFlags;
use crate::connection::Connection;
use crate::table;

pub(super) async fn list(flags: StateFlags) -> Outcome {
    let connection = Connection::open(&flags.cluster, roles::OPERATOR).await?;
    let frameworks = connection.read_json("/frameworks", "").await?;
    if flags.output.json {
        return print_json(&frameworks["frameworks"]);
    }
    let rows: Vec<[String; 7]> = elements(&frameworks, "frameworks")
        .iter()
        .map(row)
        .collect();
    let headings = ["ID", "NAME", "USER", "ACTIVE", "TASKS", "CPUS", "MEM"];
    print!("{}", table::render(headings, &rows));
    Ok(ExitCode::SUCCESS)
}

fn row(framework: &Value) -> [String; 7] {
    let active = if framework["active"] == true {
        "yes"
    } else {
        "no"
    };
    [
        text(framework, "id"),
        text(framework, "name"),
        text(framework, "user"),
        active.to_owned(),
        elements(framework, "tasks").len().to_string(),
        number(&framework["used_resources"]["cpus"]),
        number(&framework["used_resources"]["mem"]),
    ]
}
