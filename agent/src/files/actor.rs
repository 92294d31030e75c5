//! The `files` actor: the same views as HTTP, for tools that speak to nodes.

use libprocess::prelude::*;
use mesos::protocols::files::{Browse, Chunk, FilesError as Refused, Read};
use mesos::protocols::{FilesProtocol, roles};
use mesos::v1::{FileInfo, TimeInfo};
use mesos::wire::Pb;

use super::{Entry, FilesError};
use crate::view::View;

/// Shows sandboxes to masters, agents and people with certificates; not to executors, whose
/// certificates are for their own agent's ear.
pub(crate) struct Files {
    view: View,
}

impl Files {
    pub(crate) fn new(view: View) -> Files {
        Files { view }
    }
}

impl Actor for Files {
    type Context = Context<Self>;
}

impl Process for Files {
    type Protocol = FilesProtocol;
}

impl Handler<Browse> for Files {
    type Result = Result<Vec<Pb<FileInfo>>, Refused>;

    fn handle(&mut self, browse: Browse, ctx: &mut Context<Self>) -> Self::Result {
        check_peer(&browse.path, ctx)?;
        let at = self.view.locate(&browse.path);
        let entries = at.and_then(|at| super::browse(&at.root, &at.relative, &browse.path));
        let entries = entries.map_err(|e| refused(e, &browse.path))?;
        Ok(entries.into_iter().map(|e| Pb(file_info(e))).collect())
    }
}

impl Handler<Read> for Files {
    type Result = Result<Chunk, Refused>;

    fn handle(&mut self, read: Read, ctx: &mut Context<Self>) -> Self::Result {
        check_peer(&read.path, ctx)?;
        let at = self.view.locate(&read.path);
        let piece = at.and_then(|at| super::read(&at.root, &at.relative, read.offset, read.length));
        let piece = piece.map_err(|e| refused(e, &read.path))?;
        Ok(Chunk {
            offset: piece.offset,
            data: piece.data,
        })
    }
}

fn check_peer(path: &str, ctx: &Context<Files>) -> Result<(), Refused> {
    match ctx.peer() {
        Peer::Remote(peer) if peer.role == roles::EXECUTOR => {
            Err(Refused::Forbidden(path.to_owned()))
        }
        _ => Ok(()),
    }
}

fn refused(error: FilesError, path: &str) -> Refused {
    match error {
        FilesError::NotFound => Refused::NotFound(path.to_owned()),
        FilesError::Forbidden => Refused::Forbidden(path.to_owned()),
        FilesError::Invalid(text) => Refused::Invalid(format!("'{path}': {text}")),
        FilesError::Failed(text) => Refused::Failed(format!("'{path}': {text}")),
    }
}

fn file_info(entry: Entry) -> FileInfo {
    FileInfo {
        path: entry.path,
        nlink: i32::try_from(entry.nlink).ok(),
        size: Some(entry.size),
        mtime: Some(TimeInfo {
            nanoseconds: entry.mtime.saturating_mul(1_000_000_000),
        }),
        mode: Some(entry.mode_bits),
        uid: Some(entry.uid),
        gid: Some(entry.gid),
    }
}
