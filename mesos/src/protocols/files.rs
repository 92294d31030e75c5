//! Looking into sandboxes.

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

use crate::v1;
use crate::wire::Pb;

/// The most bytes one [`Read`] returns, whatever it asks for: large enough that a log flows at
/// full speed, small enough that a reader holds up nobody on its link.
pub const MAX_READ_BYTES: u64 = 64 << 10;

/// The most entries one [`Browse`] returns. A directory may hold millions of files.
pub const MAX_BROWSE_ENTRIES: usize = 10_000;

protocol! {
    /// What the files of an agent answer, to tools and to the agent's HTTP server. Paths are
    /// virtual: `/frameworks/<id>/executors/<id>/runs/latest/stdout`, or a sandbox's
    /// real path as the agent's `/state` shows it. Nothing outside the attached directories can
    /// be reached, through links neither.
    pub FilesProtocol = "mesos.files" {
        1 => Browse -> Result<Vec<Pb<v1::FileInfo>>, FilesError>,
        2 => Read -> Result<Chunk, FilesError>,
    }
}

/// List a directory, sorted by path; at most [`MAX_BROWSE_ENTRIES`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Browse {
    /// The directory's virtual path.
    pub path: String,
}

/// Read a part of a file; at most [`MAX_READ_BYTES`]. To follow a file, read again at
/// `chunk.offset + chunk.data.len()`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Read {
    /// The file's virtual path.
    pub path: String,
    /// Where to begin, in bytes; `None` asks only for the size.
    pub offset: Option<u64>,
    /// How many bytes at most; `None` is as many as allowed.
    pub length: Option<u64>,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Where `data` begins; the file's size if none was asked for or `offset` lies beyond it.
    pub offset: u64,
    /// The bytes; empty at the end of the file.
    pub data: Vec<u8>,
}

/// Why a file or directory cannot be had. The text names the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FilesError {
    /// Nothing is attached there, or it is gone.
    #[error("'{0}' does not exist")]
    NotFound(String),
    /// The caller may not see it.
    #[error("'{0}' may not be read by this caller")]
    Forbidden(String),
    /// The request makes no sense: a directory read, a file browsed, a malformed path.
    #[error("{0}")]
    Invalid(String),
    /// The disk failed.
    #[error("{0}")]
    Failed(String),
}
