//! What the master shows, as pure functions from the published view to bytes.
//!
//! Shapes are those of Mesos 1.11 (Mesos' `docs/endpoints/`), down to the old word `slave` in names: clients
//! read them. Differences are listed, and checked, in `tests`.
//!
//! | Path | File |
//! |---|---|
//! | `/state`, `/state-summary` | `state` |
//! | `/slaves` | `agents` |
//! | `/frameworks` | `frameworks` |
//! | `/tasks` | `tasks` |
//! | `/explain` | `explain`; the allocator has to be asked, so it is not of the view alone |
//! | `/roles` | `roles` |
//! | answers of the v1 operator API | `operator` |
//! | `/maintenance/schedule`, `/maintenance/status` | `maintenance` |
//! | `/registrar(1)/registry` | [`registry`] |
//! | `/version`, `/flags`, `/system/stats.json`, `/__processes__` | `about` |
//! | `/metrics`, `/metrics/snapshot` | [`crate::metrics`] |

mod about;
mod agents;
pub(crate) mod explain;
mod frameworks;
pub(crate) mod maintenance;
pub(crate) mod operator;
mod query;
pub mod registry;
mod roles;
mod state;
mod tasks;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use libprocess::ProcessInfo;
use mesos::protocols::names;
use mesos::protocols::reader::{Document, ReadError};
use serde::Serialize;

use crate::allocator::Report;
use crate::metrics;
use crate::metrics::system::System;
use crate::state::Timestamp;
use crate::view::View;

pub(crate) use query::Query;

/// What documents tell that is not in the view.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The present.
    pub now: Timestamp,
    /// The actors of the master's node.
    pub processes: Vec<ProcessInfo>,
    /// The machine.
    pub system: System,
    /// The allocator.
    pub allocator: Arc<Report>,
}

/// The names of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Health,
    Version,
    Flags,
    State,
    StateSummary,
    Agents,
    Frameworks,
    Tasks,
    Roles,
    Snapshot,
    Prometheus,
    SystemStats,
    Processes,
}

/// The document at `path`, as `query` wants it.
///
/// # Errors
/// If there is none, or the query makes no sense, or it is the leader's to answer.
pub fn read(
    view: &View,
    surroundings: &Surroundings,
    path: &str,
    query: &str,
) -> Result<Document, ReadError> {
    let name = find(path).ok_or_else(|| ReadError::NotFound(shortened(path)))?;
    if !view.leads() && !name.is_of_this_process() {
        return Err(ReadError::NotLeader(leader(view)));
    }
    let query = Query::parse(query);
    let jsonp = query.jsonp()?;
    let json = match name {
        Name::Health => return Ok(plain("text/plain; charset=utf-8", String::new())),
        Name::Prometheus => {
            let text = metrics::text(&metrics::all(view, surroundings));
            return Ok(plain(metrics::CONTENT_TYPE, text));
        }
        Name::Version => write(&about::Version::new()),
        Name::Flags => write(&about::Flags { flags: &view.flags }),
        Name::State => write(&state::State::of(view)),
        Name::StateSummary => write(&state::Summary::of(view)),
        Name::Agents => write(&agents::Agents::of(view, query.get("slave_id"))),
        Name::Frameworks => write(&frameworks::Frameworks::of(view, query.get("framework_id"))),
        Name::Tasks => write(&tasks::Tasks::of(view, &tasks::Selection::of(&query))),
        Name::Roles => write(&roles::Roles::of(view)),
        Name::Snapshot => write(&metrics::snapshot(view, surroundings)),
        Name::SystemStats => write(&about::SystemStats::of(surroundings.system)),
        Name::Processes => write(&about::processes(&surroundings.processes)),
    }?;
    Ok(match jsonp {
        Some(function) => plain("text/javascript", format!("{function}({json});")),
        None => plain("application/json", json),
    })
}

/// `host:port` of the leader; empty if none is known.
pub(crate) fn leader(view: &View) -> String {
    view.leader.as_ref().map_or_else(String::new, |leader| {
        let host = leader.hostname.as_deref().unwrap_or_default();
        format!("{host}:{}", leader.port)
    })
}

impl Name {
    /// Whether the document is about the process and not about its cluster: then a master that stands by has one,
    /// too.
    fn is_of_this_process(self) -> bool {
        match self {
            Name::Health
            | Name::Version
            | Name::Flags
            | Name::Snapshot
            | Name::Prometheus
            | Name::SystemStats
            | Name::Processes => true,
            Name::State
            | Name::StateSummary
            | Name::Agents
            | Name::Frameworks
            | Name::Tasks
            | Name::Roles => false,
        }
    }
}

/// Whether the document grows with the cluster.
pub(crate) fn is_large(path: &str) -> bool {
    let large = [
        Name::State,
        Name::StateSummary,
        Name::Agents,
        Name::Frameworks,
        Name::Tasks,
        Name::Roles,
    ];
    find(path).is_some_and(|name| large.contains(&name))
}

/// Whether the allocator has to be asked for the document.
pub(crate) fn is_explanation(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let first = segments.find(|segment| *segment != names::MASTER);
    first == Some("explain")
}

/// A path is served by the longest name it begins with, in whole segments; the process' name
/// before it is optional, and so is the `.json` that Mesos once had behind it.
fn find(path: &str) -> Option<Name> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut first = segments.next()?;
    if first == "master" {
        first = segments.next()?;
    }
    let second = segments.next().map(without_suffix);
    Some(match (without_suffix(first), second) {
        ("health", _) => Name::Health,
        ("version", _) => Name::Version,
        ("flags", _) => Name::Flags,
        ("state", _) => Name::State,
        ("state-summary", _) => Name::StateSummary,
        ("slaves", _) => Name::Agents,
        ("frameworks", _) => Name::Frameworks,
        ("tasks", _) => Name::Tasks,
        ("roles", _) => Name::Roles,
        ("metrics", None) => Name::Prometheus,
        ("metrics", Some("snapshot")) => Name::Snapshot,
        ("system", Some("stats")) => Name::SystemStats,
        ("__processes__", _) => Name::Processes,
        _ => return None,
    })
}

fn without_suffix(segment: &str) -> &str {
    segment.strip_suffix(".json").unwrap_or(segment)
}

/// Paths come from outside and go into messages.
fn shortened(path: &str) -> String {
    const SHOWN: usize = 100;
    path.chars().take(SHOWN).collect()
}

fn write(document: &impl Serialize) -> Result<String, ReadError> {
    serde_json::to_string(document).map_err(|error| ReadError::Invalid(error.to_string()))
}

fn plain(content_type: &str, body: String) -> Document {
    Document {
        content_type: content_type.to_owned(),
        body: body.into(),
    }
}
