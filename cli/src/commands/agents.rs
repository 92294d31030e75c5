//! `mesos agent list`, `drain`, `deactivate` and `reactivate`.

use std::process::ExitCode;

use mesos::protocols::roles;
use serde_json::{Value, json};

use super::{elements, number, operator, print_json, text};
use crate::Outcome;
use crate::arguments::{DrainFlags, OneAgentFlags, StateFlags};
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
    [
        text(agent, "id"),
        text(agent, "hostname"),
        use_of(agent).to_owned(),
        share("cpus"),
        share("mem"),
        share("disk"),
    ]
}

/// Whether it is used, or what an operator wanted instead.
fn use_of(agent: &Value) -> &'static str {
    match agent["drain_info"]["state"].as_str() {
        Some("DRAINED") => "drained",
        Some(_) => "draining",
        None if agent["deactivated"] == true => "deactivated",
        None if agent["active"] == true => "yes",
        None => "no",
    }
}

pub(super) async fn drain(flags: DrainFlags) -> Outcome {
    let grace = flags
        .max_grace_period
        .map(|grace| json!({"seconds": grace.as_secs(), "nanos": grace.subsec_nanos()}));
    let more = json!({"max_grace_period": grace, "mark_gone": flags.mark_gone});
    change(flags.of, ("DRAIN_AGENT", "drain_agent", more), "is drained").await
}

pub(super) async fn deactivate(flags: OneAgentFlags) -> Outcome {
    let call = ("DEACTIVATE_AGENT", "deactivate_agent", json!({}));
    change(flags, call, "is not offered any more").await
}

pub(super) async fn reactivate(flags: OneAgentFlags) -> Outcome {
    let call = ("REACTIVATE_AGENT", "reactivate_agent", json!({}));
    change(flags, call, "is offered again").await
}

/// The type of a call, its field, and what that says beside the agent.
type OfAgent = (&'static str, &'static str, Value);

async fn change(flags: OneAgentFlags, (kind, field, mut part): OfAgent, done: &str) -> Outcome {
    let connection = Connection::open(&flags.cluster, roles::OPERATOR).await?;
    let agents = connection.read_json("/slaves", "").await?;
    let id = find(&agents, &flags.agent)?;
    part["agent_id"] = json!({"value": id});
    operator::call(&connection, json!({"type": kind, field: part})).await?;
    println!("{id} {done}");
    Ok(ExitCode::SUCCESS)
}

/// The agent of this id or hostname, or the only one whose id begins so. What is like none may be the id of one that is
/// away: of that the master knows.
fn find(agents: &Value, called: &str) -> Result<String, String> {
    let known = ["slaves", "recovered_slaves"];
    let known = known.iter().flat_map(|list| elements(agents, list));
    let known: Vec<(String, String)> = known
        .map(|agent| (text(agent, "id"), text(agent, "hostname")))
        .collect();
    let of = |is_it: &dyn Fn(&str, &str) -> bool| -> Vec<&str> {
        let found = known.iter().filter(|(id, hostname)| is_it(id, hostname));
        found.map(|(id, _)| id.as_str()).collect()
    };
    let exact = of(&|id, _| id == called);
    let named = of(&|_, hostname| hostname == called);
    let begun = of(&|id, _| id.starts_with(called));
    let found = [exact, named, begun];
    match found.iter().find(|found| !found.is_empty()) {
        None => Ok(called.to_owned()),
        Some(found) => match found.as_slice() {
            [one] => Ok((*one).to_owned()),
            several => Err(format!(
                "{} agents are called '{called}'; write the id, as `mesos agent list` shows it",
                several.len()
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_found_by_its_id_its_name_or_the_beginning_of_its_id() {
        let agents = json!({
            "slaves": [{"id": "m-S1", "hostname": "a"}, {"id": "m-S10", "hostname": "b"}],
            "recovered_slaves": [{"id": "m-S2", "hostname": "b"}],
        });
        for (called, expected) in [
            ("m-S1", "m-S1"),
            ("a", "m-S1"),
            ("m-S2", "m-S2"),
            ("x-S7", "x-S7"),
        ] {
            assert_eq!(find(&agents, called).as_deref(), Ok(expected), "{called}");
        }
        for unclear in ["b", "m-"] {
            let why = find(&agents, unclear).expect_err("several agents");
            assert!(why.contains("mesos agent list"), "{why}");
        }
    }

    #[test]
    fn what_operators_wanted_is_said_before_whether_it_is_connected() {
        for (agent, expected) in [
            (json!({"active": true}), "yes"),
            (json!({"active": false}), "no"),
            (json!({"active": true, "deactivated": true}), "deactivated"),
            (
                json!({"deactivated": true, "drain_info": {"state": "DRAINING"}}),
                "draining",
            ),
            (
                json!({"deactivated": true, "drain_info": {"state": "DRAINED"}}),
                "drained",
            ),
        ] {
            assert_eq!(use_of(&agent), expected, "{agent}");
        }
    }
}
