//! Reading a master's documents.

use bytes::Bytes;
use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

protocol! {
    /// What a master's reader answers, to tools: the same read-only documents as its HTTP
    /// server's, made from the same published view, never from the master's mailbox.
    pub ReaderProtocol = "mesos.reader" {
        1 => Read -> Result<Document, ReadError>,
    }
}

/// Read a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Read {
    /// As in the URL: `/state`, `/tasks`, `/metrics/snapshot`.
    pub path: String,
    /// As in the URL after the question mark, without it; empty for none.
    pub query: String,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// A media type such as `application/json`.
    pub content_type: String,
    /// The content.
    pub body: Bytes,
}

/// Why a document cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ReadError {
    /// There is no such document.
    #[error("'{0}' does not exist")]
    NotFound(String),
    /// The caller may not see it.
    #[error("'{0}' may not be read by this caller")]
    Forbidden(String),
    /// The query makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// This master does not lead. The text is the leader's `host:port`, or empty if unknown.
    #[error("this master does not lead (leader: '{0}')")]
    NotLeader(String),
    /// This master leads but has not read its state back yet.
    #[error("the master is still recovering; try again in a moment")]
    Recovering,
}
