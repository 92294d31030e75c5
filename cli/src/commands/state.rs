//! `mesos state`.

use std::process::ExitCode;

use mesos::protocols::roles;
use serde_json::Value;

use super::{elements, number, print_json, text};
use crate::Outcome;
use crate::arguments::StateFlags;
use crate::connection::Connection;

pub(super) async fn show(flags: StateFlags) -> Outcome {
    let connection = Connection::open(&flags.cluster, roles::OPERATOR).await?;
    let state = connection.read_json("/state", "").await?;
    if flags.output.json {
        return print_json(&state);
    }
    print!("{}", summary(&state));
    Ok(ExitCode::SUCCESS)
}

fn summary(state: &Value) -> String {
    let (agents, frameworks) = (elements(state, "slaves"), elements(state, "frameworks"));
    let running: usize = frameworks.iter().map(|f| elements(f, "tasks").len()).sum();
    let sum = |part: &str, name: &str| -> f64 {
        agents.iter().filter_map(|a| a[part][name].as_f64()).sum()
    };
    let share = |name: &str, unit: &str| {
        let (used, total) = (sum("used_resources", name), sum("resources", name));
        format!(
            "{} of {}{unit} used",
            number(&used.into()),
            number(&total.into())
        )
    };
    let lines = [
        ("master", text(state, "pid")),
        (
            "version",
            format!(
                "{} (compatible with Mesos {})",
                text(state, "product_version"),
                text(state, "version")
            ),
        ),
        ("cluster", text(state, "cluster")),
        ("agents", agents.len().to_string()),
        ("frameworks", frameworks.len().to_string()),
        ("tasks", running.to_string()),
        ("cpus", share("cpus", "")),
        ("mem", share("mem", " MB")),
        ("disk", share("disk", " MB")),
    ];
    let shown = lines.iter().filter(|(_, value)| !value.is_empty());
    shown
        .map(|(name, value)| format!("{name:<12}{value}\n"))
        .collect()
}
