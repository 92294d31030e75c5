//! Which sandbox a virtual path means.
//!
//! ```text
//! <work_dir>/slaves/<agent>/frameworks/<id>/executors/<id>/runs/<container or latest>/<file>
//!                          /frameworks/<id>/executors/<id>/runs/latest/<file>
//! ```
//!
//! The ids in the path lead to the executor without a walk over all that ever ran here: tools that
//! follow logs ask often.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mesos::v1::FrameworkId;

use super::FilesError;
use crate::state::{Executor, Framework, State};

/// A place in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The sandbox.
    pub root: PathBuf,
    /// The path beneath it; empty for the sandbox itself.
    pub relative: PathBuf,
}

/// Finds the sandbox that `path` leads into. What is beneath it need not exist.
pub fn locate(state: &State, path: &str) -> Result<Location, FilesError> {
    if path.is_empty() {
        let text = "Expecting 'path=value' in query.";
        return Err(FilesError::Invalid(text.into()));
    }
    let parts = path.match_indices("/frameworks/");
    let found = parts
        .filter_map(|(at, _)| locate_at(state, path, at))
        .next();
    found.ok_or(FilesError::NotFound)
}

/// All virtual paths and what they stand for, as `/files/debug` shows.
pub fn all(state: &State) -> BTreeMap<String, PathBuf> {
    let mut all = BTreeMap::new();
    for framework in state.completed_frameworks().chain(state.frameworks()) {
        let past = framework.completed_executors.iter().map(|e| e.as_ref());
        // Oldest first, so that `latest` ends up with the latest run.
        for executor in past.chain(framework.executors.values()) {
            let runs = executor.directory.parent().unwrap_or(Path::new("/"));
            for path in [
                executor.directory.to_string_lossy().into_owned(),
                runs.join("latest").to_string_lossy().into_owned(),
                short(executor),
            ] {
                all.insert(path, executor.directory.clone());
            }
        }
    }
    all
}

fn short(executor: &Executor) -> String {
    let (framework, id) = (&executor.framework_id, &executor.info.executor_id);
    format!(
        "/frameworks/{}/executors/{}/runs/latest",
        framework.value, id.value
    )
}

fn locate_at(state: &State, path: &str, at: usize) -> Option<Location> {
    let (prefix, rest) = path.split_at(at);
    let mut words = rest.splitn(8, '/').skip(2);
    let framework = FrameworkId::from(words.next()?);
    let ("executors", executor) = (words.next()?, words.next()?) else {
        return None;
    };
    let ("runs", run) = (words.next()?, words.next()?) else {
        return None;
    };
    let relative = words.next().unwrap_or_default().trim_start_matches('/');
    let is_it = |e: &&Executor| match prefix {
        "" => run == "latest",
        _ => {
            let container = &e.container_id.value;
            let ids = &rest[..rest.find("/runs/").unwrap_or_default()];
            let directory = format!("{prefix}{ids}/runs/{container}");
            (run == "latest" || run == container) && e.directory == Path::new(&directory)
        }
    };
    let found = runs_of(state, &framework, executor).find(is_it)?;
    Some(Location {
        root: found.directory.clone(),
        relative: relative.trim_end_matches('/').into(),
    })
}

/// The runs of an executor, the latest first.
fn runs_of<'a>(
    state: &'a State,
    framework: &'a FrameworkId,
    executor: &'a str,
) -> impl Iterator<Item = &'a Executor> {
    let past = state
        .completed_frameworks()
        .filter(move |f| f.id() == *framework);
    let frameworks = state.framework(framework).into_iter().chain(past);
    let runs = |f: &'a Framework| {
        let past = f.completed_executors.iter().rev().map(|e| e.as_ref());
        f.executors.values().chain(past)
    };
    let is_it = move |e: &&Executor| e.info.executor_id.value == executor;
    frameworks.flat_map(runs).filter(is_it)
}
