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
//! | `/offer_constraints_debug` | `constraints` |
//! | answers of the v1 operator API | `operator` |
//! | `/maintenance/schedule`, `/maintenance/status` | `maintenance` |
//! | `/registrar(1)/registry` | [`registry`] |
//! | `/version`, `/flags`, `/system/stats.json`, `/__processes__` | `about` |
//! | `/metrics`, `/metrics/snapshot` | [`crate::metrics`] |

mod about;
mod agents;
mod constraints;
pub(crate) mod explain;
mod frameworks;
pub(crate) mod maintenance;
pub(crate) mod operator;
mod paper;
mod query;
pub mod registry;
mod roles;
mod state;
mod tasks;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
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

pub(crate) use paper::{PAGE, Paper};
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
    OfferConstraints,
    MaintenanceSchedule,
    MaintenanceStatus,
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
    let draft = Draft::new(view, surroundings, path, query)?;
    let mut paper = Paper::whole();
    draft.write(&mut paper)?;
    Ok(Document {
        content_type: draft.content_type().to_owned(),
        body: paper.rest().into(),
    })
}

/// A document that can be written.
pub(crate) struct Draft<'a> {
    view: &'a View,
    surroundings: &'a Surroundings,
    name: Name,
    query: Query,
}

impl<'a> Draft<'a> {
    /// See [`read`].
    pub(crate) fn new(
        view: &'a View,
        surroundings: &'a Surroundings,
        path: &str,
        query: &str,
    ) -> Result<Draft<'a>, ReadError> {
        let name = find(path).ok_or_else(|| ReadError::NotFound(shortened(path)))?;
        if !view.leads() && !name.is_of_this_process() {
            return Err(ReadError::NotLeader(leader(view)));
        }
        let query = Query::parse(query);
        query.jsonp()?;
        Ok(Draft {
            view,
            surroundings,
            name,
            query,
        })
    }

    fn jsonp(&self) -> Option<&str> {
        self.query.jsonp().ok().flatten()
    }

    /// Its media type.
    pub(crate) fn content_type(&self) -> &'static str {
        match (self.name, self.jsonp()) {
            (Name::Health, _) => "text/plain; charset=utf-8",
            (Name::Prometheus, _) => metrics::CONTENT_TYPE,
            (_, Some(_)) => "text/javascript",
            (_, None) => "application/json",
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the paper takes no more.
    pub(crate) fn write(&self, paper: &mut Paper<'_>) -> Result<(), ReadError> {
        let written = match (self.name, self.jsonp()) {
            (Name::Health, _) => Ok(()),
            (Name::Prometheus, _) => {
                let text = metrics::text(&metrics::all(self.view, self.surroundings));
                paper.write_all(text.as_bytes())
            }
            (_, None) => self.write_json(paper),
            (_, Some(function)) => write!(paper, "{function}(")
                .and_then(|()| self.write_json(paper))
                .and_then(|()| paper.write_all(b");")),
        };
        written.map_err(|error| ReadError::Invalid(error.to_string()))
    }

    fn write_json(&self, paper: &mut Paper<'_>) -> io::Result<()> {
        let (view, query) = (self.view, &self.query);
        match self.name {
            // These are no JSON.
            Name::Health | Name::Prometheus => Ok(()),
            Name::Version => json(paper, &about::Version::new()),
            Name::Flags => json(paper, &about::Flags { flags: &view.flags }),
            Name::State => json(paper, &state::State::of(view)),
            Name::StateSummary => json(paper, &state::Summary::of(view)),
            Name::Agents => json(paper, &agents::Agents::of(view, query.get("slave_id"))),
            Name::Frameworks => {
                let wanted = query.get("framework_id");
                json(paper, &frameworks::Frameworks::of(view, wanted))
            }
            Name::Tasks => {
                let selection = tasks::Selection::of(query);
                json(paper, &tasks::Tasks::of(view, &selection))
            }
            Name::Roles => json(paper, &roles::Roles::of(view)),
            Name::OfferConstraints => json(paper, &constraints::Excluded::of(view)),
            Name::MaintenanceSchedule => json(paper, &maintenance::schedule(view)),
            Name::MaintenanceStatus => json(paper, &maintenance::status(view)),
            Name::Snapshot => json(paper, &metrics::snapshot(view, self.surroundings)),
            Name::SystemStats => json(paper, &about::SystemStats::of(self.surroundings.system)),
            Name::Processes => json(paper, &about::processes(&self.surroundings.processes)),
        }
    }
}

fn json(paper: &mut Paper<'_>, document: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer(paper, document)?)
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
            | Name::Roles
            | Name::OfferConstraints
            | Name::MaintenanceSchedule
            | Name::MaintenanceStatus => false,
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
        Name::OfferConstraints,
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
        ("offer_constraints_debug", _) => Name::OfferConstraints,
        // Where Mesos has it.
        ("hierarchical-allocator(1)", Some("offer_constraints_debug")) => Name::OfferConstraints,
        ("maintenance", Some("schedule")) => Name::MaintenanceSchedule,
        ("maintenance", Some("status")) => Name::MaintenanceStatus,
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
