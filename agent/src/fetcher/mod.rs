//! Brings a container's URIs into its sandbox before the executor starts.
//!
//! `file` URIs, absolute paths, `http` and `https`; archives are unpacked, executables marked, names
//! and folders chosen by `output_file` (Mesos' `docs/fetcher.md`). Unlike Mesos there is
//! no helper process: each fetch has a thread whose file rights are the task user's, so that a task
//! cannot read through the fetcher what its user may not read, and everything it makes is its
//! user's. Writing goes through [`sandbox::Sandbox`], which cannot be led out by links or `..`.

mod download;
mod extract;
mod sandbox;
mod uri;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mesos::v1::command_info::Uri;

use crate::syscall::{Identity, act_on_files_as};
use sandbox::Sandbox;
use uri::{Source, Target};

/// One container's fetch.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) uris: Vec<Uri>,
    pub(crate) sandbox: PathBuf,
    /// On whose behalf; `None` is the agent's user.
    pub(crate) user: Option<Identity>,
    /// The sandbox's `stderr`: the task's owner reads there what was fetched.
    pub(crate) log: File,
    /// Set to give up between two reads.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// Why a fetch failed; every one that belongs to a URI names it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("'{uri}': {reason}")]
    Invalid { uri: String, reason: String },
    #[error("'{uri}': {source}")]
    Io { uri: String, source: io::Error },
    #[error("'{uri}': cannot unpack: {reason}")]
    Extract {
        uri: String,
        reason: extract::ExtractError,
    },
    #[error("cancelled")]
    Cancelled,
    #[error("the fetcher's thread: {0}")]
    Thread(io::Error),
}

/// No single thing fetched may be longer than this: it would fill the machine, not a sandbox.
const MAX_BYTES: u64 = 32 << 30;

/// Read and write in pieces of this size, looking for cancellation in between.
const PIECE: usize = 64 << 10;

/// Fetches everything in order; the first failure ends it. What was fetched until then stays, for
/// whoever looks into the sandbox to understand why.
pub(crate) async fn fetch(job: Fetch) -> Result<(), FetchError> {
    if job.uris.is_empty() {
        return Ok(());
    }
    let (done, outcome) = tokio::sync::oneshot::channel();
    // A thread of its own, not one of a pool: it changes its user for good.
    std::thread::Builder::new()
        .name("fetcher".to_owned())
        .spawn(move || {
            // Nobody waits any more if the container was destroyed meanwhile.
            let _ = done.send(fetch_all(job));
        })
        .map_err(FetchError::Thread)?;
    outcome
        .await
        .unwrap_or_else(|_| Err(FetchError::Thread(io::Error::other("ended early"))))
}

fn fetch_all(mut job: Fetch) -> Result<(), FetchError> {
    let sandbox = Sandbox::open(&job.sandbox).map_err(FetchError::Thread)?;
    if let Some(user) = &job.user {
        act_on_files_as(user).map_err(FetchError::Thread)?;
    }
    let web = download::Web::new();
    for uri in std::mem::take(&mut job.uris) {
        let shown = uri::redacted(&uri.value);
        // A full disk must not hide the reason for which the fetch fails anyway.
        let _ = writeln!(job.log, "fetcher: fetching '{shown}'");
        match fetch_one(&uri, &shown, &sandbox, &web, &job.cancelled) {
            Ok(summary) => {
                let _ = writeln!(job.log, "fetcher: fetched '{shown}' {summary}");
            }
            Err(error) => {
                let _ = writeln!(job.log, "fetcher: failed to fetch {error}");
                return Err(error);
            }
        }
    }
    Ok(())
}

fn fetch_one(
    uri: &Uri,
    shown: &str,
    sandbox: &Sandbox,
    web: &download::Web,
    cancelled: &AtomicBool,
) -> Result<String, FetchError> {
    let invalid = |reason| FetchError::Invalid {
        uri: shown.to_owned(),
        reason,
    };
    let io_error = |source| FetchError::Io {
        uri: shown.to_owned(),
        source,
    };
    let source = Source::parse(&uri.value).map_err(invalid)?;
    let target = Target::of(uri, &source).map_err(invalid)?;

    // Opened before anything is created, so that what cannot be had leaves no empty file.
    let content: Box<dyn Read> = match &source {
        Source::File(path) => Box::new(open_local(path).map_err(io_error)?),
        Source::Web(url) => Box::new(web.get(url).map_err(invalid)?),
    };
    let mut file = sandbox.create(&target.path, 0o644).map_err(io_error)?;
    let length = copy(content, &mut file, MAX_BYTES, cancelled).map_err(|error| match error {
        CopyError::Cancelled => FetchError::Cancelled,
        CopyError::Io(source) => io_error(source),
        CopyError::TooLong(_) => invalid(error.to_string()),
    })?;
    if uri.executable() {
        file.set_permissions(PermissionsExt::from_mode(0o755))
            .map_err(io_error)?;
        return Ok(format!(
            "as executable '{}' ({length} bytes)",
            target.path.display()
        ));
    }
    drop(file);
    let Some(format) = target.archive else {
        return Ok(format!("as '{}' ({length} bytes)", target.path.display()));
    };
    let archive = sandbox.read(&target.path).map_err(io_error)?;
    let entries = extract::extract(archive, length, &target.path, format, sandbox, cancelled)
        .map_err(|reason| match reason {
            extract::ExtractError::Cancelled => FetchError::Cancelled,
            reason => FetchError::Extract {
                uri: shown.to_owned(),
                reason,
            },
        })?;
    Ok(format!("({length} bytes) and unpacked {entries} entries"))
}

fn open_local(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("is not a regular file"))
    }
}

/// Why a copy ended early.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("longer than {0} bytes")]
    TooLong(u64),
    #[error("cancelled")]
    Cancelled,
}

/// Copies at most `limit` bytes, and says how many.
fn copy(
    mut from: impl Read,
    into: &mut impl Write,
    limit: u64,
    cancelled: &AtomicBool,
) -> Result<u64, CopyError> {
    let mut piece = vec![0; PIECE];
    let mut copied = 0;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(CopyError::Cancelled);
        }
        let length = match from.read(&mut piece) {
            Ok(0) => return Ok(copied),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        copied += length as u64;
        if copied > limit {
            return Err(CopyError::TooLong(limit));
        }
        into.write_all(&piece[..length])?;
    }
}

#[cfg(test)]
mod tests;
