//! `mesos explain`: why a framework, or all in a role, are offered nothing, or no more.

use std::process::ExitCode;

use mesos::protocols::roles;
use serde_json::Value;

use super::{elements, number, print_json, text};
use crate::Outcome;
use crate::arguments::ExplainFlags;
use crate::connection::Connection;
use crate::table;

pub(super) async fn explain(flags: ExplainFlags) -> Outcome {
    let connection = Connection::open(&flags.state.cluster, roles::OPERATOR).await?;
    let asked = [
        ("framework", &flags.framework),
        ("role", &flags.role),
        ("agent_id", &flags.agent),
    ];
    let asked = asked.map(|(key, value)| Some(format!("{key}={}", encode(value.as_ref()?))));
    let query = asked.into_iter().flatten().collect::<Vec<_>>().join("&");
    let answer = connection.read_json("/explain", &query).await?;
    if flags.state.output.json {
        return print_json(&answer);
    }
    print!("{}", render_all(&answer));
    Ok(ExitCode::SUCCESS)
}

/// One framework, or those of a role.
fn render_all(answer: &Value) -> String {
    let Some(frameworks) = answer["frameworks"].as_array() else {
        return render(answer);
    };
    let mut all: Vec<String> = frameworks.iter().map(render).collect();
    if answer["frameworks_cut"] != 0 {
        let more = number(&answer["frameworks_cut"]);
        all.push(format!("{more} more frameworks are in the role.\n"));
    }
    all.join("\n")
}

fn render(answer: &Value) -> String {
    let (framework, offers) = (&answer["framework"], &answer["offers"]);
    let mut lines = format!(
        "{} ({}) holds {} of at most {} offers.\n",
        text(framework, "name"),
        text(framework, "id"),
        number(&offers["outstanding"]),
        number(&offers["limit"]),
    );
    let rows: Vec<[String; 3]> = (elements(answer, "summary").iter())
        .map(|group| {
            [
                text(group, "role"),
                number(&group["agents"]),
                text(group, "why"),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => lines.push_str("There is no agent to offer.\n"),
        false => lines.push_str(&table::render(["ROLE", "AGENTS", "WHY"], &rows)),
    }
    let agents = &answer["agents"];
    if agents["explained"] != agents["total"] {
        lines.push_str(&format!(
            "Looked at {} of {} agents.\n",
            number(&agents["explained"]),
            number(&agents["total"]),
        ));
    }
    lines
}

/// A value in a query, whatever is in it.
fn encode(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_cut_is_said() {
        let mut answer = json!({
            "framework": {"name": "web", "id": "f-1"},
            "offers": {"outstanding": 2, "limit": 10},
            "agents": {"total": 2000, "explained": 1000},
            "summary": [{"role": "eng", "agents": 1000, "why": "all of the agent is offered or used"}],
        });
        let expected = "web (f-1) holds 2 of at most 10 offers.\n\
            ROLE  AGENTS  WHY\n\
            eng   1000    all of the agent is offered or used\n\
            Looked at 1000 of 2000 agents.\n";
        assert_eq!(render(&answer), expected);
        answer["summary"] = json!([]);
        answer["agents"] = json!({"total": 0, "explained": 0});
        assert!(render(&answer).ends_with(".\nThere is no agent to offer.\n"));
    }

    #[test]
    fn names_may_have_any_character() {
        assert_eq!(encode("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
