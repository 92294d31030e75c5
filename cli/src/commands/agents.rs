//! `mesos agent list`.

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
    let slaves = connection.read_json("/slaves", "").await?;
    if flags.output.json {
        return print_json(&slaves["slaves"]);
    }
    let rows: Vec<[String; 6]> = elements(&slaves, "slaves").iter().map(row).collect();
    print!(
        "{}",
        table::render(["ID", "HOST", "ACTIVE", "CPUS", "MEM", "DISK"], &rows)
    );
    Ok(ExitCode::SUCCESS)
}

/// Used of total, so that one look says where there is room.
fn row(agent: &Value) -> [String; 6] {
    let share = |name: &str| {
        let (used, total) = (&agent["used_resources"][name], &agent["resources"][name]);
        format!("{} of {}", number(used), number(total))
    };
    let active = if agent["active"] == true { "yes" } else { "no" };
    [
        text(agent, "id"),
        text(agent, "hostname"),
        active.to_owned(),
        share("cpus"),
        share("mem"),
        share("disk"),
    ]
}
